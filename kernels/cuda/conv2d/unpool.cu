// The gradient of a pooling convolution's own output.
//     full[n,p,q,k] = pooled[n, p/2, q/2, k] where codes[n, p/2, q/2, k] = 2 * (p % 2) + q % 2, else 0
//
// pooled (N, out_rows, out_columns, K) bf16 or f32, codes the same u8, full (N, P, Q, K); K a multiple of 8.
//
// A thread reads 8 channels of one window, 16 bytes of bf16 or 32 of f32 and 8 of codes, once, and writes the
// window's four pixels: for each element of `pooled` 5 elements and one byte move. A last odd row or column,
// which no window covers, is zero.
#include "objloc/kernels/cuda/conv2d/hopper/conv2d_hopper.cuh"
#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256, kChannels = 8;

template <typename Element>
struct alignas(16) Gradients8 {
    Element lane[kChannels];
};
struct alignas(8) Codes8 {
    uint8_t lane[kChannels];
};

struct UnpoolSizes {
    int P, Q, out_rows, out_columns, groups;  // of 8 channels
    int count;                                // of threads with work
};

template <typename Element>
__global__ void __launch_bounds__(kThreads)
    unpool_kernel(UnpoolSizes sizes, const Gradients8<Element>* pooled, const Codes8* codes,
                  Gradients8<Element>* full) {
    const int64_t index = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (index >= sizes.count) return;
    const int thread = static_cast<int>(index), window = thread / sizes.groups;
    const int group = thread - window * sizes.groups;
    const int columns = (sizes.Q + 1) / 2, rows = (sizes.P + 1) / 2;
    const int line = window / columns, column = window - line * columns;
    const int64_t n = line / rows;
    const int row = line - static_cast<int>(n) * rows;

    Gradients8<Element> gradients = {};
    Codes8 code = {};
    if (row < sizes.out_rows && column < sizes.out_columns) {
        const int64_t from = ((n * sizes.out_rows + row) * sizes.out_columns + column) * sizes.groups + group;
        gradients = pooled[from];
        code = codes[from];
    }
#pragma unroll
    for (int position = 0; position < 4; ++position) {
        const int p = 2 * row + position / 2, q = 2 * column + position % 2;
        if (p >= sizes.P || q >= sizes.Q) continue;
        Gradients8<Element> here = {};
#pragma unroll
        for (int i = 0; i < kChannels; ++i) {
            if (code.lane[i] == position) here.lane[i] = gradients.lane[i];
        }
        full[((n * sizes.P + p) * sizes.Q + q) * sizes.groups + group] = here;
    }
}

// ---- Launcher ---------------------------------------------------------------------------------------------

template <typename Element>
void unpool_windows(cudaStream_t stream, const Conv2dProblem& problem, const Element* pooled,
                    const uint8_t* codes, Element* full) {
    UnpoolSizes sizes = {static_cast<int>(problem.P()),           static_cast<int>(problem.Q()),
                         static_cast<int>(problem.out_rows()),    static_cast<int>(problem.out_columns()),
                         static_cast<int>(problem.K / kChannels), 0};
    sizes.count =
        to_int32(problem.N * ((sizes.P + 1) / 2) * ((sizes.Q + 1) / 2) * sizes.groups, "parts of windows");
    if (sizes.count == 0) return;
    launch(unpool_kernel<Element>, blocks_for(sizes.count, kThreads), dim3(kThreads), 0, stream, sizes,
           reinterpret_cast<const Gradients8<Element>*>(pooled), reinterpret_cast<const Codes8*>(codes),
           reinterpret_cast<Gradients8<Element>*>(full));
}

}  // namespace

void launch_unpool(cudaStream_t stream, const Conv2dProblem& problem, const __nv_bfloat16* pooled,
                   const uint8_t* codes, __nv_bfloat16* full) {
    unpool_windows(stream, problem, pooled, codes, full);
}

void launch_unpool(cudaStream_t stream, const Conv2dProblem& problem, const float* pooled,
                   const uint8_t* codes, float* full) {
    unpool_windows(stream, problem, pooled, codes, full);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
