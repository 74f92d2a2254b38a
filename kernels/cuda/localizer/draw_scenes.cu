// Scenes and their boxes, as kernels/localizer/scene.h defines them.
//     images[n, row, column, c] = scene_value(...);   boxes[n, o] = box_fraction(...)
//
// images (N, side, side, 3), boxes (N, outputs), f32: 12 bytes written a pixel, and where there is a
// photograph 3 read. A block draws 1024 pixels of one image: its first thread places the object, then each
// thread draws four neighbouring pixels, whose row, column and place in or out of the object it works out
// once for all channels. They go through shared memory, so that neighbouring threads write neighbouring 16
// bytes; where images are not aligned (odd sides) neighbouring values. The functions are those that the CPU
// runs, on integers and with true divisions, so that every backend draws the same bits.
#include "objloc/kernels/localizer/scene.h"

#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256, kPixels = 4, kPixelsPerBlock = kThreads * kPixels;

struct SceneShared {
    ScenePlacement placement;
    Float4 values[extent(kPixelsPerBlock * 3 / 4)];
};

struct ScenePointers {
    const SpriteEntry* sprites;
    const uint8_t *atlas, *backgrounds;
    const int64_t* first_index;
    float *images, *boxes;
};

/// The thread's pixels from `first` on, as `values`: scene_value's two halves, for all bytes the first before
/// for any the second, so that no byte of a photograph waits for another.
__device__ void draw_pixels(const SceneSpec& spec, const ScenePlacement& placement, const ScenePointers& at,
                            int first, float (&values)[3 * kPixels]) {
    uint8_t bytes[3 * kPixels] = {};
    int row = first / spec.side, column = first - row * spec.side;
#pragma unroll
    for (int pixel = 0; pixel < kPixels; ++pixel) {
        if (row < spec.side) {
#pragma unroll
            for (int c = 0; c < 3; ++c) {
                bytes[3 * pixel + c] = scene_pixel(spec, placement, at.sprites, at.atlas, at.backgrounds, row,
                                                   column, source_channel(spec.preprocess, c));
            }
        }
        if (++column == spec.side) {
            column = 0;
            ++row;
        }
    }
#pragma unroll
    for (int i = 0; i < 3 * kPixels; ++i) values[i] = network_value(spec.preprocess, bytes[i], i % 3);
}

/// Block (n, run) of image n. `vector`: images may be written 16 bytes at a time.
template <SceneKind kKind, Preprocess kPreprocess>
__global__ void __launch_bounds__(kThreads)
    draw_scenes_kernel(SceneSpec spec, bool vector, ScenePointers at) {
    spec.kind = kKind;  // known to the compiler: what other scenes need is not there
    spec.preprocess = kPreprocess;
    SceneShared& shared = shared_memory<SceneShared>();
    const int64_t n = blockIdx.x;
    const int thread = static_cast<int>(threadIdx.x), begin = static_cast<int>(blockIdx.y) * kPixelsPerBlock;
    if (thread == 0) {
        shared.placement = place(spec, at.sprites, static_cast<uint64_t>(*at.first_index + n));
    }
    __syncthreads();
    const ScenePlacement here = shared.placement;
    float values[3 * kPixels];
    draw_pixels(spec, here, at, begin + thread * kPixels, values);
#pragma unroll
    for (int v = 0; v < 3; ++v) {
        Float4& four = shared.values[thread * 3 + v];
#pragma unroll
        for (int j = 0; j < 4; ++j) four.lane[j] = values[4 * v + j];
    }
    __syncthreads();
    const int count = spec.side * spec.side * 3;
#pragma unroll
    for (int v = 0; v < 3; ++v) {
        const int vector_at = v * kThreads + thread, i = begin * 3 + vector_at * 4;
        store4(at.images + n * count + i, shared.values[vector_at], count - i, vector);
    }
    if (blockIdx.y == 0 && thread < spec.outputs) {
        at.boxes[n * spec.outputs + thread] = box_fraction(spec, here, thread);
    }
}

using DrawKernel = void (*)(SceneSpec, bool, ScenePointers);

template <Preprocess kPreprocess>
DrawKernel kernel_of(SceneKind kind) {
    if (kind == SceneKind::blob) return draw_scenes_kernel<SceneKind::blob, kPreprocess>;
    if (kind == SceneKind::cat) return draw_scenes_kernel<SceneKind::cat, kPreprocess>;
    return draw_scenes_kernel<SceneKind::natural, kPreprocess>;
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void CudaBackend::draw_scenes(const SceneSpec& spec, const SceneAssets& assets, const Tensor& first_index,
                              const Tensor& images, const Tensor& boxes) {
    if (images.count() == 0) return;
    const ScenePointers pointers = {assets.sprites ? assets.sprites.data<SpriteEntry>() : nullptr,
                                    assets.atlas ? assets.atlas.data<uint8_t>() : nullptr,
                                    assets.backgrounds ? assets.backgrounds.data<uint8_t>() : nullptr,
                                    first_index.data<int64_t>(),
                                    images.data<float>(),
                                    boxes.data<float>()};
    const int values = to_int32(int64_t{spec.side} * spec.side * 3, "values of an image");
    const dim3 grid(blocks_for(images.shape()[0], 1).x, blocks_for(values / 3, kPixelsPerBlock).x);
    launch(spec.preprocess == Preprocess::caffe ? kernel_of<Preprocess::caffe>(spec.kind)
                                                : kernel_of<Preprocess::unit>(spec.kind),
           grid, dim3(kThreads), sizeof(SceneShared), stream(), spec, moves_by_four(pointers.images, values),
           pointers);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
