// bce and sigmoid_bce, forward and backward, against their references, and their gradients.
#include <doctest/doctest.h>

#include "objloc/kernels/reference/bce.h"
#include "objloc/kernels/reference/sigmoid_bce.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"

namespace objloc {
namespace {

const std::vector<Shape> kShapes = {{1, 1}, {1, 3}, {5, 4}, {64, 3}, {1000, 4}};

using Forward = void (Backend::*)(const Tensor&, const Tensor&, const Tensor&);
using Backward = void (Backend::*)(const Tensor&, const Tensor&, const Tensor&, const Tensor&);

/// What distinguishes the two losses.
struct Loss {
    std::string name;
    Forward forward;
    Backward backward;
    double (*value)(const Array& guess, const Array& target);
    double (*slope)(double guess, double target, double dloss, int64_t count);
    Fill guess, extreme;  // ordinary inputs; those where it clips or saturates
};

// 1 - 1e-7 is the next f32 below 1, so between the bound and 1 there is nothing; the bounds themselves may go
// either way.
const Loss kBce = {"bce",
                   &Backend::bce_forward,
                   &Backend::bce_backward,
                   reference::bce_forward,
                   reference::bce_backward,
                   uniform(0.02, 0.98),
                   these({0, 1, 1e-9, 0.25, 2e-7, 0.999999})};
const Loss kSigmoidBce = {"sigmoid_bce",
                          &Backend::sigmoid_bce_forward,
                          &Backend::sigmoid_bce_backward,
                          reference::sigmoid_bce_forward,
                          reference::sigmoid_bce_backward,
                          uniform(-4, 4),
                          these({-1000, 1000, -90, 90, 0, 17, -17})};

OpCase forward(const Loss& loss, const Shape& shape, const Fill& guess, const Fill& target) {
    OpCase op;
    op.name = loss.name + "_forward " + shape.text();
    op.inputs = {{.name = "guess", .shape = shape, .fill = guess},
                 {.name = "t", .shape = shape, .fill = target}};
    op.outputs = {{.name = "loss", .shape = {1}}};
    op.run = [method = loss.forward](Backend& backend, const auto& in, const auto& out) {
        (backend.*method)(in[0], in[1], out[0]);
    };
    op.reference = [value = loss.value](const Arrays& in, Arrays& out) { out[0][0] = value(in[0], in[1]); };
    op.tolerance = rounded(16, "logarithms are good to a few units in the last place, and 1 - p rounds");
    op.exact = false;
    op.tiny = true;
    return op;
}

OpCase backward(const Loss& loss, const Shape& shape, const Fill& guess, const Fill& target) {
    OpCase op;
    op.name = loss.name + "_backward " + shape.text();
    op.inputs = {{.name = "guess", .shape = shape, .fill = guess},
                 {.name = "t", .shape = shape, .fill = target},
                 {.name = "dloss", .shape = {1}, .fill = uniform(0.5, 2)}};
    op.outputs = {{.name = "gradient", .shape = shape}};
    op.run = [method = loss.backward](Backend& backend, const auto& in, const auto& out) {
        (backend.*method)(in[0], in[1], in[2], out[0]);
    };
    op.reference = [slope = loss.slope](const Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < in[0].count(); ++i) {
            out[0][i] = slope(in[0][i], in[1][i], in[2][0], in[0].count());
        }
    };
    op.tolerance = rounded(16, "1 - p rounds, and t/p may cancel against (1-t)/(1-p)");
    op.exact = false;
    op.tiny = true;
    return op;
}

void check_all(const Loss& loss) {
    for (const Shape& shape : kShapes) {
        check(forward(loss, shape, loss.guess, uniform(0, 1)));
        check(backward(loss, shape, loss.guess, uniform(0, 1)));
        check(forward(loss, shape, loss.extreme, these({1, 0, 0.5})));
    }
    for (const double target : {0.0, 0.5, 1.0}) {
        check(forward(loss, {7, 6}, loss.extreme, these({target})));
        check(backward(loss, {7, 6}, loss.extreme, these({target})));
    }
}

GradientCase gradient(const Loss& loss) {
    const Shape shape = {4, 3};
    GradientCase gradient;
    gradient.name = loss.name;
    gradient.inputs = {{.name = "guess", .shape = shape, .fill = loss.guess},
                       {.name = "t", .shape = shape, .fill = uniform(0, 1)}};
    gradient.output = {1};
    gradient.forward = [value = loss.value](const Arrays& in) {
        Array result(Shape{1});
        result[0] = value(in[0], in[1]);
        return result;
    };
    gradient.backward = [method = loss.backward](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor slope = backend.allocate(in[0].shape());
        (backend.*method)(in[0], in[1], dy, slope);
        return std::vector<Tensor>{slope, Tensor()};
    };
    return gradient;
}

}  // namespace

TEST_CASE("bce") {
    check_all(kBce);
    GradientCase bce = gradient(kBce);
    bce.inputs[0].fill = uniform(0.2, 0.8);  // where the third derivative does not spoil the differences
    check(bce);
}

TEST_CASE("sigmoid_bce") {
    check_all(kSigmoidBce);
    check(gradient(kSigmoidBce));
}

}  // namespace objloc
