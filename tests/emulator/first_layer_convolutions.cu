#include "tests/emulator/first_layer_convolutions.h"

#include "objloc/kernels/cuda/conv2d/first_layer/conv2d_first_layer.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc {
namespace {

using OBJLOC_CUDA_NAMESPACE::CudaBackend;

/// Values as an activation of the backend's.
Tensor activation(CudaBackend& backend, const Shape& shape, const std::vector<float>& values) {
    const Tensor exact = backend.allocate(shape), stored = backend.allocate(shape, backend.activation_type());
    backend.upload(values.data(), exact);
    if (stored.type() == DType::f32) return exact;
    backend.convert(exact, stored);
    return stored;
}

std::vector<float> values_of(CudaBackend& backend, const Tensor& tensor) {
    Tensor exact = tensor;
    if (tensor.type() != DType::f32) {
        exact = backend.allocate(tensor.shape());
        backend.convert(tensor, exact);
    }
    std::vector<float> values(static_cast<size_t>(tensor.count()));
    backend.download(exact, values.data());
    return values;
}

}  // namespace

std::vector<float> run_first_layer_forward(const Conv2dProblem& g, Precision precision, int blocks,
                                           const std::vector<float>& x, const std::vector<float>& w,
                                           const std::vector<float>& bias) {
    CudaBackend backend("cuda-host", {.precision = precision}, Reuse::never);
    const Tensor y = backend.allocate({g.N, g.P(), g.Q(), g.K}, backend.activation_type());
    const Tensor b = backend.allocate({g.K});
    backend.upload(bias.data(), b);
    conv2d_forward_first_layer(backend, g, activation(backend, {g.N, g.H, g.W, g.C}, x),
                               activation(backend, {g.R, g.S, g.C, g.K}, w), b, y, blocks);
    return values_of(backend, y);
}

std::vector<float> run_first_layer_backward_weights(const Conv2dProblem& g, Precision precision, int blocks,
                                                    const std::vector<float>& x,
                                                    const std::vector<float>& dy) {
    CudaBackend backend("cuda-host", {.precision = precision}, Reuse::never);
    const Tensor dw = backend.allocate({g.R, g.S, g.C, g.K});
    conv2d_backward_weights_first_layer(backend, g, activation(backend, {g.N, g.H, g.W, g.C}, x),
                                        {activation(backend, {g.N, g.P(), g.Q(), g.K}, dy), Tensor()}, dw,
                                        blocks);
    return values_of(backend, dw);
}

}  // namespace objloc
