// Dense layer.     y[n,o]  = bias[o] + sum over i of x[n,i] * w[i,o]
//                  dx[n,i] = sum over o of dy[n,o] * w[i,o]
//                  dw[i,o] = sum over n of x[n,i] * dy[n,o]
//                  db[o]   = sum over n of dy[n,o]
//
// x, dx (N, inputs); w, dw (inputs, outputs); y, dy (N, outputs); bias, db (outputs).
//
// With many outputs this is a 1x1 convolution of images with one pixel, and the tiled product does it. With
// few (three for a box) a tile would be nearly empty, and the work is reading x, or writing its gradient,
// once; w is small and stays in the caches. For a box from 8192 features of 64 images x is 2 MiB, half a
// microsecond at the speed of memory: what counts is how few times a thread waits for memory, and that all
// multiprocessors take part.
//
// A thread always takes four neighbouring inputs: 16 bytes of x, and w's 4 x outputs in `outputs` accesses of
// 16 bytes. More than four outputs are done four at a time, and there, as where memory is not aligned, the
// same code reads element by element.
//     y   A block makes one row, of 512 threads so that 8192 inputs are four rounds, whose loads are all on
//         their way together. (Splitting a row over blocks would halve those rounds and cost a second launch,
//         which takes longer than they do.)
//     dx  A thread keeps its weights and writes four rows.
//     dw  A block makes 64 inputs; 16 threads share an input's batch, each with four rows on their way, and
//         their sums are added in order. So 8192 inputs are 128 blocks.
// Always in fp32: dense layers are heads here (engine/precision.h).
//
// One block on a multiprocessor is enough, and the compiler is told so (the second launch bound): else it
// would use each value as it comes, to save registers for other blocks.
//
// Deterministic: each thread sums in order, a block adds its threads' sums in a fixed order.
#include "objloc/kernels/cuda/conv2d/tiled/conv2d_tiled.cuh"
#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kRowThreads = 512,
              kRound = 4 * kRowThreads;  // of y: threads, and inputs that they take at once
constexpr int kThreads = 256;
constexpr int kRowsPerThread = 4;          // of dx
constexpr int kInputs = 16, kShares = 16;  // of dw: threads side by side, and threads that share the batch
constexpr int kFewOutputs = 16;

struct DenseSizes {
    int N, inputs, outputs;
};

// In the kernels below a thread makes kOutputs outputs, from `o` on, of four inputs, from `i` on. kVectors
// promises that kOutputs is all there are, and that rows of x and dx, and w's rows four together, move as
// aligned fours.

/// x or dx of one row: its four inputs.
template <bool kVectors>
__device__ Float4 load_inputs(const DenseSizes& sizes, const float* x, int64_t n, int i) {
    return load4(x + n * sizes.inputs + i, kVectors ? 4 : sizes.inputs - i, kVectors);
}

/// dy of one row: its outputs.
template <int kOutputs, bool kVectors>
struct Gradients {
    float at[extent(kOutputs)];

    __device__ void load(const DenseSizes& sizes, const float* dy, int64_t n, int o) {
#pragma unroll
        for (int output = 0; output < kOutputs; ++output) {
            const bool inside = kVectors || o + output < sizes.outputs;
            at[output] = inside ? dy[n * sizes.outputs + o + output] : 0;
        }
    }
};

/// w as at[input][output].
template <int kOutputs, bool kVectors>
struct Weights {
    float at[4][extent(kOutputs)];

    __device__ void load(const DenseSizes& sizes, const float* w, int i, int o) {
        const float* from = w + int64_t{i} * sizes.outputs + o;
        if constexpr (kVectors) {
#pragma unroll
            for (int v = 0; v < kOutputs; ++v) {
                const Float4 four = load4(from + 4 * v, 4, true);
#pragma unroll
                for (int j = 0; j < 4; ++j) at[(4 * v + j) / kOutputs][(4 * v + j) % kOutputs] = four.lane[j];
            }
        } else {
#pragma unroll
            for (int input = 0; input < 4; ++input) {
#pragma unroll
                for (int output = 0; output < kOutputs; ++output) {
                    const bool inside = i + input < sizes.inputs && o + output < sizes.outputs;
                    at[input][output] = inside ? from[int64_t{input} * sizes.outputs + output] : 0;
                }
            }
        }
    }
};

template <int kOutputs>
struct RowSums {
    float sum[extent(kOutputs)][kRowThreads];
};

/// One thread's sums over inputs i .. i + 3, i + kRound .. i + kRound + 3, ...
template <int kOutputs, bool kVectors>
struct OutputSums {
    float at[extent(kOutputs)];

