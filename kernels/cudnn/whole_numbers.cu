// Small whole numbers, and their comparison. One thread an element.
#include "objloc/kernels/cudnn/whole_numbers.cuh"

#include "objloc/kernels/cuda/primitives/dtype_dispatch.cuh"
#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256;

template <typename Element>
__global__ void __launch_bounds__(kThreads) whole_numbers_kernel(int64_t count, uint32_t seed, Element* to) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (i >= count) return;
    uint32_t scattered =
        (static_cast<uint32_t>(i) + seed * 1000003u) * 2654435769u;  // 2^32 over the golden ratio
    scattered = (scattered ^ scattered >> 15) * 2654435769u + seed;
    const int size = 1 + static_cast<int>(scattered >> 30 & 1);
    narrow(static_cast<float>(scattered >> 31 != 0 ? -size : size), to[i]);
}

/// Counts the elements that differ by more than two roundings to bf16 explain, NaN among them.
template <typename Element>
__global__ void __launch_bounds__(kThreads)
    count_differences_kernel(int64_t count, const Element* a, const Element* b, int* differences) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (i >= count) return;
    const float x = widened(a[i]), y = widened(b[i]);
    if (!(fabsf(x - y) <= 0.5f + fabsf(y) / 64)) atomicAdd(differences, 1);
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

Tensor whole_numbers(CudaBackend& backend, const Shape& shape, DType type, uint32_t seed) {
    const Tensor made = backend.allocate(shape, type);
    dispatch_dtype(made, [&](auto element) {
        using Element = decltype(element);
        launch(whole_numbers_kernel<Element>, blocks_for(made.count(), kThreads), dim3(kThreads), 0,
               backend.stream(), made.count(), seed, made.data<Element>());
    });
    return made;
}

bool whole_numbers_agree(CudaBackend& backend, const Tensor& a, const Tensor& b) {
    const Tensor differences = backend.allocate({1}, DType::i32);
    check_cuda(cudaMemsetAsync(differences.raw(), 0, differences.bytes(), backend.stream()),
               "clearing a sum");
    dispatch_dtype(a, [&](auto element) {
        using Element = decltype(element);
        launch(count_differences_kernel<Element>, blocks_for(a.count(), kThreads), dim3(kThreads), 0,
               backend.stream(), a.count(), a.data<Element>(), b.data<Element>(), differences.data<int>());
    });
    int count = 0;
    backend.download(differences, &count);
    return count == 0;
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
