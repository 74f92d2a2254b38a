#include "tests/emulator/hopper_convolutions.h"

#include "objloc/kernels/cuda/conv2d/hopper/conv2d_hopper.cuh"
#include "objloc/kernels/cuda/runtime/handles.cuh"
#include "tests/emulator/device_array.cuh"

namespace objloc {
namespace {

using namespace OBJLOC_CUDA_NAMESPACE;

/// The values as the kernels take them.
template <typename Element>
std::vector<Element> elements(const std::vector<float>& values) {
    if constexpr (sizeof(Element) == 4) {
        return values;
    } else {
        std::vector<Element> result;
        for (const float value : values) result.push_back(__float2bfloat16(value));
        return result;
    }
}

template <typename Element>
std::vector<float> to_f32(const std::vector<Element>& values) {
    if constexpr (sizeof(Element) == 4) {
        return values;
    } else {
        std::vector<float> result;
        for (const Element value : values) result.push_back(__bfloat162float(value));
        return result;
    }
}

HopperOptions options_of(const HopperRun& run) {
    return {static_cast<HopperTiling>(run.tiling), run.blocks, static_cast<HopperReuse>(run.reuse)};
}

size_t pixels(const Conv2dProblem& problem) {
    return static_cast<size_t>(problem.N * problem.out_rows() * problem.out_columns());
}

/// dy, spread over the windows where the problem pools.
template <typename Element>
std::vector<Element> unpooled_gradient(const Conv2dProblem& problem, const std::vector<float>& dy,
                                       const std::vector<uint8_t>& codes) {
    if (!problem.pool) return elements<Element>(dy);
    const Stream stream = make_stream();
    const DeviceArray<Element> pooled(elements<Element>(dy)),
        full(static_cast<size_t>(problem.N * problem.P() * problem.Q() * problem.K));
    const DeviceArray<uint8_t> places(codes);
    launch_unpool(stream.get(), problem, pooled.data(), places.data(), full.data());
    return full.download();
}

}  // namespace

bool hopper_takes(const Conv2dProblem& problem) {
    return hopper_conv2d_applies(problem);
}

namespace {

template <typename Element>
HopperForward forward(const Conv2dProblem& problem, const HopperRun& run, const std::vector<float>& x,
                      const std::vector<float>& w, const std::vector<float>& bias) {
    const Stream stream = make_stream();
    const size_t count = pixels(problem) * static_cast<size_t>(problem.K);
    const DeviceArray<Element> dx(elements<Element>(x)), dw(elements<Element>(w)), y(count);
    const DeviceArray<float> db(bias), transposed(w.size());
    const DeviceArray<uint8_t> codes(problem.pool ? count : 1);
    const float* from = bias.empty() ? nullptr : db.data();
    uint8_t* places = problem.pool ? codes.data() : nullptr;
    if constexpr (sizeof(Element) == 4) {
        conv2d_forward_hopper(stream.get(), problem, dx.data(), dw.data(), from, y.data(), places,
                              transposed.data(), options_of(run));
    } else {
        conv2d_forward_hopper(stream.get(), problem, dx.data(), dw.data(), from, y.data(), places,
                              options_of(run));
    }
    HopperForward result = {to_f32(y.download()), {}};
    if (problem.pool) result.codes = codes.download();
    return result;
}

template <typename Element>
std::vector<float> backward_data(const Conv2dProblem& problem, const HopperRun& run,
                                 const std::vector<Element>& dy, const std::vector<float>& w,
                                 const std::vector<float>& relu_source) {
    const Stream stream = make_stream();
    const DeviceArray<Element> gradient(dy), dw(elements<Element>(w)), source(elements<Element>(relu_source)),
        dx(static_cast<size_t>(problem.N * problem.H * problem.W * problem.C));
    conv2d_backward_data_hopper(stream.get(), problem, gradient.data(), dw.data(),
                                relu_source.empty() ? nullptr : source.data(), dx.data(), options_of(run));
    return to_f32(dx.download());
}

}  // namespace

HopperForward run_hopper_forward(const Conv2dProblem& problem, const HopperRun& run,
                                 const std::vector<float>& x, const std::vector<float>& w,
                                 const std::vector<float>& bias) {
    return run.tf32 ? forward<float>(problem, run, x, w, bias)
                    : forward<__nv_bfloat16>(problem, run, x, w, bias);
}

std::vector<float> run_hopper_backward_data(const Conv2dProblem& problem, const HopperRun& run,
                                            const std::vector<float>& dy, const std::vector<uint8_t>& codes,
                                            const std::vector<float>& w,
                                            const std::vector<float>& relu_source) {
    if (run.tf32)
        return backward_data(problem, run, unpooled_gradient<float>(problem, dy, codes), w, relu_source);
    return backward_data(problem, run, unpooled_gradient<__nv_bfloat16>(problem, dy, codes), w, relu_source);
}

namespace {

std::vector<float> backward_weights_bf16(const Conv2dProblem& problem, const HopperOptions& options,
                                         const std::vector<float>& x, const std::vector<float>& dy,
                                         const std::vector<uint8_t>& codes, const DeviceArray<float>& dw) {
    const Stream stream = make_stream();
    const DeviceArray<__nv_bfloat16> images(elements<__nv_bfloat16>(x)),
        gradient(unpooled_gradient<__nv_bfloat16>(problem, dy, codes));
    const DeviceArray<float> partials(hopper_weight_gradient_bytes(problem, options) / sizeof(float));
    conv2d_backward_weights_hopper(stream.get(), problem, images.data(), gradient.data(), dw.data(),
                                   partials.data(), options);
    return dw.download();
}

std::vector<float> backward_weights_tf32(const Conv2dProblem& problem, const HopperOptions& options,
                                         const std::vector<float>& x, const std::vector<float>& dy,
                                         const std::vector<uint8_t>& codes, const DeviceArray<float>& dw) {
    const Stream stream = make_stream();
    const DeviceArray<float> images(x), gradient(dy),
        transposed(hopper_transposed_gradient_bytes(problem) / sizeof(float)),
        partials(hopper_weight_gradient_tf32_bytes(problem, options) / sizeof(float));
    const DeviceArray<uint8_t> places(codes);
    transpose_gradient(stream.get(), problem, gradient.data(), problem.pool ? places.data() : nullptr,
                       transposed.data());
    conv2d_backward_weights_hopper_tf32(stream.get(), problem, images.data(), transposed.data(), dw.data(),
                                        partials.data(), options);
    return dw.download();
}

}  // namespace

std::vector<float> run_hopper_backward_weights(const Conv2dProblem& problem, const HopperRun& run,
                                               const std::vector<float>& x, const std::vector<float>& dy,
                                               const std::vector<uint8_t>& codes) {
    const DeviceArray<float> dw(static_cast<size_t>(problem.R * problem.S * problem.C * problem.K));
    return (run.tf32 ? backward_weights_tf32 : backward_weights_bf16)(problem, options_of(run), x, dy, codes,
                                                                      dw);
}

}  // namespace objloc
