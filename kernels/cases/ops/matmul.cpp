// matmul, with and without transposes.
#include "objloc/kernels/reference/matmul.h"

#include "objloc/engine/ops/ops.h"
#include "objloc/kernels/cases/on_tape.h"
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"

namespace objloc {
namespace {

// One element, odd sizes, tiles that are full and that are not, many matrices; the last two are for real backends.
const std::vector<MatmulProblem> kSizes = {
    {.batch = 1, .M = 1, .N = 1, .K = 1},      {.batch = 2, .M = 3, .N = 5, .K = 7},
    {.batch = 1, .M = 17, .N = 33, .K = 9},    {.batch = 3, .M = 8, .N = 4, .K = 12},
    {.batch = 5, .M = 1, .N = 6, .K = 40},     {.batch = 1, .M = 130, .N = 70, .K = 20},
    {.batch = 2, .M = 20, .N = 132, .K = 36},  {.batch = 40, .M = 2, .N = 3, .K = 4},
    {.batch = 3, .M = 129, .N = 300, .K = 65}, {.batch = 64, .M = 64, .N = 64, .K = 32},
};

/// The four kinds of a problem.
std::vector<MatmulProblem> with_transposes(MatmulProblem g) {
    std::vector<MatmulProblem> kinds;
    for (const int kind : {0, 1, 2, 3}) {
        g.transpose_a = kind % 2 == 1;
        g.transpose_b = kind / 2 == 1;
        kinds.push_back(g);
    }
    return kinds;
}

OpCase matmul(const MatmulProblem& g) {
    const Shape a = g.transpose_a ? Shape{g.batch, g.K, g.M} : Shape{g.batch, g.M, g.K};
    const Shape b = g.transpose_b ? Shape{g.batch, g.N, g.K} : Shape{g.batch, g.K, g.N};
    return {
        .op = "matmul",
        .shape = sizes_text(a) + (g.transpose_a ? "^T " : " ") + sizes_text(b) + (g.transpose_b ? "^T" : ""),
        .inputs = {{.name = "a", .shape = a}, {.name = "b", .shape = b}},
        .outputs = {{.name = "y", .shape = {g.batch, g.M, g.N}}},
        .run = [g](Backend& backend, const auto& in,
                   const auto& out) { backend.matmul(g, in[0], in[1], out[0]); },
        .reference_at = [g](const Arrays& in, size_t,
                            int64_t i) { return reference::matmul(g, in[0], in[1], i); },
        .tolerance = summed(g.K),
        .unaligned = true,
        .tiny = g.batch * g.M * g.N * g.K < 500'000,
        .flops = flops(g)};
}

/// With the gradient of the tape's product, which works the problem out from these shapes.
OpCase differentiated(const MatmulProblem& g, const Shape& a, const Shape& b) {
    OpCase op = matmul(g);
    op.inputs[0].shape = a, op.inputs[1].shape = b;
    op.gradient.backward = on_tape([g](Tape& tape, const auto& in) {
        return ops::matmul(tape, in[0], in[1], {g.transpose_a, g.transpose_b});
    });
    return op;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<MatmulProblem> sizes = kSizes;
    for (int i = 0; i < kRandomShapes; ++i) {
        sizes.push_back({.batch = draw(shapes, 1, 5),
                         .M = draw(shapes, 1, 40),
                         .N = draw(shapes, 1, 40),
                         .K = draw(shapes, 1, 40)});
    }
    std::vector<OpCase> cases;
    for (const MatmulProblem& of : sizes) {
        for (const MatmulProblem& problem : with_transposes(of)) cases.push_back(matmul(problem));
    }
    for (const MatmulProblem& g : with_transposes({.batch = 3, .M = 4, .N = 5, .K = 2})) {
        cases.push_back(differentiated(g, matmul(g).inputs[0].shape, matmul(g).inputs[1].shape));
    }
    for (const MatmulProblem& g : with_transposes({.M = 4, .N = 3, .K = 5})) {
        cases.push_back(differentiated(g, g.transpose_a ? Shape{5, 4} : Shape{4, 5},
                                       g.transpose_b ? Shape{3, 5} : Shape{5, 3}));
    }
    // One matrix for all of a's.
    cases.push_back(differentiated({.M = 24, .N = 6, .K = 5}, {2, 3, 4, 5}, {5, 6}));
    cases.push_back(differentiated({.M = 6, .N = 4, .K = 5, .transpose_b = true}, {2, 3, 5}, {4, 5}));
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    MatmulProblem g = {.batch = sizes.batch, .M = sizes.side, .N = sizes.side, .K = 64};
    std::vector<OpCase> cases;
    for (const MatmulProblem& problem : with_transposes(g)) cases.push_back(matmul(problem));
    return cases;
}

}  // namespace

const OpCases op_cases::matmul = {tests, bench};

}  // namespace objloc
