// matmul against kernels/reference/matmul.h, with and without transposes, and its gradients.
#include "objloc/kernels/reference/matmul.h"

#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"
#include "tests/test_backends.h"

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

Shape shape_of_a(const MatmulProblem& g) {
    return g.transpose_a ? Shape{g.batch, g.K, g.M} : Shape{g.batch, g.M, g.K};
}

Shape shape_of_b(const MatmulProblem& g) {
    return g.transpose_b ? Shape{g.batch, g.N, g.K} : Shape{g.batch, g.K, g.N};
}

std::string name_of(const Shape& a, const Shape& b, bool transpose_a, bool transpose_b) {
    return "matmul " + a.text() + (transpose_a ? "^T " : " ") + b.text() + (transpose_b ? "^T" : "");
}

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
    OpCase op;
    op.inputs = {{.name = "a", .shape = shape_of_a(g)}, {.name = "b", .shape = shape_of_b(g)}};
    op.name = name_of(op.inputs[0].shape, op.inputs[1].shape, g.transpose_a, g.transpose_b);
    op.outputs = {{.name = "y", .shape = {g.batch, g.M, g.N}}};
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.matmul(g, in[0], in[1], out[0]);
    };
    op.reference = [g](const Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = reference::matmul(g, in[0], in[1], i);
    };
    op.tolerance = summed(g.K);
    op.unaligned = true;
    op.tiny = g.batch * g.M * g.N * g.K < 500'000;
    return op;
}

/// The gradient of a product on the tape, which works out `problem` from the shapes.
GradientCase gradient_of(const Shape& a, const Shape& b, const Shape& y, const MatmulProblem& problem) {
    GradientCase gradient;
    gradient.name = name_of(a, b, problem.transpose_a, problem.transpose_b);
    gradient.inputs = {{.name = "a", .shape = a}, {.name = "b", .shape = b}};
    gradient.output = y;
    gradient.forward = [=](const Arrays& in) {
        Array result(y);
        for (int64_t i = 0; i < result.count(); ++i) result[i] = reference::matmul(problem, in[0], in[1], i);
        return result;
    };
    gradient.backward = on_tape([=](Tape& tape, const auto& in) {
        return ops::matmul(tape, in[0], in[1], {problem.transpose_a, problem.transpose_b});
    });
    return gradient;
}

}  // namespace

TEST_CASE("matmul") {
    for (const MatmulProblem& sizes : kSizes) {
        for (const MatmulProblem& problem : with_transposes(sizes)) check(matmul(problem));
    }
}

TEST_CASE("matmul: gradients against finite differences") {
    for (const MatmulProblem& g : with_transposes({.batch = 3, .M = 4, .N = 5, .K = 2})) {
        check(gradient_of(shape_of_a(g), shape_of_b(g), {3, 4, 5}, g));
    }
    for (const MatmulProblem& g : with_transposes({.M = 4, .N = 3, .K = 5})) {
        check(gradient_of(g.transpose_a ? Shape{5, 4} : Shape{4, 5},
                          g.transpose_b ? Shape{3, 5} : Shape{5, 3}, {4, 3}, g));
    }
    // One matrix for all of a's.
    check(gradient_of({2, 3, 4, 5}, {5, 6}, {2, 3, 4, 6}, {.M = 24, .N = 6, .K = 5}));
    check(gradient_of({2, 3, 5}, {4, 5}, {2, 3, 4}, {.M = 6, .N = 4, .K = 5, .transpose_b = true}));
}

TEST_CASE("matmul refuses shapes that do not fit") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const auto of = [&](const Shape& shape) {
            const Tensor zeros = backend->allocate(shape);
            backend->fill(zeros, 0);
            return tape.constant(zeros);
        };
        CHECK_THROWS_WITH_AS(ops::matmul(tape, of({2, 3}), of({4, 5})), doctest::Contains("3 and 4"), Error);
        CHECK_THROWS_AS(ops::matmul(tape, of({3}), of({3, 5})), Error);
        CHECK_THROWS_AS(ops::matmul(tape, of({2, 4, 3}), of({5, 3, 6})), Error);
        CHECK_THROWS_AS(ops::matmul(tape, of({4, 3}), of({5, 3, 6})), Error);
        CHECK_THROWS_AS(ops::matmul(tape, of({2, 3, 4}), of({3, 6}), {.transpose_a = true}), Error);
        CHECK(ops::matmul(tape, of({2, 3, 4}), of({2, 3, 6}), {.transpose_a = true}).shape() ==
              Shape{2, 4, 6});
    }
}

}  // namespace objloc
