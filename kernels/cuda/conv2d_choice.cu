// The table of convolution kernels.
#include "kernels/cuda/conv2d_choice.cuh"

#include "kernels/cuda/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

/// One line: problems of this pass whose product has at least so many columns, and fills at least so many
/// tiles of this size. Blocks of a large tile reuse more of what they load; of a small one there are more to
/// share out.
struct Rule {
    ConvPass pass;
    int64_t least_columns, least_tiles;
    ConvTile tile;
};

/// The first line that fits is taken. Reasoned, not yet measured: a tile should not be half empty, and 96
/// blocks keep most of a large GPU's multiprocessors busy. A weight gradient is split among blocks anyway, so
/// it never lacks any.
// clang-format off
constexpr Rule kRules[] = {
    // pass                      columns  tiles  tile
    {ConvPass::forward,          65,      96,    ConvTile::wide},
    {ConvPass::forward,          65,      0,     ConvTile::small},
    {ConvPass::forward,          1,       96,    ConvTile::tall},
    {ConvPass::forward,          1,       0,     ConvTile::small},
    {ConvPass::backward_data,    65,      96,    ConvTile::wide},
    {ConvPass::backward_data,    65,      0,     ConvTile::small},
    {ConvPass::backward_data,    1,       96,    ConvTile::tall},
    {ConvPass::backward_data,    1,       0,     ConvTile::small},
    {ConvPass::backward_weights, 65,      0,     ConvTile::wide},
    {ConvPass::backward_weights, 1,       2,     ConvTile::tall},
    {ConvPass::backward_weights, 1,       0,     ConvTile::small},
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

int64_t tiles_of(const ProductSizes& sizes, ConvTile tile) {
    const int64_t rows = tile == ConvTile::tall ? 256 : 128, columns = tile == ConvTile::wide ? 128 : 64;
    return ceil_div(sizes.rows, rows) * ceil_div(sizes.columns, columns);
}

}  // namespace

bool mma_applies(const Conv2dProblem& problem) {
    return problem.C % 8 == 0 && problem.K % 8 == 0;
}

ConvChoice choose_conv2d(ConvPass pass, const Conv2dProblem& problem, Precision arithmetic, ConvTile tile) {
    if (arithmetic == Precision::fp32 || !mma_applies(problem)) return {};
    if (tile != ConvTile::automatic) return {ConvKernel::mma, tile};
    const ProductSizes sizes = product_sizes(pass, problem);
    for (const Rule& rule : kRules) {
        if (rule.pass == pass && sizes.columns >= rule.least_columns &&
            tiles_of(sizes, rule.tile) >= rule.least_tiles) {
            return {ConvKernel::mma, rule.tile};
        }
    }
    return {};
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
