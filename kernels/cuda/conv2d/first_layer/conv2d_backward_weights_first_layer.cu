// Convolution of a network's first layer, gradient of the weights, on tensor cores (sm_80 and later): bf16,
// or f32 rounded to tf32; sums in fp32.
//     dw[r,s,c,k] = sum over n,p,q of x[n, p+r-pad, q+s-pad, c] * dy[n,p,q,k]
//
// x (N, H, W, C), dy (N, P, Q, K), both bf16 or both f32. dw (R, S, C, K) is f32 always.
// conv2d_first_layer_version.cu says which sizes. No pooling: see conv2d_forward_first_layer.cu.
//
// A matrix product (rows: (r, s, c), 27 of 32 in VGG16; columns: filters; depth: pixels) whose time is that
// of reading dy once:
//   - Every warp has all rows and a span's filters as sums in its registers, and goes over the spans of its
//     block's strips (conv2d_first.cuh), 16 steps of depth each.
//   - Since the order of filters in the columns is free, and that of pixels along the depth as well, a lane
//     can have whole pieces of 16 bytes of dy: 8 lanes bring the 128 bytes of a pixel, a lane piece `group`
//     of the four pixels that are its own steps of depth. A piece's filters belong to as many tiles.
//   - So a lane multiplies what it has fetched itself, and nothing needs turning or exchanging. Its pieces
//     wait in a ring in shared memory only because cp.async can be three spans ahead there, which would
//     take 48 registers: up to 96 KB are on their way to each multiprocessor of an H200, where some 40
//     should hide the latency of memory. No barrier: the ring is each lane's own.
// For 2 KB of dy a warp takes 4 copies, 20 reads of shared memory (32 passes with those of 16 bytes), 16
// products and some 100 instructions in all; for what there is time for, see conv2d_forward_first_layer.cu.
//
// The ring is 64 KB, the patches 34 at most: a block has room in the 99 KB that the smallest GPUs give.
//
// At the end the warps' sums are added, and each block writes a partial; a second kernel adds the partials, 256 of
// 7 KB in VGG16.
//
// Deterministic: blocks follow from the problem alone, sums are taken in order of the strips, and warps and
// partials are added as fixed trees. Reference: "split-K"; Chetlur et al., "cuDNN: Efficient Primitives for Deep
// Learning", 2014.
#include "objloc/kernels/cuda/conv2d/first_layer/conv2d_first_layer.cuh"
#include "objloc/kernels/cuda/primitives/reduce_partials.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kLanePixels = 4;  // of a span: a lane's own steps of depth
constexpr int kRowTiles = kFirstTaps / 16;

/// Pieces of dy, each read by the thread that brought it: span s of a strip lies in place s.
struct GradientRing {
    PieceBytes piece[kStripSpans][kLanePixels][kFirstThreads];
};

/// Shared memory: the ring first, then two patches. At the end the sums of half the warps take its place.
template <typename Operand>
size_t shared_bytes(const StripSizes<Operand>& sizes) {
    return sizeof(GradientRing) + sizes.patch_bytes();
}

/// Starts to bring this lane's pieces of a span of dy, or zeros where it has none.
template <typename Operand>
OBJLOC_DEVICE void bring_span(const StripSizes<Operand>& sizes, const WarpPlace& warp, const Strip& strip,
                              int span, const Bits<Operand>* dy, GradientRing& ring) {
    const int group = static_cast<int>(threadIdx.x) % 32 / 4;
    const int k = static_cast<int>(blockIdx.y) * kSpanFilters<Operand> + group * kPiece<Operand>;
    const int p = strip.row + warp.row + span * warp.rows;
    const int first = strip.column + warp.column + first_depth<Operand>();  // this lane's first pixel
    const Bits<Operand>* from = dy + ((int64_t{strip.n} * sizes.P + p) * sizes.Q + first) * sizes.K + k;
#pragma unroll
    for (int i = 0; i < kLanePixels; ++i) {
        const int q = depth_step<Operand>(i);
        const bool inside = p < sizes.P && first + q < sizes.Q && k < sizes.K;
        cp_async_16(&ring.piece[span][i][threadIdx.x], inside ? from + q * sizes.K : dy,
                    inside ? kPieceBytes : 0);
    }
}

/// Where in a patch this lane reads: rows `group`, group + 8 and so on of the product, at its first pixel.
template <typename Operand>
struct LaneRows {
    const Bits<Operand>* first[2 * kRowTiles];

