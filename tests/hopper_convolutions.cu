#include "tests/hopper_convolutions.h"

#include "kernels/cuda/conv2d_hopper.cuh"
#include "kernels/cuda/handles.cuh"
#include "tests/device_array.cuh"

namespace objloc {
namespace {

using namespace OBJLOC_CUDA_NAMESPACE;

std::vector<__nv_bfloat16> to_bf16(const std::vector<float>& values) {
    std::vector<__nv_bfloat16> result;
    for (const float value : values) result.push_back(__float2bfloat16(value));
    return result;
}

std::vector<float> to_f32(const std::vector<__nv_bfloat16>& values) {
    std::vector<float> result;
    for (const __nv_bfloat16 value : values) result.push_back(__bfloat162float(value));
    return result;
}

HopperOptions options_of(const HopperRun& run) {
    return {static_cast<HopperTiling>(run.tiling), run.blocks};
}

size_t pixels(const Conv2dProblem& problem) {
    return static_cast<size_t>(problem.N * problem.out_rows() * problem.out_columns());
}

/// dy, spread over the windows where the problem pools.
std::vector<__nv_bfloat16> full_gradient(const Conv2dProblem& problem, cudaStream_t stream,
                                         const std::vector<float>& dy, const std::vector<uint8_t>& codes) {
    if (!problem.pool) return to_bf16(dy);
    const DeviceArray<__nv_bfloat16> pooled(to_bf16(dy)),
        full(static_cast<size_t>(problem.N * problem.P() * problem.Q() * problem.K));
    const DeviceArray<uint8_t> places(codes);
    unpool_gradient(stream, problem, pooled.data(), places.data(), full.data());
    return full.download();
}

}  // namespace

bool hopper_takes(const Conv2dProblem& problem) {
    return hopper_conv2d_applies(problem);
}

HopperForward run_hopper_forward(const Conv2dProblem& problem, const HopperRun& run,
                                 const std::vector<float>& x, const std::vector<float>& w,
                                 const std::vector<float>& bias) {
    const Stream stream = make_stream();
    const size_t count = pixels(problem) * static_cast<size_t>(problem.K);
    const DeviceArray<__nv_bfloat16> dx(to_bf16(x)), dw(to_bf16(w)), y(count);
    const DeviceArray<float> db(bias);
    const DeviceArray<uint8_t> codes(problem.pool ? count : 1);
    conv2d_hopper_forward(stream.get(), problem, dx.data(), dw.data(), bias.empty() ? nullptr : db.data(),
                          y.data(), problem.pool ? codes.data() : nullptr, options_of(run));
    HopperForward result = {to_f32(y.download()), {}};
    if (problem.pool) result.codes = codes.download();
    return result;
}

std::vector<float> run_hopper_backward_data(const Conv2dProblem& problem, const HopperRun& run,
                                            const std::vector<float>& dy, const std::vector<uint8_t>& codes,
                                            const std::vector<float>& w,
                                            const std::vector<float>& relu_source) {
    const Stream stream = make_stream();
    const DeviceArray<__nv_bfloat16> gradient(full_gradient(problem, stream.get(), dy, codes)),
        dw(to_bf16(w)), source(to_bf16(relu_source)),
        dx(static_cast<size_t>(problem.N * problem.H * problem.W * problem.C));
    conv2d_hopper_backward_data(stream.get(), problem, gradient.data(), dw.data(),
                                relu_source.empty() ? nullptr : source.data(), dx.data(), options_of(run));
    return to_f32(dx.download());
}

std::vector<float> run_hopper_backward_weights(const Conv2dProblem& problem, const HopperRun& run,
                                               const std::vector<float>& x, const std::vector<float>& dy,
                                               const std::vector<uint8_t>& codes) {
    const Stream stream = make_stream();
    const HopperOptions options = options_of(run);
    const DeviceArray<__nv_bfloat16> images(to_bf16(x)),
        gradient(full_gradient(problem, stream.get(), dy, codes));
    const DeviceArray<float> dw(static_cast<size_t>(problem.R * problem.S * problem.C * problem.K)),
        slots(hopper_weight_gradient_bytes(problem, options) / sizeof(float));
    conv2d_hopper_backward_weights(stream.get(), problem, images.data(), gradient.data(), dw.data(),
                                   slots.data(), options);
    return dw.download();
}

}  // namespace objloc
