// The elementwise functions of engine/elementwise_ops.inc and their gradients: the kernels of elementwise.cuh,
// compiled for each. Where no input stretches, the output may be the same memory as an input.
#include "objloc/kernels/cuda/ops/elementwise.cuh"

#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"
#include "objloc/kernels/functions/elementwise.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

#define OBJLOC_UNARY(name, reads, ...)                                                                   \
    void CudaBackend::name##_forward(const Tensor& x, const Tensor& y __VA_OPT__(, float __VA_ARGS__)) { \
        stretched(stream(), functions::Value<functions::name>{{__VA_ARGS__}}, y, x);                     \
    }                                                                                                    \
    void CudaBackend::name##_backward(const Tensor& dy, const Tensor& read,                              \
                                      const Tensor& dx __VA_OPT__(, float __VA_ARGS__)) {                \
        const functions::Gradient<functions::name> gradient{{__VA_ARGS__}};                              \
        functions::with_reads<UnaryReads::reads>(                                                        \
            dy, read, [&](const auto&... inputs) { stretched(stream(), gradient, dx, inputs...); });     \
    }
#define OBJLOC_BINARY(name, for_a, for_b)                                                            \
    void CudaBackend::name(const Tensor& a, const Tensor& b, const Tensor& y) {                      \
        stretched(stream(), functions::Value<functions::name>{}, y, a, b);                           \
    }                                                                                                \
    void CudaBackend::name##_backward_a(const Tensor& dy, const Tensor& a, const Tensor& b,          \
                                        const Tensor& da) {                                          \
        const functions::GradientOf<functions::name, true, BinaryReads::for_a> gradient{};           \
        functions::with_reads<BinaryReads::for_a>(                                                   \
            dy, a, b, [&](const auto&... inputs) { stretched(stream(), gradient, da, inputs...); }); \
    }                                                                                                \
    void CudaBackend::name##_backward_b(const Tensor& dy, const Tensor& a, const Tensor& b,          \
                                        const Tensor& db) {                                          \
        const functions::GradientOf<functions::name, false, BinaryReads::for_b> gradient{};          \
        functions::with_reads<BinaryReads::for_b>(                                                   \
            dy, a, b, [&](const auto&... inputs) { stretched(stream(), gradient, db, inputs...); }); \
    }
#include "objloc/engine/elementwise_ops.inc"

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
