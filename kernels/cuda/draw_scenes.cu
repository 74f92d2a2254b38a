// Scenes and their boxes, as engine/scene.h defines them.
//     images[n, row, column, c] = scene_value(...);   boxes[n, o] = box_fraction(...)
//
// images (N, side, side, 3), boxes (N, outputs). A block draws a run of one image's values: its first thread
// places the object, then neighbouring threads write neighbouring values. The functions are those that the
// CPU runs, on integers and with true divisions, so that every backend draws the same bits.
#include "engine/scene.h"

#include "kernels/cuda/cuda_backend.cuh"
#include "kernels/cuda/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256, kValuesPerBlock = 4096;

struct ScenePointers {
    const SpriteEntry* sprites;
    const uint8_t *atlas, *backgrounds;
    const int64_t* first_index;
    float *images, *boxes;
};

/// Block (n, run) of image n.
__global__ void __launch_bounds__(kThreads) draw_scenes_kernel(SceneSpec spec, ScenePointers at) {
    ScenePlacement& placement = shared_memory<ScenePlacement>();
    const int64_t n = blockIdx.x;
    if (threadIdx.x == 0) placement = place(spec, at.sprites, static_cast<uint64_t>(*at.first_index + n));
    __syncthreads();
    const ScenePlacement here = placement;
    const int values = spec.side * spec.side * 3;
    const int begin = static_cast<int>(blockIdx.y) * kValuesPerBlock;
    for (int i = begin + static_cast<int>(threadIdx.x); i < begin + kValuesPerBlock && i < values;
         i += kThreads) {
        const int pixel = i / 3, row = pixel / spec.side;
        at.images[n * values + i] = scene_value(spec, here, at.sprites, at.atlas, at.backgrounds, row,
                                                pixel - row * spec.side, i - pixel * 3);
    }
    const int o = static_cast<int>(threadIdx.x);
    if (blockIdx.y == 0 && o < spec.outputs) at.boxes[n * spec.outputs + o] = box_fraction(spec, here, o);
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
    const dim3 grid(blocks_for(images.shape()[0], 1).x, blocks_for(values, kValuesPerBlock).x);
    launch(draw_scenes_kernel, grid, dim3(kThreads), sizeof(ScenePlacement), stream(), spec, pointers);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
