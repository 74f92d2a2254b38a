// y[i] = op(a[i], b[i], ...). Elements are f32 or bf16; `op` works in f32. Each byte of the inputs is read
// once and each of y written once, nothing else moves.
//
// A thread makes two vectors, a block's width apart: 4 elements each, or 8 where a tensor is bf16, so that
// the narrowest one moves in accesses of 16 bytes. All loads come before the first use, 32 bytes or more a
// thread: a multiprocessor full of them has 64 KiB on their way. Tensors that are not aligned, and what the
// last block has left, go one by one through the same code. Every input of an element is read before it is
// written, by the thread that writes it, so y may be one of the inputs.
//
// Where an input stretches to y's shape, a thread makes one element, and finds the inputs' elements by one division
// for each of y's axes but the outermost, after axes that all inputs walk alike were merged: one for a bias.
#pragma once

#include <array>

#include "objloc/engine/tensor.h"
#include "objloc/kernels/axes/broadcast.h"
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
            if constexpr (kInputs == 3) result = op(here[0].lane[j], here[1].lane[j], here[2].lane[j]);
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

/// `op` is a struct whose operator() takes one float an input, up to three of them, and returns one. All inputs
/// hold elements of type In, y of type Out.
template <typename In, typename Out, typename Op, typename... Inputs>
void elementwise_between(cudaStream_t stream, const Op& op, const Tensor& y, const Inputs&... inputs) {
    constexpr int kInputs = sizeof...(Inputs);
    static_assert(kInputs <= 3);
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

/// y's axes, outermost first, and how far each input moves along them.
template <typename T, int kInputs>
struct StretchedInputs {
    int rank;
    int extents[axes::kMost];
    const T* from[extent(kInputs)];
    int stride[extent(kInputs)][axes::kMost];
};

template <typename T, int kInputs, typename Op>
__global__ void __launch_bounds__(kMapThreads)
    stretched_kernel(int count, StretchedInputs<T, kInputs> inputs, T* y, Op op) {
    const int64_t i = int64_t{blockIdx.x} * kMapThreads + threadIdx.x;
    if (i >= count) return;
    int rest = static_cast<int>(i), offset[extent(kInputs)] = {};
#pragma unroll
    for (int axis = static_cast<int>(axes::kMost) - 1; axis >= 0; --axis) {
        if (axis >= inputs.rank) continue;
        const int outer = axis == 0 ? 0 : rest / inputs.extents[axis];
        const int coordinate = rest - outer * inputs.extents[axis];
#pragma unroll
        for (int o = 0; o < kInputs; ++o) offset[o] += coordinate * inputs.stride[o][axis];
        rest = outer;
    }
    float value[extent(kInputs)];
#pragma unroll
    for (int o = 0; o < kInputs; ++o) value[o] = widened(inputs.from[o][offset[o]]);
    float result = 0;
    if constexpr (kInputs == 1) result = op(value[0]);
    if constexpr (kInputs == 2) result = op(value[0], value[1]);
    if constexpr (kInputs == 3) result = op(value[0], value[1], value[2]);
    narrow(result, y[i]);
}

/// The same where inputs may stretch to y's shape.
template <typename Op, typename... Inputs>
void stretched(cudaStream_t stream, const Op& op, const Tensor& y, const Inputs&... tensors) {
    constexpr int kInputs = sizeof...(Inputs);
    const auto shape = axes::broadcast<kInputs>(y.shape(), {tensors.shape()...});
    if (!shape.stretches()) return elementwise(stream, op, y, tensors...);
    if (y.count() == 0) return;
    const int count = to_int32(y.count(), "elements");
    dispatch_dtype(y, [&](auto element) {
        using T = decltype(element);
        StretchedInputs<T, kInputs> inputs = {shape.rank, {}, {tensors.template data<T>()...}, {}};
        for (size_t axis = 0; axis < axes::kMost; ++axis) {
            inputs.extents[axis] = static_cast<int>(shape.extent[axis]);
            for (size_t o = 0; o < size_t{kInputs}; ++o) {
                inputs.stride[o][axis] = static_cast<int>(shape.stride[o][axis]);
            }
        }
        launch(stretched_kernel<T, kInputs, Op>, blocks_for(count, kMapThreads), dim3(kMapThreads), 0, stream,
               count, inputs, y.data<T>(), op);
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
