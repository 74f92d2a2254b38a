#include "tools/bench/kernel_variants.h"

#include <algorithm>
#include <optional>

#include "engine/error.h"
#include "kernels/backends.h"
#include "kernels/cpu/winograd.h"

namespace objloc::bench {
namespace {

/// The passes for which the CPU has a choice.
bool is_convolution(const KernelCase& op) {
    return op.pass().has_value();
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

/// The CUDA backend's convolutions, in the order in which they came to be; each says what it has that the one
/// before has not. The next one goes to the end, with a number of its own.
struct ConvVersion {
    const char* name;
    Precision precision;
    const char* adds;
    CudaConv kernel;
};
constexpr ConvVersion kConvVersions[] = {
    {"1 tiled fp32", Precision::fp32,
     "products in registers, slices of both operands in shared memory; bias, ReLU, pooling, masks fused; any "
     "sizes",
     CudaConv::tiled},
    {"2 mma tf32", Precision::tf32,
     "tensor cores by mma.sync m16n8k8; slices come by cp.async, three ahead, and are read without bank "
     "conflicts",
     CudaConv::mma},
    {"3 mma bf16", Precision::bf16,
     "half the bytes and twice the products: activations stored in bf16, mma.sync m16n8k16, ldmatrix turns "
     "operands",
     CudaConv::mma},
    {"4 wgmma tf32", Precision::tf32,
     "Hopper: wgmma out of shared memory, the copy engine fetches and stores, a producer and two consumer "
     "warpgroups, persistent blocks",
     CudaConv::hopper},
    {"5 wgmma bf16", Precision::bf16,
     "the same in bf16, both operands as they lie in memory; weight gradients by stream-K, taps sharing "
     "patches",
     CudaConv::hopper},
    {"6 wgmma bf16, shared taps", Precision::bf16,
     "three taps share what is fetched in forward and data gradient, too: half the reads of the second-level "
     "cache",
     CudaConv::hopper_shared_taps},
    {"7 wgmma bf16, clusters", Precision::bf16,
     "and two blocks of a cluster fetch half of their common weights each, for both: fewer reads again",
     CudaConv::hopper_clusters},
};

/// The passes that a version has code of its own for; the first ones came with an answer to everything.
bool applies(const ConvVersion& version, const KernelCase& op) {
    if (!op.op.starts_with("conv2d")) return false;
    if (version.kernel == CudaConv::tiled || version.kernel == CudaConv::mma) return true;
    const std::optional<ConvPass> pass = op.pass();
    return pass && cuda_conv_applies(version.kernel, *pass, op.problem, version.precision);
}

/// The versions for Hopper go to `unasked` unless `hopper` asks for them: they have yet to be proven on a
/// GPU.
void add_cuda(const BackendEntry& entry, bool hopper, std::vector<KernelVariant>& list,
              std::vector<KernelVariant>& unasked) {
    for (const ConvVersion& version : kConvVersions) {
        auto& to = !needs_hopper(version.kernel) || hopper ? list : unasked;
        to.push_back({.device = entry.name,
                      .name = version.name,
                      .adds = version.adds,
                      .group = "gpu",
                      .applies = [version](const KernelCase& op) { return applies(version, op); },
                      .make = maker(entry, {.precision = version.precision, .cuda_conv = version.kernel}),
                      .precision = version.precision});
    }
    list.push_back({.device = entry.name,
                    .name = entry.name,
                    .adds = "our CUDA kernels, for every other op",
                    .group = "gpu",
                    .applies = [](const KernelCase& op) { return !op.op.starts_with("conv2d"); },
                    .make = maker(entry, {})});
}

void add_cudnn(const BackendEntry& entry, std::vector<KernelVariant>& list) {
    list.push_back({.device = entry.name,
                    .name = entry.name,
                    .adds = "cuDNN and cuBLAS, in fp32",
                    .group = "gpu",
                    .applies = [](const KernelCase&) { return true; },
                    .make = maker(entry, {}),
                    .yardstick = true});
}

}  // namespace

VariantList kernel_variants(const std::vector<std::string>& devices, int threads, bool hopper) {
    VariantList list;
    const Registry registry = builtin_backends();
    for (const BackendEntry& entry : registry.entries()) {
        const bool named = std::find(devices.begin(), devices.end(), entry.name) != devices.end();
        if (!devices.empty() && !named) continue;
        if (!entry.missing.empty()) {
            if (named) throw Error("--device " + entry.name, entry.missing, entry.cure);
            list.missing.push_back({entry.name, entry.missing, entry.cure});
        }
        std::vector<KernelVariant>& variants = entry.missing.empty() ? list.variants : list.absent;
        if (entry.name == "cpu") {
            add_cpu(entry, threads, variants);
        } else if (entry.name == "cuda") {
            add_cuda(entry, hopper, variants, list.absent);
        } else {
            add_cudnn(entry, variants);
        }
    }
    return list;
}

}  // namespace objloc::bench
