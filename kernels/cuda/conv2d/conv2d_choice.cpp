#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"

#include <algorithm>
#include <cmath>

namespace objloc {
namespace {

// ---- The table -------------------------------------------------------------------------------------------

constexpr double kReach = 1;  // a factor of two, as a power of two
constexpr int kHopper = 9;

bool concerns(const ConvTableLine& line, int sm, Precision arithmetic) {
    const bool own_architecture = line.sm / 10 != kHopper || sm / 10 == kHopper;
    return line.precision == arithmetic && line.sm <= sm && own_architecture;
}

double doublings(int64_t a, int64_t b) {
    return std::abs(std::log2(static_cast<double>(a) / static_cast<double>(b)));
}

double distance(const ConvTableLine& line, const Conv2dProblem& g) {
    return doublings(line.pixels, g.N * g.P() * g.Q()) + doublings(line.C, g.C) + doublings(line.K, g.K) +
           doublings(line.taps, g.R * g.S);
}

// ---- Which tile of mma.sync ------------------------------------------------------------------------------

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

int64_t tiles_of(const ProductSizes& sizes, int64_t rows, int64_t columns) {
    return (sizes.rows + rows - 1) / rows * ((sizes.columns + columns - 1) / columns);
}

/// Reasoned, not measured: the largest tile reuses most of what it loads, but should not be half empty, and
/// 96 blocks keep most of a large GPU's multiprocessors busy. A weight gradient is split among blocks anyway,
/// so it never lacks any.
CudaConv reasoned_tile(ConvPass pass, const Conv2dProblem& problem) {
    constexpr int64_t kBusy = 96;
    const ProductSizes sizes = product_sizes(pass, problem);
    const bool weights = pass == ConvPass::backward_weights;
    if (sizes.columns > 64) {
        const bool enough = weights || tiles_of(sizes, 128, 128) >= kBusy;
        return enough ? CudaConv::mma_wide : CudaConv::mma_small;
    }
    const bool enough = tiles_of(sizes, 256, 64) >= (weights ? 2 : kBusy);
    return enough ? CudaConv::mma_tall : CudaConv::mma_small;
}

bool is_mma(CudaConv kernel) {
    return kernel == CudaConv::mma_wide || kernel == CudaConv::mma_tall || kernel == CudaConv::mma_small;
}

/// C and K are multiples of 8, so that 16 bytes of channels never cross from one tap to the next.
bool mma_applies(const Conv2dProblem& problem) {
    return problem.C % 8 == 0 && problem.K % 8 == 0;
}

/// The kernels' depth of 32 holds all values under a filter, and shared memory the rows under one of up to 5.
/// Filters are written 16 bytes at a time. Nobody learns the images, so there is no data gradient; and no
/// model here pools its first layer.
bool first_layer_applies(ConvPass pass, const Conv2dProblem& g) {
    return pass != ConvPass::backward_data && g.C <= 4 && g.R * g.S * g.C <= 32 && g.R <= 5 && g.K % 8 == 0 &&
           g.stride_h == 1 && g.stride_w == 1 && !g.pool;
}

}  // namespace

std::span<const ConvTableLine> conv_table() {
    using enum Precision;
    using enum CudaConv;
    static constexpr ConvTableLine kLines[] = {
#include "objloc/kernels/cuda/conv2d/conv2d_table.inc"
    };
    return kLines;
}

CudaConv ConvTableLine::kernel(ConvPass pass) const {
    switch (pass) {
        case ConvPass::forward:
            return forward;
        case ConvPass::backward_data:
            return backward_data;
        case ConvPass::backward_weights:
            return backward_weights;
    }
    return CudaConv::automatic;
}

const ConvTableLine* nearest_line(std::span<const ConvTableLine> table, int sm, const Conv2dProblem& problem,
                                  Precision arithmetic) {
    int newest = 0;
    for (const ConvTableLine& line : table) {
        if (concerns(line, sm, arithmetic)) newest = std::max(newest, line.sm);
    }
    const ConvTableLine* nearest = nullptr;
    double least = kReach;
    for (const ConvTableLine& line : table) {
        if (line.sm != newest || !concerns(line, sm, arithmetic)) continue;
        const double away = distance(line, problem);
        if (away < least) nearest = &line, least = away;
    }
    return nearest;
}

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
        case CudaConv::first_layer:
            return tensor_cores && first_layer_applies(pass, problem);
        case CudaConv::hopper:
            return hopper;
        case CudaConv::hopper_shared_taps:
            return shared_taps;
        case CudaConv::hopper_clusters:
            return shared_taps && (channels_made % 128 == 0 || arithmetic == Precision::bf16);
        case CudaConv::automatic:
            break;
    }
    return false;
}

CudaConv choose_conv2d(ConvPass pass, const Conv2dProblem& problem, Precision arithmetic, CudaConv asked,
                       const CudaDevice& device, std::span<const ConvTableLine> table) {
    const auto can = [&](CudaConv kernel) { return cuda_conv_applies(kernel, pass, problem, arithmetic); };
    const bool stands_for_others = asked == CudaConv::automatic || asked == CudaConv::mma;
    if (!stands_for_others && can(asked)) return asked;
    const ConvTableLine* line = nearest_line(table, device.sm, problem, arithmetic);
    const CudaConv listed = line == nullptr ? CudaConv::automatic : line->kernel(pass);
    const bool wanted = asked != CudaConv::mma || is_mma(listed);
    if (wanted && can(listed) && (device.hopper || !needs_hopper(listed))) return listed;
    if (can(CudaConv::mma)) return reasoned_tile(pass, problem);
    return can(CudaConv::first_layer) ? CudaConv::first_layer : CudaConv::tiled;
}

}  // namespace objloc
