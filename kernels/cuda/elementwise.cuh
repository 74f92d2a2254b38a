// y[i] = op(a[i], b[i], ...): one thread makes four neighbouring elements, as one vector where memory allows.
// Every input of an element is read before it is written, so y may be one of the inputs. Elements are f32 or
// bf16; `op` works in f32.
#pragma once

#include "engine/tensor.h"
#include "kernels/cuda/elements.cuh"
#include "kernels/cuda/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

constexpr int kMapThreads = 256;

template <typename In, int kInputs>
struct MapInputs {
    const In* from[extent(kInputs > 0 ? kInputs : 1)];
};

template <typename In, typename Out, int kInputs, typename Op>
__global__ void __launch_bounds__(kMapThreads)
    elementwise_kernel(int64_t count, bool aligned, MapInputs<In, kInputs> inputs, Out* y, Op op) {
    const int64_t first = (int64_t{blockIdx.x} * kMapThreads + threadIdx.x) * 4;
    if (first >= count) return;
    const int left = count - first < 4 ? static_cast<int>(count - first) : 4;
    const bool vector = aligned && left == 4;
    Float4 values[extent(kInputs + 1)];  // the last one is the result
#pragma unroll
    for (int i = 0; i < kInputs; ++i) values[i] = load4(inputs.from[i] + first, left, vector);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        float& result = values[kInputs].lane[j];
        if constexpr (kInputs == 0) result = op();
        if constexpr (kInputs == 1) result = op(values[0].lane[j]);
        if constexpr (kInputs == 2) result = op(values[0].lane[j], values[1].lane[j]);
    }
    store4(y + first, values[kInputs], left, vector);
}

/// `op` is a struct whose operator() takes one float an input, up to two of them, and returns one. All inputs
/// hold elements of type In, y of type Out.
template <typename In, typename Out, typename Op, typename... Inputs>
void elementwise_between(cudaStream_t stream, const Op& op, const Tensor& y, const Inputs&... inputs) {
    constexpr int kInputs = sizeof...(Inputs);
    static_assert(kInputs <= 2);
    if (y.count() == 0) return;
    const MapInputs<In, kInputs> pointers = {{inputs.template data<In>()...}};
    bool aligned = moves_by_four(y.data<Out>(), 4);
    for (int i = 0; i < kInputs; ++i) aligned = aligned && moves_by_four(pointers.from[i], 4);
    launch(elementwise_kernel<In, Out, kInputs, Op>, blocks_for(y.count(), kMapThreads * 4),
           dim3(kMapThreads), 0, stream, y.count(), aligned, pointers, y.data<Out>(), op);
}

/// The same where all tensors have y's type.
template <typename Op, typename... Inputs>
void elementwise(cudaStream_t stream, const Op& op, const Tensor& y, const Inputs&... inputs) {
    with_elements_of(y, [&](auto element) {
        using T = decltype(element);
        elementwise_between<T, T>(stream, op, y, inputs...);
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
