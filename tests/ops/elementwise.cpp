// relu, sigmoid, add and mul, forward and backward, against their references; outputs may lie over inputs.
#include <doctest/doctest.h>

#include <cmath>

#include "objloc/kernels/reference/add.h"
#include "objloc/kernels/reference/mul.h"
#include "objloc/kernels/reference/relu.h"
#include "objloc/kernels/reference/sigmoid.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"

namespace objloc {
namespace {

// One element, odd counts around vector widths, and enough for every thread and block.
const std::vector<Shape> kShapes = {{1}, {3}, {17}, {2, 3, 5, 7}, {1, 33, 31, 4}, {100'003}};

using Unary = void (Backend::*)(const Tensor&, const Tensor&);
using Binary = void (Backend::*)(const Tensor&, const Tensor&, const Tensor&);

OpCase unary(const std::string& name, Unary method, double (*value)(double), const Shape& shape) {
    OpCase op;
    op.name = name + " " + shape.text();
    op.inputs = {{.name = "x", .shape = shape, .fill = uniform(-8, 8)}};
    op.outputs = {{.name = "y", .shape = shape}};
    op.run = [method](Backend& backend, const auto& in, const auto& out) {
        (backend.*method)(in[0], out[0]);
    };
    op.reference = [value](const Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < in[0].count(); ++i) out[0][i] = value(in[0][i]);
    };
    op.in_place = {0};
    op.unaligned = true;
    op.tiny = true;
    return op;
}

OpCase binary(const std::string& name, Binary method, double (*value)(double, double), const Shape& shape) {
    OpCase op;
    op.name = name + " " + shape.text();
    op.inputs = {{.name = "first", .shape = shape}, {.name = "second", .shape = shape}};
    op.outputs = {{.name = "result", .shape = shape}};
    op.run = [method](Backend& backend, const auto& in, const auto& out) {
        (backend.*method)(in[0], in[1], out[0]);
    };
    op.reference = [value](const Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < in[0].count(); ++i) out[0][i] = value(in[0][i], in[1][i]);
    };
    op.in_place = {0, 1};
    op.unaligned = true;
    op.tiny = true;
    return op;
}

/// The gradient of y = value(x), where the backward takes dy and y.
GradientCase unary_gradient(const std::string& name, Unary forward, Binary backward,
                            double (*value)(double)) {
    const Shape shape = {3, 7};
    GradientCase gradient;
    gradient.name = name;
    gradient.inputs = {{.name = "x", .shape = shape, .fill = uniform(-2, 2)}};
    gradient.output = shape;
    gradient.forward = [value](const Arrays& in) {
        Array y = in[0];
        for (double& element : y.values) element = value(element);
        return y;
    };
    gradient.backward = [forward, backward](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor y = backend.allocate(in[0].shape()), dx = backend.allocate(in[0].shape());
        (backend.*forward)(in[0], y);
        (backend.*backward)(dy, y, dx);
        return std::vector<Tensor>{dx};
    };
    gradient.kink_distance = [](const Arrays& in) {
        double nearest = INFINITY;
        for (const double x : in[0].values) nearest = std::min(nearest, std::abs(x));
        return nearest;
    };
    return gradient;
}

}  // namespace

TEST_CASE("relu") {
    for (const Shape& shape : kShapes) {
        OpCase forward = unary("relu_forward", &Backend::relu_forward, reference::relu_forward, shape);
        forward.tolerance = rounded(0, "nothing is rounded");
        forward.bf16 = true;
        check(forward);
        OpCase backward = binary("relu_backward", &Backend::relu_backward, reference::relu_backward, shape);
        backward.tolerance = rounded(0, "nothing is rounded");
        backward.bf16 = true;
        check(backward);
    }
    check(unary_gradient("relu", &Backend::relu_forward, &Backend::relu_backward, reference::relu_forward));
}

TEST_CASE("sigmoid") {
    for (const Shape& shape : kShapes) {
        OpCase forward =
            unary("sigmoid_forward", &Backend::sigmoid_forward, reference::sigmoid_forward, shape);
        forward.tolerance = rounded(8, "exp is good to a few units in the last place");
        forward.exact = false;
        check(forward);
        forward.inputs[0].fill = uniform(-100, 100);  // saturates without overflow
        check(forward);
        OpCase backward =
            binary("sigmoid_backward", &Backend::sigmoid_backward, reference::sigmoid_backward, shape);
        backward.inputs[1].fill = uniform(0, 1);
        backward.tolerance = rounded(4, "1 - y and two products round");
        check(backward);
    }
    check(unary_gradient("sigmoid", &Backend::sigmoid_forward, &Backend::sigmoid_backward,
                         reference::sigmoid_forward));
}

TEST_CASE("add and mul") {
    for (const Shape& shape : kShapes) {
        OpCase add = binary("add", &Backend::add, reference::add, shape);
        add.tolerance = rounded(1, "one rounding");
        add.bf16 = true;
        check(add);
        OpCase mul = binary("mul", &Backend::mul, reference::mul, shape);
        mul.tolerance = rounded(1, "one rounding");
        mul.bf16 = true;
        check(mul);
    }
}

}  // namespace objloc
