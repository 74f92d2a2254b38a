// conv2d_forward against kernels/reference/conv2d_forward.h.
#include "objloc/kernels/reference/conv2d_forward.h"

#include <doctest/doctest.h>

#include "tests/op_case.h"
#include "tests/ops/conv2d_shapes.h"

namespace objloc {
namespace {

/// How much worse than the window's maximum the value that `code` names is.
double regret(const Conv2dProblem& g, const Array& x, const Array& w, const Array& bias, const Place& at,
              double code) {
    if (code < 0 || code > (g.relu ? kPoolClipped : 3)) return INFINITY;
    const double best = reference::conv2d_output(g, x, w, bias, at.a, at.b, at.c, at.d).value;
    if (code == double{kPoolClipped}) return best;
    const auto place = static_cast<int64_t>(code);
    const double chosen =
        reference::conv2d_sum(g, x, w, bias, at.a, 2 * at.b + place / 2, 2 * at.c + place % 2, at.d);
    return best - chosen;
}

OpCase conv2d_forward(const Conv2dProblem& g, bool with_bias, bool sampled) {
    OpCase op;
    op.name = name_of("conv2d_forward", g) + (with_bias ? " bias" : "");
    op.inputs = {{.name = "x", .shape = shape_of_x(g)}, {.name = "w", .shape = shape_of_w(g)}};
    if (with_bias) op.inputs.push_back({.name = "bias", .shape = {g.K}});
    op.outputs = {{.name = "y", .shape = shape_of_y(g)}};
    if (g.pool) op.outputs.push_back({.name = "codes", .shape = shape_of_y(g), .type = DType::u8});
    op.tolerance = summed(g.R * g.S * g.C + 1);
    op.tiny = is_tiny(g);
    op.bf16 = true;
    op.run = [g, with_bias](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_forward(g, in[0], in[1], with_bias ? in[2] : Tensor(), out[0],
                               g.pool ? out[1] : Tensor());
    };
    const auto bias_of = [with_bias](const Arrays& in) { return with_bias ? in[2] : Array(); };
    const auto at = [g, bias_of](const Arrays& in, size_t output, int64_t element) {
        const Place to = place_in(shape_of_y(g), element);
        const reference::Conv2dOutput result =
            reference::conv2d_output(g, in[0], in[1], bias_of(in), to.a, to.b, to.c, to.d);
        return output == 0 ? result.value : result.code;
    };
    op.reference = [g, bias_of](const Arrays& in, Arrays& out) {
        reference::conv2d_forward(g, in[0], in[1], bias_of(in), out[0], g.pool ? &out[1] : nullptr);
    };
    if (sampled) op.reference_at = at;
    op.regret = [g, bias_of](const Arrays& in, int64_t element, double code) {
        return regret(g, in[0], in[1], bias_of(in), place_in(shape_of_y(g), element), code);
    };
    return op;
}

}  // namespace

TEST_CASE("conv2d_forward: small shapes with every epilogue") {
    for (const Conv2dProblem& problem : with_epilogues(small_convolutions())) {
        check(conv2d_forward(problem, true, false));
        check(conv2d_forward(problem, false, false));
    }
}

TEST_CASE("conv2d_forward: sizes for tensor cores") {
    for (const Conv2dProblem& problem : with_epilogues(tensor_core_convolutions())) {
        OpCase op = conv2d_forward(problem, true, false);
        op.tiny = true;
        check(op);
    }
}

TEST_CASE("conv2d_forward: first layers") {
    for (const Conv2dProblem& problem : first_layer_convolutions()) {
        OpCase op = conv2d_forward(problem, true, false);
        op.tiny = true;
        check(op);
    }
}

TEST_CASE("conv2d_forward: VGG16's layers") {
    for (const Conv2dProblem& problem : vgg16_convolutions()) check(conv2d_forward(problem, true, true));
}

}  // namespace objloc
