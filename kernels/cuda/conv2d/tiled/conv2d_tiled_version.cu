// The descriptor of `tiled`: it takes anything, so it is what runs where nothing else applies.
#include "objloc/kernels/cuda/conv2d/tiled/conv2d_tiled.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

const Conv2dKernel conv2d_kernels::tiled = {
    {
        .name = "tiled",
        .family = "tiled",
        .needs = {},
        .applies = [](ConvPass, const Conv2dProblem&, Precision) { return true; },
        .preference = [](ConvPass, const Conv2dProblem&) { return 0; },
    },
    conv2d_forward_tiled,
    conv2d_backward_data_tiled,
    conv2d_backward_weights_tiled,
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