    /// The inputs of kAhead rounds of the block, all of them read before the first is added.
    template <int kAhead>
    __device__ void add(const DenseSizes& sizes, const float* x, const float* w, int64_t n, int i, int o) {
        Float4 values[extent(kAhead)];
        Weights<kOutputs, kVectors> weights[extent(kAhead)];
#pragma unroll
        for (int a = 0; a < kAhead; ++a) {
            values[a] = load_inputs<kVectors>(sizes, x, n, i + a * kRound);
            weights[a].load(sizes, w, i + a * kRound, o);
        }
#pragma unroll
        for (int a = 0; a < kAhead; ++a) {
#pragma unroll
            for (int input = 0; input < 4; ++input) {
#pragma unroll
                for (int output = 0; output < kOutputs; ++output) {
                    at[output] += values[a].lane[input] * weights[a].at[input][output];
                }
            }
        }
    }
};

/// Block (n, group): outputs 4 * group .. + kOutputs - 1 of row n.
template <int kOutputs, bool kVectors>
__global__ void __launch_bounds__(kRowThreads, 1)
    dense_forward_kernel(DenseSizes sizes, const float* x, const float* w, const float* bias, float* y) {
    RowSums<kOutputs>& shared = shared_memory<RowSums<kOutputs>>();
    const int64_t n = blockIdx.x;
    const int o = static_cast<int>(blockIdx.y) * 4, thread = static_cast<int>(threadIdx.x);
    OutputSums<kOutputs, kVectors> sums = {};
    int i = thread * 4;
    for (; i + 3 * kRound < sizes.inputs; i += 4 * kRound) sums.template add<4>(sizes, x, w, n, i, o);
    for (; i < sizes.inputs; i += kRound) sums.template add<1>(sizes, x, w, n, i, o);
#pragma unroll
    for (int output = 0; output < kOutputs; ++output) shared.sum[output][thread] = sums.at[output];
    for (int half = kRowThreads / 2; half > 0; half /= 2) {
        __syncthreads();
        if (thread >= half) continue;
#pragma unroll
        for (int output = 0; output < kOutputs; ++output) {
            shared.sum[output][thread] += shared.sum[output][thread + half];
        }
    }
    __syncthreads();
    if (thread >= kOutputs || o + thread >= sizes.outputs) return;
    y[n * sizes.outputs + o + thread] = shared.sum[thread][0] + (bias != nullptr ? bias[o + thread] : 0);
}

/// Block column blockIdx.y: rows kRowsPerThread * blockIdx.y and on.
template <int kOutputs, bool kVectors>
__global__ void __launch_bounds__(kThreads)
    dense_backward_data_kernel(DenseSizes sizes, const float* dy, const float* w, float* dx) {
    const int64_t first = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4;
    if (first >= sizes.inputs) return;
    const int i = static_cast<int>(first);
    const int64_t begin = int64_t{blockIdx.y} * kRowsPerThread;
    Float4 sum[kRowsPerThread] = {};
    for (int o = 0; o < (kVectors ? kOutputs : sizes.outputs); o += kOutputs) {
        Weights<kOutputs, kVectors> weights;
        weights.load(sizes, w, i, o);
#pragma unroll
        for (int row = 0; row < kRowsPerThread; ++row) {
            const int64_t n = begin + row < sizes.N ? begin + row : begin;
            Gradients<kOutputs, kVectors> gradients;
            gradients.load(sizes, dy, n, o);
#pragma unroll
            for (int input = 0; input < 4; ++input) {
#pragma unroll
                for (int output = 0; output < kOutputs; ++output) {
                    sum[row].lane[input] += gradients.at[output] * weights.at[input][output];
                }
            }
        }
    }
#pragma unroll
    for (int row = 0; row < kRowsPerThread; ++row) {
        if (begin + row >= sizes.N) return;
        store4(dx + (begin + row) * sizes.inputs + i, sum[row], kVectors ? 4 : sizes.inputs - i, kVectors);
    }
}

/// The sums of a block's threads: of 4 * kInputs inputs with their outputs, once a share of the batch.
template <int kOutputs>
struct ShareSums {
    float sum[kShares][extent(4 * kInputs * kOutputs)];
};

/// One thread's sums over rows n, n + kShares, ...
template <int kOutputs, bool kVectors>
struct InputSums {
    float at[4][extent(kOutputs)];

    /// kAhead rows, all of them read before the first is added.
    template <int kAhead>
    __device__ void add(const DenseSizes& sizes, const float* x, const float* dy, int n, int i, int o) {
        Float4 values[extent(kAhead)];
        Gradients<kOutputs, kVectors> gradients[extent(kAhead)];
#pragma unroll
        for (int a = 0; a < kAhead; ++a) {
            values[a] = load_inputs<kVectors>(sizes, x, n + a * kShares, i);
            gradients[a].load(sizes, dy, n + a * kShares, o);
        }
#pragma unroll
        for (int a = 0; a < kAhead; ++a) {
#pragma unroll
            for (int input = 0; input < 4; ++input) {
#pragma unroll
                for (int output = 0; output < kOutputs; ++output) {
                    at[input][output] += values[a].lane[input] * gradients[a].at[output];
                }
            }
        }
    }
};

