// Adam over all parameters, with decoupled weight decay.
//     g = scale * gradient;   m += (1 - beta1) (g - m);   v += (1 - beta2) (g^2 - v)
//     value -= rate * decay * value + corrected_rate * m / (sqrt(v) + epsilon)
//
// gradient, m, v, value: flat, of one length. Rates are multiplied by those of the element's segment.
// `control` and the gradients' squared norm are read on the device, so that a captured step can be replayed.
//
// One thread an element. The kernel moves 28 bytes an element and is as fast as memory.
// Reference: Kingma, Ba, "Adam", ICLR 2015, end of section 2; keras.optimizers.Adam; Loshchilov, Hutter,
// "Decoupled Weight Decay Regularization", ICLR 2019.
#include "kernels/cuda/cuda_backend.cuh"
#include "kernels/cuda/update.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

__global__ void __launch_bounds__(kUpdateThreads)
    adam_kernel(SegmentTable table, AdamSettings settings, const float* control, const float* squared_norm,
                const float* gradient, float* m, float* v, float* value) {
    const int64_t i = table.begin + int64_t{blockIdx.x} * kUpdateThreads + threadIdx.x;
    const OptimizerSegment* segment = i < table.end ? table.find(i) : nullptr;
    float scale;
    if (segment == nullptr || !clip_scale(control, squared_norm, scale)) return;
    const float rate = control[StepControl::kRate] * segment->rate_multiplier;
    const float corrected_rate = control[StepControl::kCorrectedRate] * segment->rate_multiplier;
    const float g = scale * gradient[i], before = value[i];
    const float mean = m[i] + (1 - settings.beta1) * (g - m[i]);
    const float square = v[i] + (1 - settings.beta2) * (g * g - v[i]);
    m[i] = mean;
    v[i] = square;
    value[i] = before - rate * segment->weight_decay * before -
               corrected_rate * mean / (sqrtf(square) + settings.epsilon);
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void CudaBackend::adam_update(const AdamSettings& settings, const std::vector<OptimizerSegment>& segments,
                              const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                              const Tensor& m, const Tensor& v, const Tensor& value) {
    for (const SegmentTable& table : segment_tables(segments)) {
        launch(adam_kernel, blocks_for(table.end - table.begin, kUpdateThreads), dim3(kUpdateThreads), 0,
               stream(), table, settings, control.data<float>(), squared_norm.data<float>(),
               gradient.data<float>(), m.data<float>(), v.data<float>(), value.data<float>());
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
