// Compositions and their truth, as kernels/localizer/composition.h defines them.
// images (N, side, side, 3) f32, truth (N, kMaxObjects, kTruthFields) f32.
//
// Four kernels: plans, a thread an image; pixels, as bytes, with what is seen of each object; the camera, a block of 64
// threads a tile of 8x8 pixels, since JPEG's losses are those of a tile; truth. Plans and bytes lie in the backend's
// memory between them: 3 bytes a pixel beside the 12 that are written at the end.
//
// The functions are those that the CPU runs. This file is compiled without fused multiply-add, so that every backend
// draws the same bits; bounds and counts of pixels are integers, whose atomics may come in any order.
#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"
#include "objloc/kernels/localizer/composition_camera.h"
#include "objloc/kernels/localizer/composition_plan.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kPlanThreads = 32, kPixelThreads = 256, kPixelsPerThread = 4, kTileThreads = kTile * kTile;

/// What the kernels hand on.
struct Composed {
    CompositionPlan* plans;  // (N)
    ObjectExtent* extents;   // (N, kMaxObjects)
    uint8_t* bytes;          // (N, side, side, 3)
};

__global__ void plan_compositions_kernel(int64_t N, CompositionSpec spec, CompositionPictures pictures,
                                         const int64_t* first_index, Composed to) {
    const int64_t n = int64_t{blockIdx.x} * kPlanThreads + threadIdx.x;
    if (n >= N) return;
    const CompositionPlan plan = plan_composition(spec, pictures, static_cast<uint64_t>(*first_index + n));
    to.plans[n] = plan;
    for (int object = 0; object < kMaxObjects; ++object) {
        to.extents[n * kMaxObjects + object] = {spec.side, spec.side, 0, 0, 0};
    }
}

struct PixelsShared {
    CompositionPlan plan;
    ObjectExtent extents[kMaxObjects];
};

__device__ void widen(ObjectExtent& extent, const ObjectExtent& by) {
    atomicMin(&extent.left, by.left);
    atomicMin(&extent.top, by.top);
    atomicMax(&extent.right, by.right);
    atomicMax(&extent.bottom, by.bottom);
    atomicAdd(&extent.pixels, by.pixels);
}

/// Block (n, run) of image n.
__global__ void __launch_bounds__(kPixelThreads)
    draw_composition_kernel(CompositionSpec spec, CompositionPictures pictures, Composed at) {
    PixelsShared& shared = shared_memory<PixelsShared>();
    const int64_t n = blockIdx.x;
    const int thread = static_cast<int>(threadIdx.x);
    if (thread == 0) shared.plan = at.plans[n];
    if (thread < kMaxObjects) shared.extents[thread] = {spec.side, spec.side, 0, 0, 0};
    __syncthreads();
    const int pixels = spec.side * spec.side;
    const int begin = static_cast<int>(blockIdx.y) * kPixelThreads * kPixelsPerThread;
    for (int i = 0; i < kPixelsPerThread; ++i) {
        const int number = begin + i * kPixelThreads + thread;
        if (number >= pixels) break;
        const int row = number / spec.side, column = number - row * spec.side;
        const CompositionPixel pixel =
            composition_pixel(shared.plan, pictures.entries, pictures.atlas, row, column);
        uint8_t* to = at.bytes + 3 * (n * pixels + number);
        for (int c = 0; c < 3; ++c) to[c] = pixel.channel[c];
        if (pixel.object >= 0) widen(shared.extents[pixel.object], {column, row, column + 1, row + 1, 1});
    }
    __syncthreads();
    if (thread < kMaxObjects && shared.extents[thread].pixels > 0) {
        widen(at.extents[n * kMaxObjects + thread], shared.extents[thread]);
    }
}

struct CameraShared {
    CompositionPlan plan;
    float tile[3][kTile][kTile], passed[3][kTile][kTile];
};

/// JPEG's losses on shared.tile: the transform's four passes, each thread an element of each channel.
__device__ void compress_tile(CameraShared& shared, const CosineTable& table, int i, int j) {
    for (int c = 0; c < 3; ++c) shared.passed[c][i][j] = transformed(table, shared.tile[c][i], 1, j);
    __syncthreads();
    for (int c = 0; c < 3; ++c) {
        shared.tile[c][i][j] = quantised(transformed(table, &shared.passed[c][0][j], kTile, i),
                                         shared.plan.compression, c, i, j);
    }
    __syncthreads();
    for (int c = 0; c < 3; ++c)
        shared.passed[c][i][j] = transformed_back(table, &shared.tile[c][0][j], kTile, i);
    __syncthreads();
    for (int c = 0; c < 3; ++c) shared.tile[c][i][j] = transformed_back(table, shared.passed[c][i], 1, j);
}

