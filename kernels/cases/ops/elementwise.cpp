// relu, sigmoid, add and mul, forward and backward; outputs may lie over inputs.
#include <algorithm>
#include <cmath>

#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"
#include "objloc/kernels/reference/add.h"
#include "objloc/kernels/reference/mul.h"
#include "objloc/kernels/reference/relu.h"
#include "objloc/kernels/reference/sigmoid.h"

namespace objloc {
namespace {

// One element, odd counts around vector widths, and enough for every thread and block.
const std::vector<Shape> kShapes = {{1}, {3}, {17}, {2, 3, 5, 7}, {1, 33, 31, 4}, {100'003}};

using Unary = void (Backend::*)(const Tensor&, const Tensor&);
using Binary = void (Backend::*)(const Tensor&, const Tensor&, const Tensor&);

OpCase unary(const std::string& name, Unary method, double (*value)(double), const Shape& shape) {
    return {.op = name,
            .shape = sizes_text(shape),
            .inputs = {{.name = "x", .shape = shape, .fill = uniform(-8, 8)}},
            .outputs = {{.name = "y", .shape = shape}},
            .run = [method](Backend& b, const auto& in, const auto& out) { (b.*method)(in[0], out[0]); },
            .reference_at = [value](const Arrays& in, size_t, int64_t i) { return value(in[0][i]); },
            .unaligned = true,
            .tiny = true,
            .in_place = {0}};
}

OpCase binary(const std::string& name, Binary method, double (*value)(double, double), const Shape& shape) {
    return {
        .op = name,
        .shape = sizes_text(shape),
        .inputs = {{.name = "first", .shape = shape}, {.name = "second", .shape = shape}},
        .outputs = {{.name = "result", .shape = shape}},
        .run = [method](Backend& b, const auto& in, const auto& out) { (b.*method)(in[0], in[1], out[0]); },
        .reference_at = [value](const Arrays& in, size_t, int64_t i) { return value(in[0][i], in[1][i]); },
        .unaligned = true,
        .tiny = true,
        .in_place = {0, 1}};
}

OpCase relu_forward(const Shape& shape) {
    OpCase op = unary("relu_forward", &Backend::relu_forward, reference::relu_forward, shape);
    op.tolerance = rounded(0, "nothing is rounded");
    op.bf16 = true;
    return op;
}

OpCase relu_backward(const Shape& shape) {
    OpCase op = binary("relu_backward", &Backend::relu_backward, reference::relu_backward, shape);
    op.tolerance = rounded(0, "nothing is rounded");
    op.bf16 = true;
    return op;
}

OpCase sigmoid_forward(const Shape& shape) {
    OpCase op = unary("sigmoid_forward", &Backend::sigmoid_forward, reference::sigmoid_forward, shape);
    op.tolerance = rounded(8, "exp is good to a few units in the last place");
    op.exact = false;
    return op;
}

OpCase saturated_sigmoid(const Shape& shape) {
    OpCase op = sigmoid_forward(shape);
    op.shape += ", saturates without overflow";
    op.inputs[0].fill = uniform(-100, 100);
    return op;
}

OpCase sigmoid_backward(const Shape& shape) {
    OpCase op = binary("sigmoid_backward", &Backend::sigmoid_backward, reference::sigmoid_backward, shape);
    op.inputs[1].fill = uniform(0, 1);
    op.tolerance = rounded(4, "1 - y and two products round");
    return op;
}

OpCase one_rounding(OpCase op) {
    op.tolerance = rounded(1, "one rounding");
    op.bf16 = true;
    return op;
}

OpCase add(const Shape& shape) {
    return one_rounding(binary("add", &Backend::add, reference::add, shape));
}

OpCase mul(const Shape& shape) {
    return one_rounding(binary("mul", &Backend::mul, reference::mul, shape));
}

/// The gradient of y = value(x), where the backward takes dy and y.
OpCase differentiated(OpCase op, Unary forward, Binary backward) {
    op.inputs[0].fill = uniform(-2, 2);
    op.gradient.backward = [forward, backward](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor y = backend.allocate(in[0].shape()), dx = backend.allocate(in[0].shape());
        (backend.*forward)(in[0], y);
        (backend.*backward)(dy, y, dx);
        return std::vector<Tensor>{dx};
    };
    op.gradient.kink_distance = [](const Arrays& in) {
        double nearest = INFINITY;
        for (const double x : in[0].values) nearest = std::min(nearest, std::abs(x));
        return nearest;
    };
    return op;
}

std::vector<OpCase> tests(Random& random) {
    std::vector<Shape> shapes = kShapes;
    for (int i = 0; i < kRandomShapes; ++i) {
        shapes.push_back({draw(random, 1, 3), draw(random, 1, 40), draw(random, 1, 40), draw(random, 1, 9)});
    }
    std::vector<OpCase> cases = {
        differentiated(relu_forward({3, 7}), &Backend::relu_forward, &Backend::relu_backward),
        differentiated(sigmoid_forward({3, 7}), &Backend::sigmoid_forward, &Backend::sigmoid_backward)};
    for (const auto& op :
         {relu_forward, relu_backward, sigmoid_forward, saturated_sigmoid, sigmoid_backward, add, mul}) {
        for (const Shape& shape : shapes) cases.push_back(op(shape));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const Shape& shape = sizes.activations;
    return {relu_forward(shape),     relu_backward(shape), sigmoid_forward(shape),
            sigmoid_backward(shape), add(shape),           mul(shape)};
}

}  // namespace

const OpCases op_cases::elementwise = {tests, bench};

}  // namespace objloc
