// y = a + b and y = a * b, element by element; y may be a or b. And y = a in another type.
#include "objloc/kernels/cuda/ops/elementwise.cuh"

#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

struct Sum {
    __device__ float operator()(float a, float b) const { return a + b; }
};

struct Same {
    __device__ float operator()(float a) const { return a; }
};

struct Product {
    __device__ float operator()(float a, float b) const { return a * b; }
};

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::add(const Tensor& a, const Tensor& b, const Tensor& y) {
    elementwise(stream(), Sum{}, y, a, b);
}

void CudaBackend::convert(const Tensor& from, const Tensor& to) {
    dispatch_dtype(from, [&](auto source) {
        dispatch_dtype(to, [&](auto element) {
            elementwise_between<decltype(source), decltype(element)>(stream(), Same{}, to, from);
        });
    });
    to.storage().bump_version();
}

void CudaBackend::mul(const Tensor& a, const Tensor& b, const Tensor& y) {
    elementwise(stream(), Product{}, y, a, b);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
