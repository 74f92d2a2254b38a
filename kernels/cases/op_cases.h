// All cases of all ops. Each file in kernels/cases/ops describes the ops of one name:
//
//     const OpCases op_cases::NAME = {tests, bench};
//
// What the tests run is what a file's `tests` gives, and the benchmark's small sizes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "objloc/kernels/cases/bench_sizes.h"
#include "objloc/kernels/cases/op_case.h"

namespace objloc {

/// How many shapes a file draws of each op, besides those that stand there.
constexpr int kRandomShapes = 4;

struct OpCases {
    /// Fixed shapes, odd ones included, and `kRandomShapes` that are drawn. Null: none beyond the benchmark's.
    std::vector<OpCase> (*tests)(Random& shapes) = nullptr;
    /// What kernel_bench times.
    std::vector<OpCase> (*bench)(const BenchSizes& sizes) = nullptr;
};

namespace op_cases {
#define OBJLOC_OP_CASES(name) extern const OpCases name;
#include "op_cases.inc"
}  // namespace op_cases

/// What the tests run of one file, with shapes drawn from `shape_seed`.
std::vector<OpCase> test_cases(const OpCases& of, uint64_t shape_seed);

/// Every case of the benchmark, in the order in which backend_ops.inc and localizer_ops.inc have the ops.
std::vector<OpCase> bench_cases(const BenchSizes& sizes);

/// The passes of these convolutions.
std::vector<OpCase> conv2d_cases(const std::vector<ConvLayer>& layers);

/// Every op that those two lists have.
std::vector<std::string> op_names();

}  // namespace objloc