    OBJLOC_DEVICE void move(int elements) {
#pragma unroll
        for (const Bits<Operand>*& row : first) row += elements;
    }
};

/// The sums of a warp over all its spans.
template <typename Operand>
struct WeightSums {
    static constexpr int kTiles = kSpanTiles<Operand>;
    using Words = LaneWords<Operand, kLanePixels>;
    Sums4 tile[kRowTiles][extent(kTiles)] = {};

    /// Adds one span. `rows`: this lane's rows, every 8th, as they lie in the patch at its first pixel; so
    /// many `pixels` from there on are inside the image.
    OBJLOC_DEVICE void add(const StripSizes<Operand>& sizes, const LaneRows<Operand>& rows, int pixels,
                           const PieceBytes (&piece)[kLanePixels][kFirstThreads]) {
        const auto row = [&](int i) {
            Bits<Operand> element[kLanePixels];
#pragma unroll
            for (int l = 0; l < kLanePixels; ++l) {
                const int q = depth_step<Operand>(l);
                const Bits<Operand> value = rows.first[i][q * sizes.C];
                // Else a NaN beyond the last pixel, times dy's zero, would reach the sums.
                element[l] = q < pixels ? value : Bits<Operand>{0};
            }
            return Words(element);
        };
        FragmentA a[kRowTiles][Words::kProducts];
#pragma unroll
        for (int i = 0; i < kRowTiles; ++i) {
            const Words upper = row(2 * i), lower = row(2 * i + 1);
#pragma unroll
            for (int product = 0; product < Words::kProducts; ++product) {
                a[i][product] = rows16(upper, lower, product);
            }
        }
        PieceBytes pixel[kLanePixels];
#pragma unroll
        for (int l = 0; l < kLanePixels; ++l) pixel[l] = piece[l][threadIdx.x];
#pragma unroll
        for (int j = 0; j < kTiles; ++j) {
            const Words column = filter(pixel, j);
#pragma unroll
            for (int product = 0; product < Words::kProducts; ++product) {
#pragma unroll
                for (int i = 0; i < kRowTiles; ++i) {
                    Operand::multiply(tile[i][j], a[i][product], column.columns8(product));
                }
            }
        }
    }

    /// Filter j of each piece: of a column's filters the one in tile j.
    OBJLOC_DEVICE static Words filter(const PieceBytes (&pixel)[kLanePixels], int j) {
        constexpr int kPerWord = Words::kPerWord;
        Bits<Operand> element[kLanePixels];
#pragma unroll
        for (int l = 0; l < kLanePixels; ++l) {
            element[l] =
                static_cast<Bits<Operand>>(pixel[l].word[j / kPerWord] >> (j % kPerWord * (32 / kPerWord)));
        }
        return Words(element);
    }

    /// Adds all warps' sums, as a tree, to those of the first.
    OBJLOC_DEVICE void add_warps() {
        struct Lanes {
            float value[extent(kRowTiles * kTiles * 4)][32];
        };
        Lanes* const lanes = &shared_memory<Lanes>();
        static_assert(sizeof(Lanes) * (kFirstWarps / 2) <= sizeof(GradientRing));
        const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
        const auto each = [&](const auto& run) {
            int number = 0;
#pragma unroll
            for (auto& row : tile) {
#pragma unroll
                for (Sums4& sums : row) {
#pragma unroll
                    for (float& value : sums.value) run(value, number++);
                }
            }
        };
        for (int half = kFirstWarps / 2; half > 0; half /= 2) {
            __syncthreads();  // what lay here before has been read
            if (warp >= half && warp < 2 * half) {
                each([&](float& value, int i) { lanes[warp - half].value[i][lane] = value; });
            }
            __syncthreads();
            if (warp < half) each([&](float& value, int i) { value += lanes[warp].value[i][lane]; });
        }
    }

    /// Writes what there is of them. Columns 2 * member and + 1 of all tiles are that many filters each, side
    /// by side.
    OBJLOC_DEVICE void store(const StripSizes<Operand>& sizes, float* partial) const {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const int first = static_cast<int>(blockIdx.y) * kSpanFilters<Operand> + lane % 4 * 2 * kTiles;
#pragma unroll
        for (int i = 0; i < 2 * kRowTiles; ++i) {
            const int row = 8 * i + lane / 4;
            if (row >= sizes.taps) continue;
#pragma unroll
            for (int j = 0; j < 2 * kTiles; j += 4) {
                const int k = first + j;
                if (k >= sizes.K) continue;
                Float4 four;
#pragma unroll
                for (int l = 0; l < 4; ++l) {
                    four.lane[l] = tile[i / 2][(j + l) % kTiles].value[i % 2 * 2 + j / kTiles];
                }
                store4(partial + row * sizes.K + k, four, 4, true);
            }
        }
    }
};

