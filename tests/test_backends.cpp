#include "tests/test_backends.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "objloc/kernels/backends.h"
#if defined(OBJLOC_WITH_CUDA_HOST)
#include "objloc/kernels/cuda/runtime/cuda_backend.h"
#include "objloc/kernels/emulator/emulator.h"
#endif

namespace objloc {
namespace {

using Make = std::function<std::unique_ptr<Backend>(const BackendOptions&)>;

void add_cpu(const Make& make, std::vector<OpBackend>& list) {
    for (const std::string conv : {"direct", "winograd"}) {
        OpBackend cpu{"cpu", make({.threads = 2, .conv = conv})};
        for (const int threads : {1, 3}) cpu.same_bits.push_back(make({.threads = threads, .conv = conv}));
        if (conv == "winograd") {
            cpu.label = "cpu (winograd)";
            cpu.only = "conv2d";
            cpu.exact = false;
            cpu.error_scale = 8;
            cpu.error_reason = "the transforms of F(4x4, 3x3) multiply by up to 8 and cancel again";
        }
        list.push_back(std::move(cpu));
    }
    const BackendOptions half = {.threads = 2, .precision = Precision::bf16};
    OpBackend cpu{"cpu (bf16)", make(half)};
    if (cpu.backend->description().find("computes in bf16") == std::string::npos) return;
    for (const int threads : {1, 3}) {
        cpu.same_bits.push_back(make({.threads = threads, .precision = Precision::bf16}));
    }
    cpu.only = "conv2d";
    cpu.operand_rounding = 0x1p-7;
    cpu.error_reason =
        "; bf16 keeps 7 bits of each factor's mantissa: 2^-8 from either, which a single product may meet in "
        "full";
    list.push_back(std::move(cpu));
}

void expect_tf32(OpBackend& on) {
    on.only = "conv2d";
    on.operand_rounding = 0x1p-11;
    on.error_reason = "; tf32 keeps 10 bits of each factor's mantissa: an error of 2^-11";
}

/// The precisions of the CUDA kernels beyond fp32. No size of tile may change a bit.
void add_precisions(const BackendEntry& entry, bool slow, std::vector<OpBackend>& list) {
    for (const Precision precision : {Precision::tf32, Precision::bf16}) {
        OpBackend on{entry.name + " (" + name_of(precision) + ")", entry.make({.precision = precision})};
        on.slow = slow;
        if (precision == Precision::tf32) expect_tf32(on);
#if defined(OBJLOC_WITH_CUDA_HOST)
        const HostRuntimeScope any_order({.adversarial_seed = 1});
#endif
        for (const std::string conv : {kAutomatic, "mma_wide", "mma_tall", "mma_small"}) {
            on.same_bits.push_back(entry.make({.conv = conv, .precision = precision}));
        }
        list.push_back(std::move(on));
    }
}

/// cuDNN's precisions beyond fp32. It rounds more often than our kernels do.
void add_cudnn_precisions(const BackendEntry& entry, std::vector<OpBackend>& list) {
    for (const Precision precision : {Precision::tf32, Precision::bf16}) {
        const bool bf16 = precision == Precision::bf16;
        OpBackend on{entry.name + " (" + name_of(precision) + ")", entry.make({.precision = precision})};
        on.same_bits = {on.backend};
        on.only = "conv2d";
        on.exact = !bf16;
        on.operand_rounding = bf16 ? 0x1p-8 : 0x1p-11;
        on.error_reason =
            bf16 ? "; sums are rounded to bf16 before the bias is added, gradients of weights, too"
                 : "; tf32 keeps 10 bits of each factor's mantissa: an error of 2^-11";
        list.push_back(std::move(on));
    }
}

/// The kernels for Hopper, on one, for who asks with OBJLOC_TEST_HOPPER=1: one that never ended would take
/// all other tests with it. The host runtime has tests of its own for them (test_hopper_conv2d.cpp).
void add_hopper(const BackendEntry& entry, std::vector<OpBackend>& list) {
    for (const Precision precision : {Precision::tf32, Precision::bf16}) {
        for (const std::string conv : {"hopper", "hopper_shared_taps", "hopper_clusters"}) {
            const BackendOptions options = {.conv = conv, .precision = precision};
            OpBackend on{entry.name + " (" + name_of(precision) + ", " + conv + ")", entry.make(options)};
            on.same_bits = {entry.make(options)};
            on.only = "conv2d";
            if (precision == Precision::tf32) expect_tf32(on);
            list.push_back(std::move(on));
        }
    }
}

void add_gpu(const BackendEntry& entry, std::vector<OpBackend>& list) {
    OpBackend gpu{entry.name, entry.make({})};
    gpu.same_bits = {gpu.backend};
    list.push_back(std::move(gpu));
    if (entry.name == "cuda") add_precisions(entry, false, list);
    const char* asked = std::getenv("OBJLOC_TEST_HOPPER");
    if (entry.name == "cuda" && entry.device.hopper && asked != nullptr) add_hopper(entry, list);
    if (entry.name == "cudnn") add_cudnn_precisions(entry, list);
}

#if defined(OBJLOC_WITH_CUDA_HOST)
/// The CUDA kernels' own source on the CPU, each access checked: threads in order, and once more in any
/// order.
void add_cuda_host(std::vector<OpBackend>& list) {
    const BackendEntry entry = cuda_host_backend_entry();
    OpBackend host{entry.name, entry.make({})};
    const HostRuntimeScope any_order({.adversarial_seed = 1});
    host.same_bits = {entry.make({})};
    host.slow = true;
    list.push_back(std::move(host));
    add_precisions(entry, true, list);
}
#endif

std::vector<OpBackend> make_op_backends() {
    std::vector<OpBackend> list;
    const Registry registry = builtin_backends();
    for (const BackendEntry& entry : registry.entries()) {
        if (!entry.missing.empty()) {
            std::printf("Skipped: %s: %s\n", entry.name.c_str(), entry.missing.c_str());
        } else if (entry.name == "cpu") {
            add_cpu(entry.make, list);
        } else {
            add_gpu(entry, list);
        }
    }
#if defined(OBJLOC_WITH_CUDA_HOST)
    add_cuda_host(list);
#endif
    return list;
}

}  // namespace

const std::vector<OpBackend>& op_backends() {
    static const std::vector<OpBackend> list = make_op_backends();
    return list;
}

std::vector<std::shared_ptr<Backend>> test_backends() {
    std::vector<std::shared_ptr<Backend>> backends;
    for (const OpBackend& entry : op_backends()) {
        const bool fp32 = entry.backend->activation_type() == DType::f32;
        if (entry.only.empty() && fp32) backends.push_back(entry.backend);
    }
    return backends;
}

Variable zeros(Tape& tape, const Shape& shape) {
    const Tensor values = tape.backend().allocate(shape);
    tape.backend().fill(values, 0);
    return tape.constant(values);
}

}  // namespace objloc
