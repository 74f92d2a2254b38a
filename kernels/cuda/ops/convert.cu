// y = x in another type: between f32 and bf16, either way, or a copy.
#include "objloc/kernels/cuda/ops/elementwise.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

struct Same {
    __device__ float operator()(float x) const { return x; }
};

}  // namespace

void CudaBackend::convert(const Tensor& from, const Tensor& to) {
    dispatch_dtype(from, [&](auto source) {
        dispatch_dtype(to, [&](auto element) {
            elementwise_between<decltype(source), decltype(element)>(stream(), Same{}, to, from);
        });
    });
    to.storage().bump_version();
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
