#include "tools/bench/kernel_variants.h"

#include <algorithm>
#include <optional>

#include "objloc/engine/error.h"
#include "objloc/kernels/backends.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd.h"

namespace objloc::bench {
namespace {

/// The passes for which the CPU has a choice.
bool is_convolution(const OpCase& op) {
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
                    .make = maker(entry, {threads, "direct"}),
                    .yardstick = true});
    list.push_back(
        {.device = "cpu",
         .name = "winograd",
         .adds = "our F(4x4, 3x3): a quarter of the multiplications; 3x3 at stride 1, 8 channels and more",
         .group = "cpu",
         .applies = [](const OpCase& op) { return is_convolution(op) && winograd_applies(op.problem); },
         .make = maker(entry, {threads, "winograd"}),
         .error_scale = 16});  // its transforms multiply by up to 8 and cancel again
    list.push_back({.device = "cpu",
                    .name = "cpu",
                    .adds = "our loops on OpenMP threads, for every other op",
                    .group = "cpu",
                    .applies = [](const OpCase& op) { return !is_convolution(op); },
                    .make = maker(entry, {.threads = threads})});
}

/// The CUDA backend's convolutions, in the order in which they came to be; each says what it has that the one
/// before has not, and what it taught. The next one goes to the end, with a number of its own.
///
/// What they taught is counted, from the sizes of tiles and the compiler's report, and unmeasured on a GPU.
/// The measure of a tile is how many operations it does for each byte that it asks of the second-level cache,
/// which no tile can do without: rows * columns * 2 / ((rows + columns) * bytes of an element).
struct ConvVersion {
    const char* name;
    Precision precision;
    const char *adds, *taught;
    const char* conv;  // a version, or a family of them
};
constexpr ConvVersion kConvVersions[] = {
    {"1 tiled fp32", Precision::fp32,
     "products in registers, slices of both operands in shared memory; bias, ReLU, pooling, masks fused; "
     "any sizes",
     "a panel that gathers patches on the way makes the matrix of patches needless: 128 x 128 does 32 "
     "operations a byte, so arithmetic is the wall, not memory; its 127 registers leave two blocks of "
     "256 threads",
     "tiled"},
    {"2 mma tf32", Precision::tf32,
     "tensor cores by mma.sync m16n8k8; slices come by cp.async, three ahead, and are read without bank "
     "conflicts",
     "with products this quick operands are the wall: 32 operations a byte at 128 x 128, 26 at 256 x 64, "
     "21 at 128 x 64; 64 KiB of stages and at most 128 registers let two blocks take turns, but a "
     "pooled gradient, which must pass through registers, takes up to 158 and so costs most tiles a "
     "block",
     "mma"},
    {"3 mma bf16", Precision::bf16,
     "half the bytes and twice the products: activations stored in bf16, mma.sync m16n8k16, ldmatrix "
     "turns operands",
     "elements of half the size double what a tile does, 64 operations a byte at 128 x 128, in the same "
     "64 KiB; no larger tile would let two blocks stay, whose sums take half of their registers",
     "mma"},
    {"4 wgmma tf32", Precision::tf32,
     "Hopper: wgmma out of shared memory, the copy engine fetches and stores, a producer and two "
     "consumer warpgroups, persistent blocks; weight gradients by stream-K, nine taps sharing patches",
     "operands that never pass through registers leave those to the sums: 168 a thread on average, one "
     "block of 384 threads; but tf32 wants the depth innermost, so filters are turned first, and 128 x "
     "128 is the largest tile, since results of 4 bytes take the stages' room; in a weight gradient dy is "
     "turned, at 20% of the products' time, and x comes out of registers, which spares as much again",
     "hopper"},
    {"5 wgmma bf16", Precision::bf16,
     "the same in bf16, both operands as they lie in memory, in weight gradients, too, where three taps "
     "above "
     "each other share patches, or a tile of one tap is 128 x 256",
     "128 x 256, 85 operations a byte, is still too little: 48 KiB for each tap and 64 of depth would at "
     "800 TFLOP/s be 9.4 TB/s of the second-level cache; stages hold three of these and no more",
     "hopper"},
    {"6 wgmma bf16, shared taps", Precision::bf16,
     "three taps above each other share what is fetched in forward and data gradient, too",
     "18 image rows in place of 3 x 16: 84 KiB in place of 144 for three taps, 146 operations a byte, "
     "5.5 TB/s at 800 TFLOP/s; what is left is more weights (48 KiB) than pixels (36)",
     "hopper_shared_taps"},
    {"7 wgmma bf16, clusters", Precision::bf16,
     "and two blocks of a cluster fetch half of their common weights each, for both; tiles of 64 "
     "channels have consumers that take tiles in turn",
     "60 KiB in place of 84: 205 operations a byte, 3.9 TB/s at 800 TFLOP/s; a stage is free only when "
     "both blocks have read it, so two blocks wait for the slower one",
     "hopper_clusters"},
    {"8 first layer tf32", Precision::tf32,
     "for images' 3 channels, by mma.sync: filters stay in registers, pixels are gathered from shared "
     "memory, y leaves the registers and dy comes to them as whole lines of 128 bytes",
     "7 multiplications for each byte that is written are so few that nothing need be reused but what lies "
     "under the pixels: without stages and staged sums, 2 KiB of y are 16 products and some 100 "
     "instructions a warp, a quarter of what there is time for",
     "first_layer"},
    {"9 first layer bf16", Precision::bf16, "half the bytes, by the same number of instructions",
     "13 multiplications a byte; the order of filters in the columns is free, and chosen well takes the "
     "place "
     "of every exchange between lanes",
     "first_layer"},
    {"10 wgmma tf32, shared taps", Precision::tf32,
     "as 6, in tf32: three taps above each other share what is fetched",
     "66 KiB in place of 96 for three taps and 32 of depth of 128 x 128: 47 operations a byte, at 395 "
     "TFLOP/s "
     "still 8.5 TB/s; sums of twice the pixels fit, but not their results beside the stages",
     "hopper_shared_taps"},
    {"11 wgmma tf32, clusters", Precision::tf32, "as 7, in tf32, but that consumers take no turns",
     "42 KiB: 73 operations a byte, 5.4 TB/s at 395 TFLOP/s, which only sharing both operands brings below "
     "what the cache can give",
     "hopper_clusters"},
};

