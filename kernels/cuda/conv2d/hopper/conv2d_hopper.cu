// What the Hopper convolutions need on the host's side: which problems they take, how images and weights are
// laid out for the copy engine, and how large a block's tile is.
#include "objloc/kernels/cuda/conv2d/hopper/conv2d_hopper.cuh"

#include <algorithm>

#include "objloc/kernels/cuda/conv2d/hopper/hopper_taps.cuh"
#include "objloc/kernels/cuda/runtime/handles.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

int device_attribute(cudaDeviceAttr attribute) {
    int device = 0, value = 0;
    check_cuda(cudaGetDevice(&device), "asking for the device");
    check_cuda(cudaDeviceGetAttribute(&value, attribute, device), "asking for the device's properties");
    return value;
}

/// Part of the tensor cores' time that a tiling uses: of the last round of tiles some blocks have none, and
/// small tiles bring less work for what they read from the second-level cache.
double expected_use(const PatchGrid& grid, int lines, int tile_lines, int tile_patches, int blocks,
                    double alone) {
    if (lines % tile_lines != 0) return 0;
    const int64_t tiles = ceil_div(grid.count, tile_patches) * (lines / tile_lines);
    const double rounds = static_cast<double>(tiles) / blocks;
    return alone * rounds / static_cast<double>(ceil_div(tiles, blocks));
}

}  // namespace

std::string hopper_missing() {
#if !defined(OBJLOC_CUDA_ON_HOST) && !defined(OBJLOC_CUDA_SM90A)
    return "this build has no code for sm_90a";
#endif
    if (device_attribute(cudaDevAttrComputeCapabilityMajor) != 9) return "this GPU is no Hopper";
    return "";
}

void require_hopper_conv2d(const Conv2dProblem& problem) {
    const std::string missing = hopper_missing();
    if (!missing.empty()) throw Error("cuda", "the Hopper convolutions cannot run: " + missing);
    if (!hopper_conv2d_applies(problem)) {
        throw Error("cuda",
                    "the Hopper convolutions take stride 1, and channels and filters in multiples of 64");
    }
}

TensorMap image_map(const void* images, TensorElement element, int64_t N, int64_t rows, int64_t columns,
                    int64_t channels, int box_columns, int box_rows, int box_images) {
    const bool plain = element == TensorElement::u8;
    const int box_channels = plain ? kWgmmaRows : kLineBytes / static_cast<int>(element_bytes(element));
    return make_tensor_map(images, element, !plain,
                           {{channels, 1, box_channels},
                            {columns, channels, box_columns},
                            {rows, columns * channels, box_rows},
                            {N, rows * columns * channels, box_images}});
}

TensorMap weight_map(const void* w, TensorElement element, int64_t rows, int64_t columns) {
    const int box_columns = kLineBytes / static_cast<int>(element_bytes(element));
    return make_tensor_map(w, element, true, {{columns, 1, box_columns}, {rows, columns, kWgmmaRows}});
}

bool shares_taps(const HopperOptions& options, const Conv2dProblem& problem) {
    return options.reuse != HopperReuse::none && problem.R == kSharedTaps;
}

int hopper_blocks(const HopperOptions& options) {
    return options.blocks > 0 ? options.blocks : device_attribute(cudaDevAttrMultiProcessorCount);
}

HopperTiling hopper_tiling(const HopperOptions& options, int lines, const PatchGrid& grid, bool bf16) {
    if (options.tiling != HopperTiling::automatic) return options.tiling;
    const int blocks = hopper_blocks(options);
    const double large = bf16 ? expected_use(grid, lines, 128, 2, blocks, 1.0) : 0;
    const double small = expected_use(grid, lines, 128, 1, blocks, 0.9);
    const double narrow = expected_use(grid, lines, 64, 2, blocks, 0.8);
    if (large >= small && large >= narrow) return HopperTiling::channels128_patches2;
    return small >= narrow ? HopperTiling::channels128_patches1 : HopperTiling::channels64_patches2;
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
