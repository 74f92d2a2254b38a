// SGD with momentum over all parameters, with decoupled weight decay.
//     g = scale * gradient;   velocity = momentum * velocity - rate * g
//     value += (nesterov ? momentum * velocity - rate * g : velocity) - rate * decay * value
//
// gradient, velocity, value: flat f32, of one length; bf16_copy the same in bf16, or none: it gets value,
// rounded. Rates are multiplied by those of the element's segment. `control` and the gradients' squared norm
// are read on the device, so that a captured step can be replayed.
//
// Reads 12 bytes an element and writes 8, and 2 more for the bf16_copy: four elements a thread (update.cuh).
// Reference: keras.optimizers.SGD.
#include "objloc/kernels/cuda/ops/update.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernel -----------------------------------------------------------------------------------------------

struct Sgd {
    SgdSettings settings;
    const float *control, *squared_norm, *gradient;
    float *velocity, *value;
    __nv_bfloat16* bf16_copy;  // or null

    template <int kLanes>
    __device__ void run(const OptimizerSegment& segment, int64_t first) const {
        constexpr bool kVector = kLanes > 1;
        const auto gradients = load_pack<kLanes>(gradient + first, kLanes, kVector);
        auto speeds = load_pack<kLanes>(velocity + first, kLanes, kVector);
        auto values = load_pack<kLanes>(value + first, kLanes, kVector);
        float scale;
        if (!clip_scale(control, squared_norm, scale)) return;
        const float rate = control[StepControl::kRate] * segment.rate_multiplier;
#pragma unroll
        for (int j = 0; j < kLanes; ++j) {
            const float push = rate * scale * gradients.lane[j], before = values.lane[j];
            const float speed = settings.momentum * speeds.lane[j] - push;
            const float step = settings.nesterov ? settings.momentum * speed - push : speed;
            speeds.lane[j] = speed;
            values.lane[j] = before + step - rate * segment.weight_decay * before;
        }
        store_pack(velocity + first, speeds, kLanes, kVector);
        store_pack(value + first, values, kLanes, kVector);
        if (bf16_copy != nullptr) store_pack(bf16_copy + first, values, kLanes, kVector);
    }
};

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void CudaBackend::sgd_update(const SgdSettings& settings, const std::vector<OptimizerSegment>& segments,
                             const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                             const Tensor& velocity, const Tensor& value, const Tensor& bf16_copy) {
    const Sgd sgd = {settings,
                     control.data<float>(),
                     squared_norm.data<float>(),
                     gradient.data<float>(),
                     velocity.data<float>(),
                     value.data<float>(),
                     bf16_copy ? bf16_copy.data<__nv_bfloat16>() : nullptr};
    const bool aligned = moves_by_four(sgd.gradient, 4) && moves_by_four(sgd.velocity, 4) &&
                         moves_by_four(sgd.value, 4) && moves_by_four(sgd.bf16_copy, 4);
    launch_update(stream(), segments, aligned, sgd);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