/// Those that a line of the list stands for.
Conv2dVersions named(const ConvVersion& version, const Conv2dVersions& all) {
    Conv2dVersions result = all;
    std::erase_if(result, [&](const Conv2dVersion* at) {
        return std::string(version.conv) != at->name && std::string(version.conv) != at->family;
    });
    return result;
}

/// Where a version has code of its own. The bias's gradient is in each precision the first version's to show.
bool applies(const Conv2dVersions& versions, Precision precision, const OpCase& op) {
    const std::optional<ConvPass> pass = op.pass();
    return std::any_of(versions.begin(), versions.end(), [&](const Conv2dVersion* at) {
        if (pass) return at->applies(*pass, op.problem, precision);
        return op.op.starts_with("conv2d") && !at->needs.hopper && at->family != std::string("first_layer");
    });
}

bool needs_hopper(const Conv2dVersions& versions) {
    return std::any_of(versions.begin(), versions.end(),
                       [](const Conv2dVersion* at) { return at->needs.hopper; });
}

/// The versions for Hopper go to `unasked` unless `hopper` asks for them: they have yet to be proven on a
/// GPU.
void add_cuda(const BackendEntry& entry, bool hopper, std::vector<KernelVariant>& list,
              std::vector<KernelVariant>& unasked) {
    for (const ConvVersion& version : kConvVersions) {
        const Conv2dVersions versions = named(version, entry.conv2d_versions);
        auto& to = !needs_hopper(versions) || hopper ? list : unasked;
        to.push_back({.device = entry.name,
                      .name = version.name,
                      .adds = version.adds,
                      .taught = version.taught,
                      .group = "gpu",
                      .applies = [versions, precision = version.precision](
                                     const OpCase& op) { return applies(versions, precision, op); },
                      .make = maker(entry, {.conv = version.conv, .precision = version.precision}),
                      .precision = version.precision});
    }
    list.push_back({.device = entry.name,
                    .name = entry.name,
                    .adds = "our CUDA kernels, for every other op",
                    .group = "gpu",
                    .applies = [](const OpCase& op) { return !op.op.starts_with("conv2d"); },
                    .make = maker(entry, {})});
}

/// A yardstick for each precision. In fp32 it stands for every other op, too.
void add_cudnn(const BackendEntry& entry, std::vector<KernelVariant>& list) {
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
        const bool fp32 = precision == Precision::fp32;
        const auto convolution = [](const OpCase& op) { return op.op.starts_with("conv2d"); };
        const auto any = [](const OpCase&) { return true; };
        const char* adds =
            fp32 ? "cuDNN's fastest plan without tensor cores, deterministic, within 512 MiB of workspace; "
                   "cuBLAS; else our kernels"
                 : "cuDNN's fastest plan, deterministic, within 512 MiB of workspace";
        list.push_back({.device = entry.name,
                        .name = entry.name + " " + name_of(precision),
                        .adds = adds,
                        .group = "gpu",
                        .applies = fp32 ? std::function<bool(const OpCase&)>(any) : convolution,
                        .make = maker(entry, {.precision = precision, .strict = true}),
                        .yardstick = true,
                        .error_scale = fp32 ? 16.0 : 1.0,  // it may take Winograd's transforms
                        .precision = precision});
    }
}

}  // namespace

VariantList kernel_variants(const std::vector<std::string>& devices, int threads, bool hopper) {
    VariantList list;
    const Registry registry = builtin_backends();
    for (const BackendEntry& entry : registry.entries()) {
        const bool named = std::find(devices.begin(), devices.end(), entry.name) != devices.end();
        if (!devices.empty() && !named) continue;
        if (!entry.missing.empty()) {
            if (named) throw Error("--device " + entry.name, entry.missing, entry.hint);
            list.missing.push_back({entry.name, entry.missing, entry.hint});
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
