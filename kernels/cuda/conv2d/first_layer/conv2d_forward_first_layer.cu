// Convolution of a network's first layer, forward, on tensor cores (sm_80 and later): bf16, or f32 rounded to
// tf32; sums in fp32.
//     y[n,p,q,k] = act(bias[k] + sum over r,s,c of x[n, p+r-pad, q+s-pad, c] * w[r,s,c,k])
//
// x (N, H, W, C), w (R, S, C, K), y (N, P, Q, K) of one type, bf16 or f32; bias (K) f32 or null.
// conv2d_first_layer_version.cu says which sizes. No pooling: a first layer that pools would write a quarter, and no
// model here has one.
//
// An implicit matrix product (rows: pixels, columns: filters, depth: the 27 values under a 3x3 kernel of 3
// channels, filled up to 32 with zeros) of so few operations for each byte of y that its time is that of
// writing y. So nothing else may take as long:
//   - Filters stay in registers, 32 words a lane, for as long as the block lives.
//   - Pixels come from the patch in shared memory (conv2d_first.cuh), which is read ahead.
//   - The sums go from registers to y, without shared memory between. Filters may stand in any order in the
//     product's columns, and the order chosen gives a lane 16 bytes of neighbouring filters, the four lanes
//     of a pixel 64 bytes, and its two stores a whole line of 128.
// For 2 KB of y a warp takes 16 reads of 32 values from shared memory, 16 products of the tensor cores, 4
// stores and some 100 instructions in all. At 4.3 TB/s, as an H200 copies, a multiprocessor has
// about 110 cycles for that, in which it can issue 440 instructions, read shared memory 110 times and make 50
// products or more. All of this is reckoned, not measured.
//
// Deterministic: each sum is taken by one warp in order of (r, s, c), from the bias on.
// Reference: Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014, section 3.
#include "objloc/kernels/cuda/conv2d/first_layer/conv2d_first_layer.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// The filter in column `column` of tile `tile`, among a block's. A lane of the sums has columns 2 * member
/// and + 1 of each tile; its runs of 16 bytes take two filters from each of so many tiles.
template <typename Operand>
struct FilterOrder {
    static constexpr int kRun = kPiece<Operand>;  // filters
    static constexpr int kTiles = kRun / 2;
    static constexpr int kRuns = kSpanTiles<Operand> / kTiles;

    OBJLOC_DEVICE static int filter(int tile, int column) {
        return tile / kTiles * 4 * kRun + column / 2 * kRun + tile % kTiles * 2 + column % 2;
    }
};

/// Shared memory: this first, then two patches.
template <typename Operand>
struct ForwardShared {
    static constexpr int kPieces = kSpanFilters<Operand> / kPiece<Operand>;
    static_assert(kFirstTaps * kPieces == kFirstThreads);
    Bits<Operand> w[kFirstTaps][extent(kSpanFilters<Operand>)];
    float bias[extent(kSpanFilters<Operand>)];

    /// Starts to bring the block's filters, a piece a thread, with zeros past the end of either axis; and
    /// their biases.
    OBJLOC_DEVICE void bring(const StripSizes<Operand>& sizes, const Bits<Operand>* from_w,
                             const float* from_bias, int first) {
        const int thread = static_cast<int>(threadIdx.x);
        const int depth = thread / kPieces, filter = thread % kPieces * kPiece<Operand>;
        const bool inside = depth < sizes.taps && first + filter < sizes.K;
        cp_async_16(&w[depth][filter], from_w + (inside ? depth * sizes.K + first + filter : 0),
                    inside ? kPieceBytes : 0);
        if (thread >= kSpanFilters<Operand>) return;
        bias[thread] = from_bias != nullptr && first + thread < sizes.K ? from_bias[first + thread] : 0.0f;
    }
};

/// Every element of w that this lane brings to the products, for the life of the block; and where in a patch
/// lies what they are multiplied with.
template <typename Operand>
struct LaneFilters {
    static constexpr int kCount = kFirstTaps / 4;  // a lane's part of the depth
    using Words = LaneWords<Operand, kCount>;
    FragmentB columns[Words::kProducts][kSpanTiles<Operand>];
    int offset[kCount];  // elements

    OBJLOC_DEVICE LaneFilters(const StripSizes<Operand>& sizes, const ForwardShared<Operand>& shared) {
        const int group = static_cast<int>(threadIdx.x) % 32 / 4, first = first_depth<Operand>();
#pragma unroll
        for (int j = 0; j < kSpanTiles<Operand>; ++j) {
            const int filter = FilterOrder<Operand>::filter(j, group);
            Bits<Operand> element[extent(kCount)];
#pragma unroll
            for (int i = 0; i < kCount; ++i) element[i] = shared.w[first + depth_step<Operand>(i)][filter];
            const Words words(element);
#pragma unroll
            for (int product = 0; product < Words::kProducts; ++product) {
                columns[product][j] = words.columns8(product);
            }
        }
#pragma unroll
        for (int i = 0; i < kCount; ++i) offset[i] = depth_offset(sizes, first + depth_step<Operand>(i));
    }

    /// What lies under a pixel. Past the end of the depth filters are zero, and something of the pixel's own
    /// window is multiplied with that.
    OBJLOC_DEVICE Words pixel(const Bits<Operand>* under) const {
        Bits<Operand> element[extent(kCount)];
#pragma unroll
        for (int i = 0; i < kCount; ++i) element[i] = under[offset[i]];
        return Words(element);
    }
};

