// The descriptors of the tensor-core convolutions: one kernel a pass, and a version for each size of its tile.
#include "objloc/kernels/cuda/conv2d/tensor_core/conv2d_mma.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

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

/// Reasoned, not measured: the largest tile reuses most of what it loads, but should not be half empty, and
/// 96 blocks keep most of a large GPU's multiprocessors busy. A weight gradient is split among blocks anyway,
/// so it never lacks any.
MmaTile reasoned_tile(ConvPass pass, const Conv2dProblem& problem) {
    constexpr int64_t kBusy = 96;
    const ProductSizes sizes = product_sizes(pass, problem);
    const bool weights = pass == ConvPass::backward_weights;
    const auto tiles = [&](int64_t rows, int64_t columns) {
        return ceil_div(sizes.rows, rows) * ceil_div(sizes.columns, columns);
    };
    if (sizes.columns > 64) return weights || tiles(128, 128) >= kBusy ? MmaTile::wide : MmaTile::small;
    return tiles(256, 64) >= (weights ? 2 : kBusy) ? MmaTile::tall : MmaTile::small;
}

/// C and K are multiples of 8, so that 16 bytes of channels never cross from one tap to the next.
bool applies(ConvPass, const Conv2dProblem& problem, Precision arithmetic) {
    return arithmetic != Precision::fp32 && problem.C % 8 == 0 && problem.K % 8 == 0;
}

template <MmaTile tile>
void forward(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
             const Tensor& bias, const Tensor& y, const Tensor& codes) {
    conv2d_forward_mma(backend, tile, problem, x, w, bias, y, codes);
}

template <MmaTile tile>
void backward_data(CudaBackend& backend, const Conv2dProblem& problem, const Conv2dGradient& gradient,
                   const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    conv2d_backward_data_mma(backend, tile, problem, gradient, w, relu_source, dx);
}

template <MmaTile tile>
void backward_weights(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                      const Conv2dGradient& gradient, const Tensor& dw) {
    conv2d_backward_weights_mma(backend, tile, problem, x, gradient, dw);
}

template <MmaTile tile>
constexpr Conv2dKernel version(const char* name) {
    return {{.name = name,
             .family = "mma",
             .needs = {.alignment = true},
             .applies = applies,
             .preference =
                 [](ConvPass pass, const Conv2dProblem& problem) {
                     return reasoned_tile(pass, problem) == tile ? 3 : 2;
                 }},
            forward<tile>,
            backward_data<tile>,
            backward_weights<tile>};
}

}  // namespace

const Conv2dKernel conv2d_kernels::mma_wide = version<MmaTile::wide>("mma_wide");
const Conv2dKernel conv2d_kernels::mma_tall = version<MmaTile::tall>("mma_tall");
const Conv2dKernel conv2d_kernels::mma_small = version<MmaTile::small>("mma_small");

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
