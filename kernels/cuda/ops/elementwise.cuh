// y[i] = op(a[i], b[i], ...). Elements are f32 or bf16; `op` works in f32. Each byte of the inputs is read
// once and each of y written once, nothing else moves.
//
// A thread makes two vectors, a block's width apart: 4 elements each, or 8 where a tensor is bf16, so that
// the narrowest one moves in accesses of 16 bytes. All loads come before the first use, 32 bytes or more a
// thread: a multiprocessor full of them has 64 KiB on their way. Tensors that are not aligned, and what the
// last block has left, go one by one through the same code. Every input of an element is read before it is
// written, by the thread that writes it, so y may be one of the inputs.
#pragma once

#include "objloc/engine/tensor.h"
#include "objloc/kernels/cuda/primitives/dtype_dispatch.cuh"
#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

constexpr int kMapThreads = 256, kMapVectors = 2;

template <typename In, int kInputs>
struct MapInputs {
    const In* from[extent(kInputs > 0 ? kInputs : 1)];
};

/// The elements of a vector.
template <typename In, typename Out>
constexpr int kMapLanes = sizeof(In) < sizeof(Out) ? kWidest<In> : kWidest<Out>;

/// kVectors vectors of kLanes elements, from `first` on and a block's width apart; all lie inside.
template <int kVectors, int kLanes, typename In, typename Out, int kInputs, typename Op>
__device__ void map_vectors(int64_t first, const MapInputs<In, kInputs>& inputs, Out* y, const Op& op) {
    constexpr int kApart = kMapThreads * kLanes;
    Pack<float, kLanes> values[extent(kVectors)][extent(kInputs + 1)];  // the last one is the result
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
#pragma unroll
        for (int i = 0; i < kInputs; ++i) {
            values[v][i] = load_pack<kLanes>(inputs.from[i] + first + v * kApart, kLanes, true);
        }
    }
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
        auto& here = values[v];
#pragma unroll
        for (int j = 0; j < kLanes; ++j) {
            float& result = here[kInputs].lane[j];
            if constexpr (kInputs == 0) result = op();
            if constexpr (kInputs == 1) result = op(here[0].lane[j]);
            if constexpr (kInputs == 2) result = op(here[0].lane[j], here[1].lane[j]);
        }
        store_pack(y + first + v * kApart, here[kInputs], kLanes, true);
    }
}

template <typename In, typename Out, int kInputs, typename Op>
__global__ void __launch_bounds__(kMapThreads)
    elementwise_kernel(int64_t count, bool aligned, MapInputs<In, kInputs> inputs, Out* y, Op op) {
    constexpr int kLanes = kMapLanes<In, Out>, kPerBlock = kMapThreads * kMapVectors * kLanes;
    const int64_t begin = int64_t{blockIdx.x} * kPerBlock;
    const int64_t end = begin + kPerBlock < count ? begin + kPerBlock : count;
    if (aligned && end - begin == kPerBlock) {
        return map_vectors<kMapVectors, kLanes>(begin + int64_t{threadIdx.x} * kLanes, inputs, y, op);
    }
#pragma unroll 1
    for (int64_t i = begin + threadIdx.x; i < end; i += kMapThreads) map_vectors<1, 1>(i, inputs, y, op);
}

/// `op` is a struct whose operator() takes one float an input, up to two of them, and returns one. All inputs
/// hold elements of type In, y of type Out.
template <typename In, typename Out, typename Op, typename... Inputs>
void elementwise_between(cudaStream_t stream, const Op& op, const Tensor& y, const Inputs&... inputs) {
    constexpr int kInputs = sizeof...(Inputs);
    static_assert(kInputs <= 2);
    if (y.count() == 0) return;
    const MapInputs<In, kInputs> pointers = {{inputs.template data<In>()...}};
    constexpr int kLanes = kMapLanes<In, Out>;
    bool aligned = moves_by<kLanes>(y.data<Out>(), kLanes);
    for (int i = 0; i < kInputs; ++i) aligned = aligned && moves_by<kLanes>(pointers.from[i], kLanes);
    launch(elementwise_kernel<In, Out, kInputs, Op>,
           blocks_for(y.count(), kMapThreads * kMapVectors * kLanes), dim3(kMapThreads), 0, stream, y.count(),
           aligned, pointers, y.data<Out>(), op);
}

/// The same where all tensors have y's type.
template <typename Op, typename... Inputs>
void elementwise(cudaStream_t stream, const Op& op, const Tensor& y, const Inputs&... inputs) {
    dispatch_dtype(y, [&](auto element) {
        using T = decltype(element);
        elementwise_between<T, T>(stream, op, y, inputs...);
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