/// One run of a finished pixel: ReLU, rounding, one store.
template <typename Operand>
OBJLOC_DEVICE void store_run(typename Operand::Element* y, const Sums4* tiles, int row, bool relu) {
    using Order = FilterOrder<Operand>;
    float value[extent(Order::kRun)];
#pragma unroll
    for (int i = 0; i < Order::kRun; ++i) {
        value[i] = tiles[i / 2].value[2 * row + i % 2];
        if (relu && value[i] < 0) value[i] = 0;  // NaN stays: it must reach the loss to be seen
    }
    PieceBytes run;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        if constexpr (std::is_same_v<Operand, Bf16>) {
            run.word[i] = pack_bf16(value[2 * i], value[2 * i + 1]);
        } else {
            run.word[i] = __float_as_uint(value[i]);
        }
    }
    *reinterpret_cast<PieceBytes*>(y) = run;
}

/// Multiplies and writes one span. `upper` and `lower`: the patch under this lane's pixels q and q + 8 of it;
/// `y`: where q's filters begin.
template <typename Operand>
OBJLOC_DEVICE void make_span(const StripSizes<Operand>& sizes, const LaneFilters<Operand>& filters,
                             const Bits<Operand>* upper_patch, const Bits<Operand>* lower_patch,
                             const float* bias, int q, int first_filter, typename Operand::Element* y) {
    using Order = FilterOrder<Operand>;
    using Words = typename LaneFilters<Operand>::Words;
    const Words upper = filters.pixel(upper_patch), lower = filters.pixel(lower_patch);
#pragma unroll
    for (int run = 0; run < Order::kRuns; ++run) {
        const int filter = Order::filter(run * Order::kTiles, static_cast<int>(threadIdx.x) % 4 * 2);
        Sums4 sums[Order::kTiles];
#pragma unroll
        for (int j = 0; j < Order::kTiles; ++j) {
            const float* two = bias + filter + 2 * j;
            sums[j] = {{two[0], two[1], two[0], two[1]}};
        }
#pragma unroll
        for (int product = 0; product < Words::kProducts; ++product) {
            const FragmentA a = rows16(upper, lower, product);
#pragma unroll
            for (int j = 0; j < Order::kTiles; ++j) {
                Operand::multiply(sums[j], a, filters.columns[product][run * Order::kTiles + j]);
            }
        }
        const int k = first_filter + filter;
        if (k >= sizes.K) continue;
        if (q < sizes.Q) store_run<Operand>(y + k, sums, 0, sizes.relu);
        if (q + 8 < sizes.Q) store_run<Operand>(y + 8 * sizes.K + k, sums, 1, sizes.relu);
    }
}

template <typename Operand>
__global__ void __launch_bounds__(kFirstThreads, 2)
    conv2d_forward_first_layer_kernel(StripSizes<Operand> sizes, const Bits<Operand>* x,
                                      const Bits<Operand>* w, const float* bias,
                                      typename Operand::Element* y) {
    using Shared = ForwardShared<Operand>;
    Shared& shared = shared_memory<Shared>();
    Bits<Operand>* const patches = reinterpret_cast<Bits<Operand>*>(&shared + 1);
    int number = static_cast<int>(blockIdx.x) * sizes.strips_per_block;
    const int end = min(number + sizes.strips_per_block, sizes.strips);
    const int first_filter = static_cast<int>(blockIdx.y) * kSpanFilters<Operand>;
    const WarpPlace warp(sizes);
    Strip strip(sizes, number);
    bring_patch(sizes, strip, x, patches);
    shared.bring(sizes, w, bias, first_filter);
    cp_async_commit();
    cp_async_wait<0>();
    __syncthreads();  // the filters are here
    const LaneFilters<Operand> filters(sizes, shared);
    for (int turn = 0; number < end; ++number, turn ^= 1) {
        cp_async_wait<0>();
        __syncthreads();  // the patch is here, and nobody reads the one before any more
        Strip next = strip;
        next.advance(sizes);
        if (number + 1 < end) bring_patch(sizes, next, x, patches + (turn ^ 1) * sizes.patch_elements());
        cp_async_commit();

        const int group = static_cast<int>(threadIdx.x) % 32 / 4, q = strip.column + warp.column + group;
        // Both are pointers, so that offsets from both are the same and take registers once.
        const Bits<Operand>* upper =
            patches + turn * sizes.patch_elements() + warp.offset(sizes) + group * sizes.C;
        const Bits<Operand>* lower = upper + 8 * sizes.C;
#pragma unroll 1
        for (int p = strip.row + warp.row; p < min(strip.row + sizes.strip_rows, sizes.P); p += warp.rows) {
            const int64_t to = (int64_t{strip.n} * sizes.P + p) * sizes.Q + q;
            make_span(sizes, filters, upper, lower, shared.bias, q, first_filter, y + to * sizes.K);
            upper += warp.rows * sizes.pitch;
            lower += warp.rows * sizes.pitch;
        }
        strip = next;
    }
}

template <typename Operand>
void run_forward(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                 const Tensor& bias, const Tensor& y, int most_blocks) {
    using Element = typename Operand::Element;
    const StripSizes<Operand> sizes(problem, most_blocks);
    launch(conv2d_forward_first_layer_kernel<Operand>, first_blocks(sizes), dim3(kFirstThreads),
           sizeof(ForwardShared<Operand>) + sizes.patch_bytes(), backend.stream(), sizes, bits<Operand>(x),
           bits<Operand>(w), bias ? bias.data<float>() : nullptr, y.data<Element>());
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void conv2d_forward_first_layer(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                const Tensor& w, const Tensor& bias, const Tensor& y, int most_blocks) {
    if (x.type() == DType::bf16) {
        run_forward<Bf16>(backend, problem, x, w, bias, y, most_blocks);
    } else {
        run_forward<Tf32>(backend, problem, x, w, bias, y, most_blocks);
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
