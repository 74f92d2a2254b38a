#include "objloc/kernels/cpu/conv2d/conv2d.h"

#include "objloc/engine/error.h"
#include "objloc/kernels/cpu/ops/column_sums.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"

namespace objloc {
namespace cpu {
namespace {

[[noreturn]] void refuse(const char* pass) {
    throw Error(std::string("conv2d ") + pass, "this version of the convolution has no such pass");
}

}  // namespace

void Conv2dPasses::forward(const Conv2dProblem&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                           const Tensor&) {
    refuse("forward");
}
void Conv2dPasses::backward_data(const Conv2dProblem&, const Conv2dGradient&, const Tensor&, const Tensor&,
                                 const Tensor&) {
    refuse("backward_data");
}
void Conv2dPasses::backward_weights(const Conv2dProblem&, const Tensor&, const Conv2dGradient&,
                                    const Tensor&) {
    refuse("backward_weights");
}

const Conv2dVersions& conv2d_versions() {
    static const Conv2dVersions versions = {
#define OBJLOC_CONV2D_VERSION(name) &conv2d_kernels::name,
#include "objloc/kernels/cpu/conv2d/conv2d_versions.inc"
    };
    return versions;
}

Convolutions::Convolutions(int threads, std::string asked, Precision arithmetic,
                           std::shared_ptr<CachingAllocator> allocator)
    : threads_(threads), asked_(std::move(asked)), arithmetic_(arithmetic), allocator_(std::move(allocator)) {
    check_version_name(conv2d_versions(), asked_);
}

Conv2dPasses& Convolutions::passes(ConvPass pass, const Conv2dProblem& problem) {
    const Conv2dVersion* version = find_version(conv2d_versions(), asked_);
    if (version == nullptr || !version->applies(pass, problem, arithmetic_)) {
        version = preferred_version(conv2d_versions(), pass, problem, arithmetic_, asked_);
    }
    std::unique_ptr<Conv2dPasses>& passes = passes_[version];
    if (!passes) passes = static_cast<const Conv2dKernel*>(version)->make(threads_, arithmetic_, allocator_);
    return *passes;
}

}  // namespace cpu

void CpuBackend::conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                const Tensor& bias, const Tensor& y, const Tensor& codes) {
    convolutions_->passes(ConvPass::forward, problem).forward(problem, x, w, bias, y, codes);
}

void CpuBackend::conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                      const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    convolutions_->passes(ConvPass::backward_data, problem)
        .backward_data(problem, gradient, w, relu_source, dx);
}

void CpuBackend::conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                         const Conv2dGradient& gradient, const Tensor& dw) {
    convolutions_->passes(ConvPass::backward_weights, problem).backward_weights(problem, x, gradient, dw);
}

// db[k] = sum over n, p, q of dy[n,p,q,k]. A pooled gradient needs no expansion: each element reaches one
// place, or none when ReLU clipped its window.
void CpuBackend::conv2d_backward_bias(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                      const Tensor& db) {
    const int64_t rows = problem.N * problem.out_rows() * problem.out_columns();
    const uint8_t* codes = problem.pool ? gradient.codes.data<uint8_t>() : nullptr;
    cpu::column_sums(threads_, rows, problem.K, gradient.dy.data<float>(), codes, db.data<float>());
}

}  // namespace objloc
