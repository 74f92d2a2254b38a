// What is said about a batch of predicted boxes, added to `sums` (BoxMetrics; each entry is defined there).
//
// predicted, truth (N, 3): (x, y, size) or (N, 4): (x, y, width, height), fractions of the side; loss (1).
// A batch is small: one block does it all. Thread t measures boxes t, t + 128, ... in double; then thread e
// adds entry e of all threads in order of t. Deterministic.
#include <cmath>

#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 128;

struct MetricSums {
    double entry[BoxMetrics::kCount];
};
struct BoxMetricsShared {
    MetricSums of[kThreads];
};

struct Box {
    double x, y, width, height;
};

__device__ Box box_at(const float* values, int outputs) {
    return {double{values[0]}, double{values[1]}, double{values[2]}, double{values[outputs - 1]}};
}

__device__ double larger(double a, double b) {
    return a > b ? a : b;
}

__device__ double overlap(double a, double a_length, double b, double b_length) {
    const double begin = larger(a, b);
    const double end = a + a_length < b + b_length ? a + a_length : b + b_length;
    return larger(end - begin, 0);
}

/// Intersection over union; 0 for boxes that are empty or not finite.
__device__ double iou(const Box& a, const Box& b) {
    if (!is_finite(a.x + a.y + a.width + a.height + b.x + b.y + b.width + b.height)) return 0;
    const double common = overlap(a.x, a.width, b.x, b.width) * overlap(a.y, a.height, b.y, b.height);
    const double areas = larger(a.width, 0) * larger(a.height, 0) + larger(b.width, 0) * larger(b.height, 0);
    return areas - common > 0 ? common / (areas - common) : 0;
}

/// -t log t, with 0 log 0 = 0.
__device__ double surprise(double t) {
    return t > 0 ? -t * log(t) : 0;
}

__device__ void add_box(const float* predicted, const float* truth, int outputs, MetricSums& sums) {
    const Box a = box_at(predicted, outputs), b = box_at(truth, outputs);
    const double shared_part = iou(a, b);
    sums.entry[BoxMetrics::kImages] += 1;
    sums.entry[BoxMetrics::kIoU] += shared_part;
    sums.entry[BoxMetrics::kIoUOver50] += shared_part >= 0.5 ? 1 : 0;
    sums.entry[BoxMetrics::kIoUOver75] += shared_part >= 0.75 ? 1 : 0;
    sums.entry[BoxMetrics::kCentreError] +=
        hypot(a.x + a.width / 2 - b.x - b.width / 2, a.y + a.height / 2 - b.y - b.height / 2);
    sums.entry[BoxMetrics::kSizeError] += (fabs(a.width - b.width) + fabs(a.height - b.height)) / 2;
    for (int o = 0; o < outputs; ++o) {
        const double value = double{predicted[o]}, target = double{truth[o]};
        sums.entry[BoxMetrics::kFloor] += (surprise(target) + surprise(1 - target)) / outputs;
        sums.entry[BoxMetrics::kPredicted + o] += value;
        sums.entry[BoxMetrics::kPredictedSquared + o] += value * value;
    }
}

__global__ void __launch_bounds__(kThreads)
    box_metrics_kernel(int64_t count, int outputs, const float* predicted, const float* truth,
                       const float* loss, float* sums) {
    BoxMetricsShared& shared = shared_memory<BoxMetricsShared>();
    MetricSums& mine = shared.of[threadIdx.x];
    for (int e = 0; e < BoxMetrics::kCount; ++e) mine.entry[e] = 0;
    for (int64_t n = threadIdx.x; n < count; n += kThreads) {
        add_box(predicted + n * outputs, truth + n * outputs, outputs, mine);
    }
    if (threadIdx.x == 0) {
        const bool finite_so_far = sums[BoxMetrics::kFiniteSteps] == sums[BoxMetrics::kSteps];
        mine.entry[BoxMetrics::kSteps] = 1;
        mine.entry[BoxMetrics::kFiniteSteps] = finite_so_far && is_finite(double{*loss}) ? 1 : 0;
        mine.entry[BoxMetrics::kLoss] = double{*loss};
    }
    __syncthreads();
    if (threadIdx.x < BoxMetrics::kCount) {
        double sum = 0;
        for (int t = 0; t < kThreads; ++t) sum += shared.of[t].entry[threadIdx.x];
        sums[threadIdx.x] += static_cast<float>(sum);
    }
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void CudaBackend::box_metrics(const Tensor& predicted, const Tensor& truth, const Tensor& loss,
                              const Tensor& sums) {
    launch(box_metrics_kernel, dim3(1), dim3(kThreads), sizeof(BoxMetricsShared), stream(),
           predicted.shape()[0], to_int32(predicted.shape()[1], "outputs"), predicted.data<float>(),
           truth.data<float>(), loss.data<float>(), sums.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
