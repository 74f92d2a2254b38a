#include "objloc/kernels/cpu/conv2d/winograd/winograd.h"

#include "objloc/kernels/cpu/conv2d/winograd/winograd_plan.h"

namespace objloc {

bool winograd_applies(const Conv2dProblem& p) {
    const auto padding_fits = [](int64_t pad) { return pad >= 0 && pad <= 2; };
    return p.R == 3 && p.S == 3 && p.stride_h == 1 && p.stride_w == 1 && padding_fits(p.pad_top) &&
           padding_fits(p.pad_left) && padding_fits(p.pad_bottom) && padding_fits(p.pad_right) && p.N > 0 &&
           p.P() > 0 && p.Q() > 0 && p.C >= 8 && p.K >= 8;
}

size_t winograd_scratch_bytes(const Conv2dProblem& p, WinogradPass pass, int threads) {
    if (pass == WinogradPass::backward_weights)
        return winograd::gradient_scratch_floats(p, threads) * sizeof(float);
    return winograd::forward_scratch_floats(pass == WinogradPass::forward ? p.C : p.K, threads) *
           sizeof(float);
}

}  // namespace objloc
