// The table of convolution kernels.
#include "kernels/cuda/conv2d_choice.h"

namespace objloc {
namespace {

/// One line: problems of this pass whose product has at least so many columns, and fills at least so many
/// tiles of this size. Blocks of a large tile reuse more of what they load; of a small one there are more to
/// share out.
struct Rule {
    ConvPass pass;
    int64_t least_columns, least_tiles;
    CudaConv kernel;
};

/// The first line that fits is taken. Reasoned, not yet measured: a tile should not be half empty, and 96
/// blocks keep most of a large GPU's multiprocessors busy. A weight gradient is split among blocks anyway, so
/// it never lacks any.
// clang-format off
constexpr Rule kRules[] = {
    // pass                      columns  tiles  kernel
    {ConvPass::forward,          65,      96,    CudaConv::mma_wide},
    {ConvPass::forward,          65,      0,     CudaConv::mma_small},
    {ConvPass::forward,          1,       96,    CudaConv::mma_tall},
    {ConvPass::forward,          1,       0,     CudaConv::mma_small},
    {ConvPass::backward_data,    65,      96,    CudaConv::mma_wide},
    {ConvPass::backward_data,    65,      0,     CudaConv::mma_small},
    {ConvPass::backward_data,    1,       96,    CudaConv::mma_tall},
    {ConvPass::backward_data,    1,       0,     CudaConv::mma_small},
    {ConvPass::backward_weights, 65,      0,     CudaConv::mma_wide},
    {ConvPass::backward_weights, 1,       2,     CudaConv::mma_tall},
    {ConvPass::backward_weights, 1,       0,     CudaConv::mma_small},
};
// clang-format on

struct ProductSizes {
    int64_t rows, columns;
};

ProductSizes product_sizes(ConvPass pass, const Conv2dProblem& g) {
    switch (pass) {
        case ConvPass::forward:
            return {g.N * g.P() * g.Q(), g.K};
        case ConvPass::backward_data:
            return {g.N * g.H * g.W, g.C};
        case ConvPass::backward_weights:
            return {g.R * g.S * g.C, g.K};
    }
    return {};
}

int64_t tiles_of(const ProductSizes& sizes, CudaConv kernel) {
    const int64_t rows = kernel == CudaConv::mma_tall ? 256 : 128;
    const int64_t columns = kernel == CudaConv::mma_wide ? 128 : 64;
    return (sizes.rows + rows - 1) / rows * ((sizes.columns + columns - 1) / columns);
}

/// C and K are multiples of 8, so that 16 bytes of channels never cross from one tap to the next.
bool mma_applies(const Conv2dProblem& problem) {
    return problem.C % 8 == 0 && problem.K % 8 == 0;
}

}  // namespace

bool hopper_conv2d_applies(const Conv2dProblem& problem) {
    return problem.stride_h == 1 && problem.stride_w == 1 && problem.C % 64 == 0 && problem.K % 64 == 0;
}

bool needs_hopper(CudaConv kernel) {
    return kernel == CudaConv::hopper || kernel == CudaConv::hopper_shared_taps ||
           kernel == CudaConv::hopper_clusters;
}

bool cuda_conv_applies(CudaConv kernel, ConvPass pass, const Conv2dProblem& problem, Precision arithmetic) {
    const bool tensor_cores = arithmetic != Precision::fp32;
    const bool weights = pass == ConvPass::backward_weights;
    const bool hopper = tensor_cores && hopper_conv2d_applies(problem);
    const bool shared_taps = hopper && problem.R == 3 && !weights;  // weight gradients share in any case
    const int64_t channels_made = pass == ConvPass::backward_data ? problem.C : problem.K;
    switch (kernel) {
        case CudaConv::tiled:
            return true;
        case CudaConv::mma:
        case CudaConv::mma_wide:
        case CudaConv::mma_tall:
        case CudaConv::mma_small:
            return tensor_cores && mma_applies(problem);
        case CudaConv::hopper:
            return hopper && !(weights && arithmetic == Precision::tf32);
        case CudaConv::hopper_shared_taps:
            return shared_taps;
        case CudaConv::hopper_clusters:
            return shared_taps && channels_made % 128 == 0;
        case CudaConv::automatic:
            break;
    }
    return false;
}

CudaConv choose_conv2d(ConvPass pass, const Conv2dProblem& problem, Precision arithmetic, CudaConv asked) {
    const bool stands_for_others = asked == CudaConv::automatic || asked == CudaConv::mma;
    if (!stands_for_others && cuda_conv_applies(asked, pass, problem, arithmetic)) return asked;
    const ProductSizes sizes = product_sizes(pass, problem);
    for (const Rule& rule : kRules) {
        if (rule.pass == pass && sizes.columns >= rule.least_columns &&
            tiles_of(sizes, rule.kernel) >= rule.least_tiles &&
            cuda_conv_applies(rule.kernel, pass, problem, arithmetic)) {
            return rule.kernel;
        }
    }
    return CudaConv::tiled;
}

}  // namespace objloc
