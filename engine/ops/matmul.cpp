#include <utility>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {
namespace {

/// A batch of matrices, as they lie in memory.
struct Matrices {
    int64_t batch = 1, rows = 0, columns = 0;
};

Matrices matrices(const Shape& shape) {
    Matrices of;
    for (int axis = 0; axis < shape.rank() - 2; ++axis) of.batch *= shape[axis];
    of.rows = shape[shape.rank() - 2];
    of.columns = shape[shape.rank() - 1];
    return of;
}

bool same_leading_axes(const Shape& a, const Shape& b) {
    if (a.rank() != b.rank()) return false;
    for (int axis = 0; axis < a.rank() - 2; ++axis) {
        if (a[axis] != b[axis]) return false;
    }
    return true;
}

MatmulProblem problem_of(const Shape& a, const Shape& b, const MatmulOptions& options) {
    const auto refuse = [&](const std::string& why, const std::string& hint = "") {
        throw Error("matmul", a.text() + " by " + b.text() + " " + why, hint);
    };
    if (a.rank() < 2 || b.rank() < 2) refuse("are not both matrices");
    Matrices of_a = matrices(a), of_b = matrices(b);
    if (!same_leading_axes(a, b)) {
        if (b.rank() != 2) refuse("have different leading axes");
        // One matrix for all: the rows of all of a are the rows of one matrix.
        if (options.transpose_a)
            refuse("have different leading axes", "Transposed, a needs b for each matrix.");
        of_a.rows *= std::exchange(of_a.batch, 1);
    }
    if (options.transpose_a) std::swap(of_a.rows, of_a.columns);
    if (options.transpose_b) std::swap(of_b.rows, of_b.columns);
    if (of_a.columns != of_b.rows) {
        refuse("leave sums over " + std::to_string(of_a.columns) + " and " + std::to_string(of_b.rows) +
               " elements");
    }
    return {of_a.batch, of_a.rows, of_b.columns, of_a.columns, options.transpose_a, options.transpose_b};
}

Shape result_shape(const Shape& a, const MatmulProblem& problem, bool transpose_a) {
    Shape shape;
    for (int axis = 0; axis < a.rank() - 2; ++axis) shape.push_back(a[axis]);
    shape.push_back(a[a.rank() - (transpose_a ? 1 : 2)]);
    shape.push_back(problem.N);
    return shape;
}

}  // namespace

Variable matmul(Tape& tape, const Variable& a, const Variable& b, const MatmulOptions& options) {
    const MatmulProblem of = problem_of(a.shape(), b.shape(), options);
    if (a.value().type() != DType::f32 || b.value().type() != DType::f32) {
        throw Error("matmul", "wants a and b in f32", "Use ops::convert.");
    }
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(result_shape(a.shape(), of, options.transpose_a));
    backend.matmul(of, a.value(), b.value(), y);
    return tape.record(y, {a, b}, [&tape, &backend, of, a, b](const Tensor& dy) {
        // With A = op(a), B = op(b):  dA = dy B^T  and  dB = A^T dy; where op transposes, both sides of that.
        tape.accumulate_gradient(a, [&](const Tensor& da) {
            if (of.transpose_a) {
                backend.matmul({of.batch, of.K, of.M, of.N, of.transpose_b, true}, b.value(), dy, da);
            } else {
                backend.matmul({of.batch, of.M, of.K, of.N, false, !of.transpose_b}, dy, b.value(), da);
            }
        });
        tape.accumulate_gradient(b, [&](const Tensor& db) {
            if (of.transpose_b) {
                backend.matmul({of.batch, of.N, of.K, of.M, true, of.transpose_a}, dy, a.value(), db);
            } else {
                backend.matmul({of.batch, of.K, of.N, of.M, !of.transpose_a, false}, a.value(), dy, db);
            }
        });
    });
}

}  // namespace objloc::ops
