// SGD with momentum over all parameters, with decoupled weight decay.
//     g = scale * gradient;   velocity = momentum * velocity - rate * g
//     value += (nesterov ? momentum * velocity - rate * g : velocity) - rate * decay * value
//
// gradient, velocity, value: flat, of one length. Rates are multiplied by those of the element's segment.
// `control` and the gradients' squared norm are read on the device, so that a captured step can be replayed.
//
// One thread an element. The kernel moves 20 bytes an element and is as fast as memory.
// Reference: keras.optimizers.SGD.
#include "kernels/cuda/cuda_backend.cuh"
#include "kernels/cuda/update.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

__global__ void __launch_bounds__(kUpdateThreads)
    sgd_kernel(SegmentTable table, SgdSettings settings, const float* control, const float* squared_norm,
               const float* gradient, float* velocity, float* value) {
    const int64_t i = table.begin + int64_t{blockIdx.x} * kUpdateThreads + threadIdx.x;
    const OptimizerSegment* segment = i < table.end ? table.find(i) : nullptr;
    float scale;
    if (segment == nullptr || !clip_scale(control, squared_norm, scale)) return;
    const float rate = control[StepControl::kRate] * segment->rate_multiplier;
    const float push = rate * scale * gradient[i], before = value[i];
    const float speed = settings.momentum * velocity[i] - push;
    const float step = settings.nesterov ? settings.momentum * speed - push : speed;
    velocity[i] = speed;
    value[i] = before + step - rate * segment->weight_decay * before;
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void CudaBackend::sgd_update(const SgdSettings& settings, const std::vector<OptimizerSegment>& segments,
                             const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                             const Tensor& velocity, const Tensor& value) {
    for (const SegmentTable& table : segment_tables(segments)) {
        launch(sgd_kernel, blocks_for(table.end - table.begin, kUpdateThreads), dim3(kUpdateThreads), 0,
               stream(), table, settings, control.data<float>(), squared_norm.data<float>(),
               gradient.data<float>(), velocity.data<float>(), value.data<float>());
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