/// Slot blockIdx.x: the sums over the block's strips.
template <typename Operand>
__global__ void __launch_bounds__(kFirstThreads, 2)
    conv2d_backward_weights_first_layer_kernel(StripSizes<Operand> sizes, const Bits<Operand>* x,
                                               const Bits<Operand>* dy, float* partials) {
    GradientRing& ring = shared_memory<GradientRing>();
    Bits<Operand>* const patches = reinterpret_cast<Bits<Operand>*>(&ring + 1);
    const int begin = static_cast<int>(blockIdx.x) * sizes.strips_per_block;
    const int strips = min(sizes.strips_per_block, sizes.strips - begin);
    const WarpPlace warp(sizes);
    Strip strip(sizes, begin);
    bring_patch(sizes, strip, x, patches);
    for (int span = 0; span < kStripSpans - 1; ++span) {
        bring_span(sizes, warp, strip, span, dy, ring);
        cp_async_commit();
    }
    LaneRows<Operand> lanes;
#pragma unroll
    for (int i = 0; i < 2 * kRowTiles; ++i) {
        const int depth = 8 * i + static_cast<int>(threadIdx.x) % 32 / 4;
        lanes.first[i] =
            patches + warp.offset(sizes) + first_depth<Operand>() * sizes.C + depth_offset(sizes, depth);
    }

    const int span_step = warp.rows * sizes.pitch;
    WeightSums<Operand> sums;
    for (int number = 0; number < strips; ++number) {
        const bool more = number + 1 < strips;
        const int pixels = sizes.Q - strip.column - warp.column - first_depth<Operand>();
        int rows_left = sizes.P - strip.row - warp.row;
#pragma unroll 1
        for (int span = 0; span < kStripSpans; ++span) {
            cp_async_wait<kStripSpans - 2>();  // this lane's part of the span is here, and of the patch
            if (span == 0) {
                __syncthreads();  // everybody's is, and nobody reads the patch before any more
                bring_span(sizes, warp, strip, kStripSpans - 1, dy, ring);
                strip.advance(sizes);  // from here on it is the next one
                if (more) bring_patch(sizes, strip, x, patches + (number + 1) % 2 * sizes.patch_elements());
            } else if (more) {
                bring_span(sizes, warp, strip, span - 1, dy, ring);
            }
            cp_async_commit();  // an empty one as well: the wait counts them
            if (rows_left > 0) sums.add(sizes, lanes, pixels, ring.piece[span]);
            rows_left -= warp.rows;
            lanes.move(span_step);
        }
        lanes.move((number % 2 == 0 ? 1 : -1) * sizes.patch_elements() - kStripSpans * span_step);
    }
    cp_async_wait<0>();
    sums.add_warps();
    if (threadIdx.x < 32) sums.store(sizes, partials + int64_t{blockIdx.x} * sizes.taps * sizes.K);
}

template <typename Operand>
void run_backward_weights(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                          const Tensor& dy, const Tensor& dw, int most_blocks) {
    const StripSizes<Operand> sizes(problem, most_blocks);
    const int64_t count = sizes.blocks();
    const Tensor partials = count == 1 ? dw : backend.allocate({count, dw.count()});
    launch(conv2d_backward_weights_first_layer_kernel<Operand>, first_blocks(sizes), dim3(kFirstThreads),
           shared_bytes(sizes), backend.stream(), sizes, bits<Operand>(x), bits<Operand>(dy),
           partials.data<float>());
    if (count > 1)
        reduce_partials(backend.stream(), count, dw.count(), partials.data<float>(), dw.data<float>());
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void conv2d_backward_weights_first_layer(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                         const Conv2dGradient& gradient, const Tensor& dw, int most_blocks) {
    if (x.type() == DType::bf16) {
        run_backward_weights<Bf16>(backend, problem, x, gradient.dy, dw, most_blocks);
    } else {
        run_backward_weights<Tf32>(backend, problem, x, gradient.dy, dw, most_blocks);
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
