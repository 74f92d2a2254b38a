// Adam over all parameters, with decoupled weight decay.
//     g = scale * gradient;   m += (1 - beta1) (g - m);   v += (1 - beta2) (g^2 - v)
//     value -= rate * decay * value + corrected_rate * m / (sqrt(v) + epsilon)
//
// gradient, m, v, value: flat f32, of one length; bf16_copy the same in bf16, or none: it gets value, rounded.
// Rates are multiplied by those of the element's segment. `control` and the gradients' squared norm are read
// on the device, so that a captured step can be replayed.
//
// Reads 16 bytes an element and writes 12, and 2 more for the bf16_copy: four elements a thread (update.cuh).
// Reference: Kingma, Ba, "Adam", ICLR 2015, end of section 2; keras.optimizers.Adam; Loshchilov, Hutter,
// "Decoupled Weight Decay Regularization", ICLR 2019.
#include "objloc/kernels/cuda/ops/update.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernel -----------------------------------------------------------------------------------------------

struct Adam {
    AdamSettings settings;
    const float *control, *squared_norm, *gradient;
    float *m, *v, *value;
    __nv_bfloat16* bf16_copy;  // or null

    template <int kLanes>
    __device__ void run(const OptimizerSegment& segment, int64_t first) const {
        constexpr bool kVector = kLanes > 1;
        const auto gradients = load_pack<kLanes>(gradient + first, kLanes, kVector);
        auto means = load_pack<kLanes>(m + first, kLanes, kVector);
        auto squares = load_pack<kLanes>(v + first, kLanes, kVector);
        auto values = load_pack<kLanes>(value + first, kLanes, kVector);
        float scale;
        if (!clip_scale(control, squared_norm, scale)) return;
        const float rate = control[StepControl::kRate] * segment.rate_multiplier;
        const float corrected_rate = control[StepControl::kCorrectedRate] * segment.rate_multiplier;
#pragma unroll
        for (int j = 0; j < kLanes; ++j) {
            const float g = scale * gradients.lane[j], before = values.lane[j];
            means.lane[j] += (1 - settings.beta1) * (g - means.lane[j]);
            squares.lane[j] += (1 - settings.beta2) * (g * g - squares.lane[j]);
            values.lane[j] = before - rate * segment.weight_decay * before -
                             corrected_rate * means.lane[j] / (sqrtf(squares.lane[j]) + settings.epsilon);
        }
        store_pack(m + first, means, kLanes, kVector);
        store_pack(v + first, squares, kLanes, kVector);
        store_pack(value + first, values, kLanes, kVector);
        if (bf16_copy != nullptr) store_pack(bf16_copy + first, values, kLanes, kVector);
    }
};

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void CudaBackend::adam_update(const AdamSettings& settings, const std::vector<OptimizerSegment>& segments,
                              const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                              const Tensor& m, const Tensor& v, const Tensor& value,
                              const Tensor& bf16_copy) {
    const Adam adam = {settings,
                       control.data<float>(),
                       squared_norm.data<float>(),
                       gradient.data<float>(),
                       m.data<float>(),
                       v.data<float>(),
                       value.data<float>(),
                       bf16_copy ? bf16_copy.data<__nv_bfloat16>() : nullptr};
    const bool aligned = moves_by_four(adam.gradient, 4) && moves_by_four(adam.m, 4) &&
                         moves_by_four(adam.v, 4) && moves_by_four(adam.value, 4) &&
                         moves_by_four(adam.bf16_copy, 4);
    launch_update(stream(), segments, aligned, adam);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