/// Block (blockIdx.x, group): 4 * kInputs inputs, and outputs 4 * group .. + kOutputs - 1.
template <int kOutputs, bool kVectors>
__global__ void __launch_bounds__(kInputs* kShares, 1)
    dense_backward_weights_kernel(DenseSizes sizes, const float* x, const float* dy, float* dw) {
    ShareSums<kOutputs>& shared = shared_memory<ShareSums<kOutputs>>();
    const int column = static_cast<int>(threadIdx.x), share = static_cast<int>(threadIdx.y);
    const int block = static_cast<int>(blockIdx.x) * 4 * kInputs, i = block + column * 4;
    const int o = static_cast<int>(blockIdx.y) * 4;
    InputSums<kOutputs, kVectors> sums = {};
    if (i < sizes.inputs) {
        int n = share;
        for (; n + 3 * kShares < sizes.N; n += 4 * kShares) sums.template add<4>(sizes, x, dy, n, i, o);
        for (; n < sizes.N; n += kShares) sums.template add<1>(sizes, x, dy, n, i, o);
    }
#pragma unroll
    for (int input = 0; input < 4; ++input) {
#pragma unroll
        for (int output = 0; output < kOutputs; ++output) {
            shared.sum[share][(column * 4 + input) * kOutputs + output] = sums.at[input][output];
        }
    }
    __syncthreads();
    for (int e = share * kInputs + column; e < 4 * kInputs * kOutputs; e += kInputs * kShares) {
        const int input = block + e / kOutputs, output = o + e % kOutputs;
        if (input >= sizes.inputs || output >= sizes.outputs) continue;
        float total = 0;
#pragma unroll
        for (int s = 0; s < kShares; ++s) total += shared.sum[s][e];
        dw[int64_t{input} * sizes.outputs + output] = total;
    }
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

template <int kOutputs_, bool kVectors_>
struct Form {
    static constexpr int kOutputs = kOutputs_;
    static constexpr bool kVectors = kVectors_;
};

/// Calls `run` with the kernels' Form for these sizes. `x` is dx where that is what moves, `w` null where w
/// is not read.
template <typename Run>
void with_form(const DenseSizes& sizes, const float* x, const float* w, const Run& run) {
    if (sizes.outputs > 4 || !moves_by_four(x, sizes.inputs) || !moves_by_four(w, sizes.inputs)) {
        return run(Form<4, false>{});
    }
    if (sizes.outputs == 1) return run(Form<1, true>{});
    if (sizes.outputs == 2) return run(Form<2, true>{});
    if (sizes.outputs == 3) return run(Form<3, true>{});
    run(Form<4, true>{});
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
    with_form(sizes, x.data<float>(), w.data<float>(), [&](auto form) {
        using F = decltype(form);
        launch(dense_forward_kernel<F::kOutputs, F::kVectors>, grid, dim3(kRowThreads),
               sizeof(RowSums<F::kOutputs>), stream(), sizes, x.data<float>(), w.data<float>(),
               bias ? bias.data<float>() : nullptr, y.data<float>());
    });
}

void CudaBackend::dense_backward_data(const DenseProblem& problem, const Tensor& dy, const Tensor& w,
                                      const Tensor& dx) {
    if (dx.count() == 0) return;
    if (problem.outputs > kFewOutputs) {
        return conv2d_backward_data_tiled(*this, as_conv2d(problem), {dy, {}}, w, {}, dx);
    }
    const DenseSizes sizes = sizes_of(problem);
    const dim3 grid(blocks_for(sizes.inputs, kThreads * 4).x, blocks_for(sizes.N, kRowsPerThread).x);
    with_form(sizes, dx.data<float>(), w.data<float>(), [&](auto form) {
        using F = decltype(form);
        launch(dense_backward_data_kernel<F::kOutputs, F::kVectors>, grid, dim3(kThreads), 0, stream(), sizes,
               dy.data<float>(), w.data<float>(), dx.data<float>());
    });
}

void CudaBackend::dense_backward_weights(const DenseProblem& problem, const Tensor& x, const Tensor& dy,
                                         const Tensor& dw) {
    if (dw.count() == 0) return;
    if (problem.outputs > kFewOutputs) {
        return conv2d_backward_weights_tiled(*this, as_conv2d(problem), x, {dy, {}}, dw);
    }
    const DenseSizes sizes = sizes_of(problem);
    const dim3 grid(blocks_for(sizes.inputs, 4 * kInputs).x, groups_of_four(sizes));
    with_form(sizes, x.data<float>(), nullptr, [&](auto form) {
        using F = decltype(form);
        launch(dense_backward_weights_kernel<F::kOutputs, F::kVectors>, grid, dim3(kInputs, kShares),
               sizeof(ShareSums<F::kOutputs>), stream(), sizes, x.data<float>(), dy.data<float>(),
               dw.data<float>());
    });
}

void CudaBackend::dense_backward_bias(const DenseProblem& problem, const Tensor& dy, const Tensor& db) {
    CudaBackend::conv2d_backward_bias(as_conv2d(problem), {dy, {}}, db);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
