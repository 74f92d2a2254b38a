// The four ops of dense layers.
#include "objloc/kernels/reference/dense.h"

#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"

namespace objloc {
namespace {

const std::vector<DenseProblem> kShapes = {
    {.N = 1, .inputs = 1, .outputs = 1},
    {.N = 1, .inputs = 7, .outputs = 3},
    {.N = 5, .inputs = 1, .outputs = 4},
    {.N = 3, .inputs = 17, .outputs = 33},
    {.N = 64, .inputs = 50, .outputs = 3},
    {.N = 2, .inputs = 128, .outputs = 64},
    {.N = 9, .inputs = 100, .outputs = 1},
    {.N = 3, .inputs = 2068, .outputs = 2},
    {.N = 2, .inputs = 36, .outputs = 7},
    {.N = 70, .inputs = 68, .outputs = 4},
    // VGG16's head for images of 128 pixels, and Keras's fully connected layers at a quarter of their width.
    {.N = 2, .inputs = 8192, .outputs = 3},
    {.N = 16, .inputs = 1024, .outputs = 1024},
};

/// What the four have in common.
OpCase dense(const std::string& op, const DenseProblem& g, std::vector<Input> inputs, const Output& output,
             int64_t terms) {
    return {.op = op,
            .shape = sizes_text(g) + ", N " + std::to_string(g.N),
            .inputs = std::move(inputs),
            .outputs = {output},
            .tolerance = summed(terms),
            .unaligned = true,
            .tiny = g.N * g.inputs * g.outputs < 500'000,
            .flops = flops(g)};
}

/// The gradients of x, w and bias.
std::vector<Tensor> gradients(const DenseProblem& g, Backend& backend, const std::vector<Tensor>& in,
                              const Tensor& dy) {
    const Tensor dx = backend.allocate(in[0].shape()), dw = backend.allocate(in[1].shape()),
                 db = backend.allocate(in[2].shape());
    backend.dense_backward_data(g, dy, in[1], dx);
    backend.dense_backward_weights(g, in[0], dy, dw);
    backend.dense_backward_bias(g, dy, db);
    return {dx, dw, db};
}

OpCase forward(const DenseProblem& g, bool with_bias) {
    OpCase op =
        dense("dense_forward", g,
              {{.name = "x", .shape = {g.N, g.inputs}}, {.name = "w", .shape = {g.inputs, g.outputs}}},
              {"y", {g.N, g.outputs}}, g.inputs + 1);
    op.shape += with_bias ? " bias" : "";
    if (with_bias) op.inputs.push_back({.name = "bias", .shape = {g.outputs}});
    op.run = [g, with_bias](Backend& b, const auto& in, const auto& out) {
        b.dense_forward(g, in[0], in[1], with_bias ? in[2] : Tensor(), out[0]);
    };
    op.reference_at = [g, with_bias](const Arrays& in, size_t, int64_t i) {
        static const Array none;
        return reference::dense_forward(g, in[0], in[1], with_bias ? in[2] : none, i / g.outputs,
                                        i % g.outputs);
    };
    if (with_bias && g.N * g.inputs * g.outputs < 2000) {
        op.gradient.backward = [g](Backend& backend, const auto& in, const Tensor& dy) {
            return gradients(g, backend, in, dy);
        };
    }
    return op;
}

OpCase backward_data(const DenseProblem& g) {
    OpCase op =
        dense("dense_backward_data", g,
              {{.name = "dy", .shape = {g.N, g.outputs}}, {.name = "w", .shape = {g.inputs, g.outputs}}},
              {"dx", {g.N, g.inputs}}, g.outputs);
    op.run = [g](Backend& b, const auto& in, const auto& out) {
        b.dense_backward_data(g, in[0], in[1], out[0]);
    };
    op.reference_at = [g](const Arrays& in, size_t, int64_t i) {
        return reference::dense_backward_data(g, in[0], in[1], i / g.inputs, i % g.inputs);
    };
    return op;
}

OpCase backward_weights(const DenseProblem& g) {
    OpCase op = dense("dense_backward_weights", g,
                      {{.name = "x", .shape = {g.N, g.inputs}}, {.name = "dy", .shape = {g.N, g.outputs}}},
                      {"dw", {g.inputs, g.outputs}}, g.N);
    op.run = [g](Backend& b, const auto& in, const auto& out) {
        b.dense_backward_weights(g, in[0], in[1], out[0]);
    };
    op.reference_at = [g](const Arrays& in, size_t, int64_t i) {
        return reference::dense_backward_weights(g, in[0], in[1], i / g.outputs, i % g.outputs);
    };
    return op;
}

OpCase backward_bias(const DenseProblem& g) {
    OpCase op = dense("dense_backward_bias", g, {{.name = "dy", .shape = {g.N, g.outputs}}},
                      {"db", {g.outputs}}, g.N);
    op.run = [g](Backend& b, const auto& in, const auto& out) { b.dense_backward_bias(g, in[0], out[0]); };
    op.reference_at = [g](const Arrays& in, size_t, int64_t o) {
        return reference::dense_backward_bias(g, in[0], o);
    };
    op.flops = 0;  // a sum over memory
    return op;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<DenseProblem> problems = kShapes;
    for (int i = 0; i < kRandomShapes; ++i) {
        problems.push_back(
            {.N = draw(shapes, 1, 9), .inputs = draw(shapes, 1, 40), .outputs = draw(shapes, 1, 9)});
    }
    std::vector<OpCase> cases;
    for (const DenseProblem& g : problems) {
        for (const OpCase& op :
             {forward(g, true), forward(g, false), backward_data(g), backward_weights(g), backward_bias(g)}) {
            cases.push_back(op);
        }
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const DenseProblem g = {.N = sizes.batch, .inputs = sizes.features, .outputs = sizes.outputs};
    std::vector<OpCase> cases = {forward(g, true), backward_data(g), backward_weights(g), backward_bias(g)};
    for (OpCase& op : cases) op.shape = sizes_text(g);
    return cases;
}

}  // namespace

const OpCases op_cases::dense = {tests, bench};

}  // namespace objloc
