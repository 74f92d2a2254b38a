// One box from the votes of all cells; kernels/localizer/cell_boxes.h has the formula.
//
// votes, dvotes (N, cells, 1 + outputs), attention (N, cells), boxes, dboxes (N, outputs). A block owns an
// image, its threads share the cells. Sums are in double and added as a fixed tree: deterministic.
#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"
#include "objloc/kernels/localizer/cell_boxes.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 128;

struct CellBoxesShared {
    double sum[kThreads];
};

/// The sum (or the largest) of all threads' values, given to each.
template <typename Join>
__device__ double across_block(double value, const Join& join) {
    CellBoxesShared& shared = shared_memory<CellBoxesShared>();
    __syncthreads();  // the last result has been read
    shared.sum[threadIdx.x] = value;
    for (unsigned half = kThreads / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            shared.sum[threadIdx.x] = join(shared.sum[threadIdx.x], shared.sum[threadIdx.x + half]);
        }
    }
    __syncthreads();
    return shared.sum[0];
}

struct Plus {
    __device__ double operator()(double a, double b) const { return a + b; }
};
struct Larger {
    __device__ double operator()(double a, double b) const { return a > b ? a : b; }
};

/// The outputs are a constant so that each has a register.
template <int kOutputs>
__global__ void __launch_bounds__(kThreads)
    cell_boxes_forward_kernel(CellBoxesProblem problem, const float* all_votes, float* all_attention,
                              float* boxes) {
    const int64_t n = blockIdx.x, count = problem.cells(), features = 1 + kOutputs;
    const float* votes = all_votes + n * count * features;
    float* attention = all_attention + n * count;
    double largest = double{votes[0]};
    for (int64_t c = threadIdx.x; c < count; c += kThreads)
        largest = Larger()(largest, double{votes[c * features]});
    const float most = static_cast<float>(across_block(largest, Larger()));
    double total = 0;
    for (int64_t c = threadIdx.x; c < count; c += kThreads) total += double{expf(votes[c * features] - most)};
    const float scale = static_cast<float>(1 / across_block(total, Plus()));
    double sums[static_cast<size_t>(kOutputs)] = {};
    for (int64_t c = threadIdx.x; c < count; c += kThreads) {
        const float weight = expf(votes[c * features] - most) * scale;
        attention[c] = weight;
        for (int o = 0; o < kOutputs; ++o)
            sums[o] += double{weight} * double{cell_vote(problem, votes, c, o).value};
    }
    for (double& sum : sums) sum = across_block(sum, Plus());
    if (threadIdx.x != 0) return;
    float* box = boxes + n * kOutputs;
    box[0] = static_cast<float>(sums[0] - sums[2] / 2);
    box[1] = static_cast<float>(sums[1] - sums[kOutputs - 1] / 2);
    for (int o = 2; o < kOutputs; ++o) box[o] = static_cast<float>(sums[o]);
}

template <int kOutputs>
__global__ void __launch_bounds__(kThreads)
    cell_boxes_backward_kernel(CellBoxesProblem problem, const float* all_votes, const float* all_attention,
                               const float* dboxes, float* all_dvotes) {
    const int64_t n = blockIdx.x, count = problem.cells(), features = 1 + kOutputs;
    const float* votes = all_votes + n * count * features;
    const float* attention = all_attention + n * count;
    const float* dbox = dboxes + n * kOutputs;
    float* dvotes = all_dvotes + n * count * features;
    // By the centre and the extents: the corner is centre - extent / 2.
    double dvote[static_cast<size_t>(kOutputs)];
    for (int o = 0; o < kOutputs; ++o) dvote[o] = double{dbox[o]};
    dvote[2] -= double{dbox[0]} / 2;
    dvote[kOutputs - 1] -= double{dbox[1]} / 2;
    const auto gain = [&](int64_t c) {
        double sum = 0;
        for (int o = 0; o < kOutputs; ++o) sum += dvote[o] * double{cell_vote(problem, votes, c, o).value};
        return sum;
    };
    double average = 0;
    for (int64_t c = threadIdx.x; c < count; c += kThreads) average += double{attention[c]} * gain(c);
    average = across_block(average, Plus());
    for (int64_t c = threadIdx.x; c < count; c += kThreads) {
        // The softmax passes each cell's gain over the average gain.
        dvotes[c * features] = static_cast<float>(double{attention[c]} * (gain(c) - average));
        for (int o = 0; o < kOutputs; ++o) {
            const double slope = double{attention[c]} * double{cell_vote(problem, votes, c, o).slope};
            dvotes[c * features + 1 + o] = static_cast<float>(slope * dvote[o]);
        }
    }
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::cell_boxes_forward(const CellBoxesProblem& problem, const Tensor& votes,
                                     const Tensor& attention, const Tensor& boxes) {
    const auto kernel = problem.outputs == 3 ? cell_boxes_forward_kernel<3> : cell_boxes_forward_kernel<4>;
    launch(kernel, blocks_for(problem.N, 1), dim3(kThreads), sizeof(CellBoxesShared), stream(), problem,
           votes.data<float>(), attention.data<float>(), boxes.data<float>());
}

void CudaBackend::cell_boxes_backward(const CellBoxesProblem& problem, const Tensor& votes,
                                      const Tensor& attention, const Tensor& dboxes, const Tensor& dvotes) {
    const auto kernel = problem.outputs == 3 ? cell_boxes_backward_kernel<3> : cell_boxes_backward_kernel<4>;
    launch(kernel, blocks_for(problem.N, 1), dim3(kThreads), sizeof(CellBoxesShared), stream(), problem,
           votes.data<float>(), attention.data<float>(), dboxes.data<float>(), dvotes.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
