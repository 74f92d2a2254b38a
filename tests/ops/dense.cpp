// The four dense ops against kernels/reference/dense.h, and their gradients.
#include "objloc/kernels/reference/dense.h"

#include <doctest/doctest.h>

#include "tests/op_case.h"
#include "tests/op_case_gradient.h"

namespace objloc {
namespace {

const std::vector<DenseProblem> kSmall = {
    {.N = 1, .inputs = 1, .outputs = 1},   {.N = 1, .inputs = 7, .outputs = 3},
    {.N = 5, .inputs = 1, .outputs = 4},   {.N = 3, .inputs = 17, .outputs = 33},
    {.N = 64, .inputs = 50, .outputs = 3}, {.N = 2, .inputs = 128, .outputs = 64},
    {.N = 9, .inputs = 100, .outputs = 1}, {.N = 3, .inputs = 2068, .outputs = 2},
    {.N = 2, .inputs = 36, .outputs = 7},  {.N = 70, .inputs = 68, .outputs = 4},
};
// VGG16's head for images of 128 pixels, and Keras's fully connected layers at a quarter of their width.
const std::vector<DenseProblem> kLarge = {
    {.N = 2, .inputs = 8192, .outputs = 3},
    {.N = 16, .inputs = 1024, .outputs = 1024},
};

std::string name_of(const std::string& op, const DenseProblem& g) {
    return op + " N" + std::to_string(g.N) + " inputs " + std::to_string(g.inputs) + " outputs " +
           std::to_string(g.outputs);
}

bool is_tiny(const DenseProblem& g) {
    return g.N * g.inputs * g.outputs < 500'000;
}

OpCase dense_forward(const DenseProblem& g, bool with_bias) {
    OpCase op;
    op.name = name_of("dense_forward", g) + (with_bias ? " bias" : "");
    op.inputs = {{.name = "x", .shape = {g.N, g.inputs}}, {.name = "w", .shape = {g.inputs, g.outputs}}};
    if (with_bias) op.inputs.push_back({.name = "bias", .shape = {g.outputs}});
    op.outputs = {{.name = "y", .shape = {g.N, g.outputs}}};
    op.run = [g, with_bias](Backend& backend, const auto& in, const auto& out) {
        backend.dense_forward(g, in[0], in[1], with_bias ? in[2] : Tensor(), out[0]);
    };
    op.reference = [g, with_bias](const Arrays& in, Arrays& out) {
        const Array bias = with_bias ? in[2] : Array();
        for (int64_t i = 0; i < out[0].count(); ++i) {
            out[0][i] = reference::dense_forward(g, in[0], in[1], bias, i / g.outputs, i % g.outputs);
        }
    };
    op.tolerance = summed(g.inputs + 1);
    op.unaligned = true;
    op.tiny = is_tiny(g);
    return op;
}

OpCase dense_backward_data(const DenseProblem& g) {
    OpCase op;
    op.name = name_of("dense_backward_data", g);
    op.inputs = {{.name = "dy", .shape = {g.N, g.outputs}}, {.name = "w", .shape = {g.inputs, g.outputs}}};
    op.outputs = {{.name = "dx", .shape = {g.N, g.inputs}}};
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.dense_backward_data(g, in[0], in[1], out[0]);
    };
    op.reference = [g](const Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < out[0].count(); ++i) {
            out[0][i] = reference::dense_backward_data(g, in[0], in[1], i / g.inputs, i % g.inputs);
        }
    };
    op.tolerance = summed(g.outputs);
    op.unaligned = true;
    op.tiny = is_tiny(g);
    return op;
}

OpCase dense_backward_weights(const DenseProblem& g) {
    OpCase op;
    op.name = name_of("dense_backward_weights", g);
    op.inputs = {{.name = "x", .shape = {g.N, g.inputs}}, {.name = "dy", .shape = {g.N, g.outputs}}};
    op.outputs = {{.name = "dw", .shape = {g.inputs, g.outputs}}};
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.dense_backward_weights(g, in[0], in[1], out[0]);
    };
    op.reference = [g](const Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < out[0].count(); ++i) {
            out[0][i] = reference::dense_backward_weights(g, in[0], in[1], i / g.outputs, i % g.outputs);
        }
    };
    op.tolerance = summed(g.N);
    op.unaligned = true;
    op.tiny = is_tiny(g);
    return op;
}

OpCase dense_backward_bias(const DenseProblem& g) {
    OpCase op;
    op.name = name_of("dense_backward_bias", g);
    op.inputs = {{.name = "dy", .shape = {g.N, g.outputs}}};
    op.outputs = {{.name = "db", .shape = {g.outputs}}};
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.dense_backward_bias(g, in[0], out[0]);
    };
    op.reference = [g](const Arrays& in, Arrays& out) {
        for (int64_t o = 0; o < g.outputs; ++o) out[0][o] = reference::dense_backward_bias(g, in[0], o);
    };
    op.tolerance = summed(g.N);
    op.unaligned = true;
    op.tiny = is_tiny(g);
    return op;
}

void check_all(const DenseProblem& problem) {
    check(dense_forward(problem, true));
    check(dense_forward(problem, false));
    check(dense_backward_data(problem));
    check(dense_backward_weights(problem));
    check(dense_backward_bias(problem));
}

GradientCase dense(const DenseProblem& g) {
    GradientCase gradient;
    gradient.name = name_of("dense", g);
    gradient.inputs = {{.name = "x", .shape = {g.N, g.inputs}},
                       {.name = "w", .shape = {g.inputs, g.outputs}},
                       {.name = "bias", .shape = {g.outputs}}};
    gradient.output = {g.N, g.outputs};
    gradient.forward = [g](const Arrays& in) {
        Array y({g.N, g.outputs});
        for (int64_t i = 0; i < y.count(); ++i) {
            y[i] = reference::dense_forward(g, in[0], in[1], in[2], i / g.outputs, i % g.outputs);
        }
        return y;
    };
    gradient.backward = [g](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor dx = backend.allocate(in[0].shape()), dw = backend.allocate(in[1].shape()),
                     db = backend.allocate(in[2].shape());
        backend.dense_backward_data(g, dy, in[1], dx);
        backend.dense_backward_weights(g, in[0], dy, dw);
        backend.dense_backward_bias(g, dy, db);
        return std::vector<Tensor>{dx, dw, db};
    };
    return gradient;
}

}  // namespace

TEST_CASE("dense: small shapes") {
    for (const DenseProblem& problem : kSmall) check_all(problem);
}

TEST_CASE("dense: heads of VGG16") {
    for (const DenseProblem& problem : kLarge) check_all(problem);
}

TEST_CASE("dense: gradients against finite differences") {
    for (const DenseProblem& problem : kSmall) {
        if (problem.N * problem.inputs * problem.outputs < 2000) check(dense(problem));
    }
}

}  // namespace objloc
