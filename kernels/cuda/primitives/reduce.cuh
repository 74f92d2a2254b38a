// y = scale * sum over i of term(i), in double: a grid of blocks leaves one partial sum each, and one block
// adds those. Deterministic: the number of blocks follows from the count alone, each thread sums every n-th
// term in order, and a block adds its threads' sums as a fixed tree. Reference: Harris, "Optimizing parallel
// reduction in CUDA", NVIDIA, 2007.
#pragma once

#include <algorithm>

#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

constexpr int kSumThreads = 256;

struct SumShared {
    double sum[kSumThreads];
};

/// out[block] = scale * (the block's share of the sum).
template <typename Term, typename Out>
__global__ void __launch_bounds__(kSumThreads) sum_kernel(int64_t count, Term term, double scale, Out* out) {
    SumShared& shared = shared_memory<SumShared>();
    const int64_t stride = int64_t{gridDim.x} * kSumThreads;
    int64_t i = int64_t{blockIdx.x} * kSumThreads + threadIdx.x;
    double sum = 0;
    for (; i + 3 * stride < count; i += 4 * stride) {  // four terms are read before the first is added
        const double terms[4] = {term(i), term(i + stride), term(i + 2 * stride), term(i + 3 * stride)};
        sum += (terms[0] + terms[1]) + (terms[2] + terms[3]);
    }
    for (; i < count; i += stride) sum += term(i);
    shared.sum[threadIdx.x] = sum;
    for (unsigned half = kSumThreads / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) shared.sum[threadIdx.x] += shared.sum[threadIdx.x + half];
    }
    if (threadIdx.x == 0) out[blockIdx.x] = static_cast<Out>(shared.sum[0] * scale);
}

/// The partial sums as terms themselves.
struct PartialSum {
    const double* sums;
    __device__ double operator()(int64_t i) const { return sums[i]; }
};

/// `term` is a struct whose operator() takes an index and returns a double.
template <typename Term>
void reduce(CudaBackend& backend, int64_t count, const Term& term, double scale, const Tensor& y) {
    constexpr int64_t kPerThread = 8, kMostBlocks = 8 * 132;  // the largest GPUs hold so many at once
    const int64_t blocks = std::clamp<int64_t>(ceil_div(count, kSumThreads * kPerThread), 1, kMostBlocks);
    const auto run = [&](auto kernel, int64_t grid, int64_t terms, const auto& of, double by, auto* out) {
        launch(kernel, blocks_for(grid, 1), dim3(kSumThreads), sizeof(SumShared), backend.stream(), terms, of,
               by, out);
    };
    if (blocks == 1) return run(sum_kernel<Term, float>, 1, count, term, scale, y.data<float>());
    const Tensor partials = backend.allocate({blocks}, DType::i64);  // eight bytes each: they hold doubles
    double* sums = static_cast<double*>(partials.raw());
    run(sum_kernel<Term, double>, blocks, count, term, 1.0, sums);
    run(sum_kernel<PartialSum, float>, 1, blocks, PartialSum{sums}, scale, y.data<float>());
}

/// The sum of kLanes elements of x, or of their squares.
template <bool kSquared, int kLanes>
struct ElementTerms {
    const float* x;

    __device__ double operator()(int64_t i) const {
        const auto pack = load_pack<kLanes>(x + i * kLanes, kLanes, true);
        double sum = 0;
#pragma unroll
        for (int j = 0; j < kLanes; ++j) {
            const double value = pack.lane[j];
            sum += kSquared ? value * value : value;
        }
        return sum;
    }
};

/// y (1) = scale * the sum of all of x, or of the squares. Each byte of x is read once, four elements a term in one
/// access of 16 bytes, or one by one where x is not aligned.
template <bool kSquared>
void reduce_elements(CudaBackend& backend, const Tensor& x, double scale, const Tensor& y) {
    const float* from = x.data<float>();
    if (moves_by_four(from, x.count())) {
        reduce(backend, x.count() / 4, ElementTerms<kSquared, 4>{from}, scale, y);
    } else {
        reduce(backend, x.count(), ElementTerms<kSquared, 1>{from}, scale, y);
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
