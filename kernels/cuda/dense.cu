// Dense layer.     y[n,o]  = bias[o] + sum over i of x[n,i] * w[i,o]
//                  dx[n,i] = sum over o of dy[n,o] * w[i,o]
//                  dw[i,o] = sum over n of x[n,i] * dy[n,o]
//                  db[o]   = sum over n of dy[n,o]
//
// x, dx (N, inputs); w, dw (inputs, outputs); y, dy (N, outputs); bias, db (outputs).
//
// With many outputs this is a 1x1 convolution of images with one pixel, and the tiled product does it. With
// few (three for a box) a tile would be nearly empty, and the work is reading x and writing its gradient
// once:
//     y   a block sums four outputs of one row, its threads strided over the inputs
//     dx  a thread makes one element
//     dw  a thread makes four outputs of one input, and walks down the batch
// Always in fp32: dense layers are heads here (engine/precision.h).
//
// Deterministic: each thread sums in order, a block adds its threads' sums as a fixed tree.
#include "kernels/cuda/conv2d_kernels.cuh"
#include "kernels/cuda/cuda_backend.cuh"
#include "kernels/cuda/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256;
constexpr int kGradientThreads = 64;  // small blocks, so that 8192 inputs reach 128 multiprocessors
constexpr int kFewOutputs = 16;

struct DenseSizes {
    int N, inputs, outputs;
};

struct RowSums {
    Float4 sum[kThreads];
};

/// Block (n, group): outputs 4 * group .. + 3 of row n.
__global__ void __launch_bounds__(kThreads)
    dense_forward_kernel(DenseSizes sizes, const float* x, const float* w, const float* bias, float* y) {
    RowSums& shared = shared_memory<RowSums>();
    const int64_t n = blockIdx.x;
    const int o = static_cast<int>(blockIdx.y) * 4, count = sizes.outputs - o;
    Float4 sum = {{0, 0, 0, 0}};
    for (int i = static_cast<int>(threadIdx.x); i < sizes.inputs; i += kThreads) {
        const float value = x[n * sizes.inputs + i];
        const Float4 weights = load4(w + int64_t{i} * sizes.outputs + o, count, false);
#pragma unroll
        for (int j = 0; j < 4; ++j) sum.lane[j] += value * weights.lane[j];
    }
    shared.sum[threadIdx.x] = sum;
    for (unsigned half = kThreads / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
#pragma unroll
            for (int j = 0; j < 4; ++j)
                shared.sum[threadIdx.x].lane[j] += shared.sum[threadIdx.x + half].lane[j];
        }
    }
    if (threadIdx.x != 0) return;
    for (int j = 0; j < 4 && j < count; ++j) {
        y[n * sizes.outputs + o + j] = shared.sum[0].lane[j] + (bias != nullptr ? bias[o + j] : 0);
    }
}

__global__ void __launch_bounds__(kThreads)
    dense_backward_data_kernel(DenseSizes sizes, const float* dy, const float* w, float* dx) {
    const int64_t element = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (element >= int64_t{sizes.N} * sizes.inputs) return;
    const int64_t n = element / sizes.inputs, i = element - n * sizes.inputs;
    float sum = 0;
    for (int o = 0; o < sizes.outputs; ++o) sum += dy[n * sizes.outputs + o] * w[i * sizes.outputs + o];
    dx[element] = sum;
}

/// Block row blockIdx.y: outputs 4 * blockIdx.y .. + 3.
__global__ void __launch_bounds__(kGradientThreads)
    dense_backward_weights_kernel(DenseSizes sizes, const float* x, const float* dy, float* dw) {
    const int64_t i = int64_t{blockIdx.x} * kGradientThreads + threadIdx.x;
    if (i >= sizes.inputs) return;
    const int o = static_cast<int>(blockIdx.y) * 4, count = sizes.outputs - o;
    Float4 sum = {{0, 0, 0, 0}};
#pragma unroll 4
    for (int64_t n = 0; n < sizes.N; ++n) {
        const float value = x[n * sizes.inputs + i];
        const Float4 gradient = load4(dy + n * sizes.outputs + o, count, false);
#pragma unroll
        for (int j = 0; j < 4; ++j) sum.lane[j] += value * gradient.lane[j];
    }
    store4(dw + i * sizes.outputs + o, sum, count, false);
}

DenseSizes sizes_of(const DenseProblem& problem) {
    return {to_int32(problem.N, "rows"), to_int32(problem.inputs, "inputs"),
            to_int32(problem.outputs, "outputs")};
}

/// The same sums as a convolution: weights (1, 1, inputs, outputs) lie in memory as (inputs, outputs) do.
Conv2dProblem as_conv2d(const DenseProblem& problem) {
    Conv2dProblem conv;
    conv.N = problem.N;
    conv.H = conv.W = conv.R = conv.S = 1;
    conv.C = problem.inputs;
    conv.K = problem.outputs;
    return conv;
}

unsigned groups_of_four(const DenseSizes& sizes) {
    return static_cast<unsigned>(ceil_div(sizes.outputs, 4));
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::dense_forward(const DenseProblem& problem, const Tensor& x, const Tensor& w,
                                const Tensor& bias, const Tensor& y) {
    if (y.count() == 0) return;
    if (problem.outputs > kFewOutputs) {
        return conv2d_forward_tiled(*this, as_conv2d(problem), x, w, bias, y, {});
    }
    const DenseSizes sizes = sizes_of(problem);
    const dim3 grid(blocks_for(sizes.N, 1).x, groups_of_four(sizes));
    launch(dense_forward_kernel, grid, dim3(kThreads), sizeof(RowSums), stream(), sizes, x.data<float>(),
           w.data<float>(), bias ? bias.data<float>() : nullptr, y.data<float>());
}

void CudaBackend::dense_backward_data(const DenseProblem& problem, const Tensor& dy, const Tensor& w,
                                      const Tensor& dx) {
    if (dx.count() == 0) return;
    if (problem.outputs > kFewOutputs) {
        return conv2d_backward_data_tiled(*this, as_conv2d(problem), {dy, {}}, w, {}, dx);
    }
    launch(dense_backward_data_kernel, blocks_for(dx.count(), kThreads), dim3(kThreads), 0, stream(),
           sizes_of(problem), dy.data<float>(), w.data<float>(), dx.data<float>());
}

void CudaBackend::dense_backward_weights(const DenseProblem& problem, const Tensor& x, const Tensor& dy,
                                         const Tensor& dw) {
    if (dw.count() == 0) return;
    if (problem.outputs > kFewOutputs) {
        return conv2d_backward_weights_tiled(*this, as_conv2d(problem), x, {dy, {}}, dw);
    }
    const DenseSizes sizes = sizes_of(problem);
    const dim3 grid(blocks_for(sizes.inputs, kGradientThreads).x, groups_of_four(sizes));
    launch(dense_backward_weights_kernel, grid, dim3(kGradientThreads), 0, stream(), sizes, x.data<float>(),
           dy.data<float>(), dw.data<float>());
}

void CudaBackend::dense_backward_bias(const DenseProblem& problem, const Tensor& dy, const Tensor& db) {
    CudaBackend::conv2d_backward_bias(as_conv2d(problem), {dy, {}}, db);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
