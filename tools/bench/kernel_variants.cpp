#include "tools/bench/kernel_variants.h"

#include <algorithm>

#include "engine/error.h"
#include "kernels/backends.h"
#include "kernels/cpu/winograd.h"

namespace objloc::bench {
namespace {

/// The passes for which the CPU has a choice.
bool is_convolution(const KernelCase& op) {
    return op.op.starts_with("conv2d") && op.op != "conv2d_backward_bias";
}

std::function<std::unique_ptr<Backend>()> maker(const BackendEntry& entry, const BackendOptions& options) {
    return [make = entry.make, options] { return make(options); };
}

void add_cpu(const BackendEntry& entry, int threads, std::vector<KernelVariant>& list) {
    const char* direct =
        "oneDNN's direct sums, as PyTorch and TensorFlow use them; weight gradients of very few channels are "
        "our own";
    list.push_back({.device = "cpu",
                    .name = "direct (oneDNN)",
                    .adds = direct,
                    .group = "cpu",
                    .applies = is_convolution,
                    .make = maker(entry, {threads, CpuConv::direct}),
                    .yardstick = true});
    list.push_back(
        {.device = "cpu",
         .name = "winograd",
         .adds = "our F(4x4, 3x3): a quarter of the multiplications; 3x3 at stride 1, 8 channels and more",
         .group = "cpu",
         .applies = [](const KernelCase& op) { return is_convolution(op) && winograd_applies(op.problem); },
         .make = maker(entry, {threads, CpuConv::winograd}),
         .error_scale = 16});  // its transforms multiply by up to 8 and cancel again
    list.push_back({.device = "cpu",
                    .name = "cpu",
                    .adds = "our loops on OpenMP threads, for every other op",
                    .group = "cpu",
                    .applies = [](const KernelCase& op) { return !is_convolution(op); },
                    .make = maker(entry, {threads, CpuConv::automatic})});
}

void add_gpu(const BackendEntry& entry, std::vector<KernelVariant>& list) {
    const bool ours = entry.name == "cuda";
    list.push_back({.device = entry.name,
                    .name = entry.name,
                    .adds = ours ? "our CUDA kernels" : "cuDNN and cuBLAS",
                    .group = "gpu",
                    .applies = [](const KernelCase&) { return true; },
                    .make = maker(entry, {}),
                    .yardstick = !ours});
}

}  // namespace

VariantList kernel_variants(const std::vector<std::string>& devices, int threads) {
    VariantList list;
    const Registry registry = builtin_backends();
    for (const BackendEntry& entry : registry.entries()) {
        const bool named = std::find(devices.begin(), devices.end(), entry.name) != devices.end();
        if (!devices.empty() && !named) continue;
        if (!entry.missing.empty()) {
            if (named) throw Error("--device " + entry.name, entry.missing, entry.cure);
            list.missing.push_back({entry.name, entry.missing, entry.cure});
        } else if (entry.name == "cpu") {
            add_cpu(entry, threads, list.variants);
        } else {
            add_gpu(entry, list.variants);
        }
    }
    return list;
}

}  // namespace objloc::bench
