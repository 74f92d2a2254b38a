// bce and sigmoid_bce, forward and backward.
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"
#include "objloc/kernels/reference/bce.h"
#include "objloc/kernels/reference/sigmoid_bce.h"

namespace objloc {
namespace {

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
    Fill smooth;          // where the third derivative does not spoil the differences
};

// 1 - 1e-7 is the next f32 below 1, so between the bound and 1 there is nothing; the bounds themselves may go
// either way.
const Loss kBce = {"bce",
                   &Backend::bce_forward,
                   &Backend::bce_backward,
                   reference::bce_forward,
                   reference::bce_backward,
                   uniform(0.02, 0.98),
                   these({0, 1, 1e-9, 0.25, 2e-7, 0.999999}),
                   uniform(0.2, 0.8)};
const Loss kSigmoidBce = {"sigmoid_bce",
                          &Backend::sigmoid_bce_forward,
                          &Backend::sigmoid_bce_backward,
                          reference::sigmoid_bce_forward,
                          reference::sigmoid_bce_backward,
                          uniform(-4, 4),
                          these({-1000, 1000, -90, 90, 0, 17, -17}),
                          uniform(-4, 4)};

OpCase forward(const Loss& loss, const Shape& shape, const Fill& guess, const Fill& target) {
    return {
        .op = loss.name + "_forward",
        .shape = sizes_text(shape),
        .inputs = {{.name = "guess", .shape = shape, .fill = guess},
                   {.name = "t", .shape = shape, .fill = target}},
        .outputs = {{.name = "loss", .shape = {1}}},
        .run = [method = loss.forward](Backend& b, const auto& in,
                                       const auto& out) { (b.*method)(in[0], in[1], out[0]); },
        .reference = [value = loss.value](const Arrays& in, Arrays& out) { out[0][0] = value(in[0], in[1]); },
        .tolerance = rounded(16, "logarithms are good to a few units in the last place, and 1 - p rounds"),
        .exact = false,
        .tiny = true};
}

OpCase backward(const Loss& loss, const Shape& shape, const Fill& guess, const Fill& target) {
    return {.op = loss.name + "_backward",
            .shape = sizes_text(shape),
            .inputs = {{.name = "guess", .shape = shape, .fill = guess},
                       {.name = "t", .shape = shape, .fill = target},
                       {.name = "dloss", .shape = {1}, .fill = uniform(0.5, 2)}},
            .outputs = {{.name = "gradient", .shape = shape}},
            .run = [method = loss.backward](Backend& b, const auto& in,
                                            const auto& out) { (b.*method)(in[0], in[1], in[2], out[0]); },
            .reference_at = [slope = loss.slope](
                                const Arrays& in, size_t,
                                int64_t i) { return slope(in[0][i], in[1][i], in[2][0], in[0].count()); },
            .tolerance = rounded(16, "1 - p rounds, and t/p may cancel against (1-t)/(1-p)"),
            .exact = false,
            .tiny = true};
}

OpCase differentiated(const Loss& loss) {
    OpCase op = forward(loss, {4, 3}, loss.smooth, uniform(0, 1));
    op.gradient.backward = [method = loss.backward](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor slope = backend.allocate(in[0].shape());
        (backend.*method)(in[0], in[1], dy, slope);
        return std::vector<Tensor>{slope, Tensor()};
    };
    return op;
}

std::vector<OpCase> tests(Random& random) {
    std::vector<Shape> shapes = {{1, 1}, {1, 3}, {5, 4}, {64, 3}, {1000, 4}};
    for (int i = 0; i < kRandomShapes; ++i) shapes.push_back({draw(random, 1, 300), draw(random, 1, 9)});
    std::vector<OpCase> cases;
    for (const Loss& loss : {kBce, kSigmoidBce}) {
        for (const Shape& shape : shapes) {
            cases.push_back(forward(loss, shape, loss.guess, uniform(0, 1)));
            cases.push_back(backward(loss, shape, loss.guess, uniform(0, 1)));
            cases.push_back(forward(loss, shape, loss.extreme, these({1, 0, 0.5})));
        }
        for (const double target : {0.0, 0.5, 1.0}) {
            cases.push_back(forward(loss, {7, 6}, loss.extreme, these({target})));
            cases.push_back(backward(loss, {7, 6}, loss.extreme, these({target})));
        }
        cases.push_back(differentiated(loss));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const Shape shape = {sizes.batch, sizes.outputs};
    std::vector<OpCase> cases;
    for (const Loss& loss : {kBce, kSigmoidBce}) {
        cases.push_back(forward(loss, shape, loss.guess, uniform(0.05, 0.95)));
        cases.push_back(backward(loss, shape, loss.guess, uniform(0.05, 0.95)));
    }
    return cases;
}

}  // namespace

const OpCases op_cases::losses = {tests, bench};

}  // namespace objloc