/// Block (n, tile) of image n.
__global__ void __launch_bounds__(kTileThreads)
    composition_camera_kernel(CompositionSpec spec, CosineTable table, int tiles_across, Composed at,
                              float* images) {
    CameraShared& shared = shared_memory<CameraShared>();
    const int64_t n = blockIdx.x;
    const int i = static_cast<int>(threadIdx.x) / kTile, j = static_cast<int>(threadIdx.x) % kTile;
    if (threadIdx.x == 0) shared.plan = at.plans[n];
    __syncthreads();
    const int row = static_cast<int>(blockIdx.y) / tiles_across * kTile + i;
    const int column = static_cast<int>(blockIdx.y) % tiles_across * kTile + j;
    const bool inside = row < spec.side && column < spec.side;
    const bool compressed = shared.plan.compression > 0;
    const int64_t pixels = int64_t{spec.side} * spec.side;
    CameraPixel pixel = {};
    if (inside) pixel = camera_pixel(shared.plan, spec.side, at.bytes + 3 * n * pixels, row, column);
    if (compressed) {
        const CameraPixel luma = to_luma(pixel);
        for (int c = 0; c < 3; ++c) shared.tile[c][i][j] = inside ? luma.channel[c] : 0;
        __syncthreads();
        compress_tile(shared, table, i, j);
        pixel = from_luma({{shared.tile[0][i][j], shared.tile[1][i][j], shared.tile[2][i][j]}});
    }
    if (!inside) return;
    float* to = images + 3 * (n * pixels + int64_t{row} * spec.side + column);
    for (int c = 0; c < 3; ++c) to[c] = camera_value(spec, shared.plan, pixel, row, column, c);
}

__global__ void composition_truth_kernel(int64_t count, int32_t side, Composed at, float* truth) {
    const int64_t i = int64_t{blockIdx.x} * kPlanThreads + threadIdx.x;
    if (i >= count) return;
    const auto object = static_cast<int32_t>(i % kMaxObjects);
    write_truth(at.plans[i / kMaxObjects], side, object, at.extents[i], truth + i * kTruthFields);
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void CudaBackend::compose_scenes(const CompositionSpec& spec, const CompositionAssets& assets,
                                 const Tensor& first_index, const Tensor& images, const Tensor& truth) {
    const int64_t N = images.shape()[0], pixels = int64_t{spec.side} * spec.side;
    if (N == 0) return;
    const auto bytes_of = [&](int64_t count, size_t size) {
        return allocate({count * static_cast<int64_t>(size)}, DType::u8);
    };
    const Tensor plans = bytes_of(N, sizeof(CompositionPlan)),
                 extents = bytes_of(N * kMaxObjects, sizeof(ObjectExtent)), bytes = bytes_of(N * pixels, 3);
    const Composed composed = {plans.data<CompositionPlan>(), extents.data<ObjectExtent>(),
                               bytes.data<uint8_t>()};
    const CompositionPictures pictures = {assets.entries.data<PictureEntry>(), assets.atlas.data<uint8_t>()};
    launch(plan_compositions_kernel, blocks_for(N, kPlanThreads), dim3(kPlanThreads), 0, stream(), N, spec,
           pictures, first_index.data<int64_t>(), composed);
    const dim3 runs(blocks_for(N, 1).x, blocks_for(pixels, kPixelThreads * kPixelsPerThread).x);
    launch(draw_composition_kernel, runs, dim3(kPixelThreads), sizeof(PixelsShared), stream(), spec, pictures,
           composed);
    const auto tiles_across = static_cast<int>(ceil_div(spec.side, kTile));
    const dim3 tiles(blocks_for(N, 1).x, blocks_for(int64_t{tiles_across} * tiles_across, 1).x);
    launch(composition_camera_kernel, tiles, dim3(kTileThreads), sizeof(CameraShared), stream(), spec,
           cosine_table(), tiles_across, composed, images.data<float>());
    launch(composition_truth_kernel, blocks_for(N * kMaxObjects, kPlanThreads), dim3(kPlanThreads), 0,
           stream(), N * kMaxObjects, spec.side, composed, truth.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
