#include "objloc/kernels/cpu/runtime/cpu_backend.h"

#include <fstream>

#include "objloc/engine/error.h"
#include "objloc/kernels/cpu/conv2d/conv2d.h"
#include "objloc/kernels/cpu/runtime/memory.h"
#include "objloc/kernels/cpu/runtime/onednn.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

namespace objloc {
namespace {

constexpr int kMostThreads = 1024;

int checked_threads(int threads) {
    if (threads < 0 || threads > kMostThreads) {
        throw Error("threads " + std::to_string(threads), "is not a number of threads",
                    "Give 1 to " + std::to_string(kMostThreads) + ", or 0 for all cores.");
    }
    return threads == 0 ? cpu::usable_threads() : threads;
}

/// What convolutions multiply in: bf16 where it was asked for and the processor has instructions for it.
/// Winograd's transforms need fp32.
Precision precision_used(const BackendOptions& options) {
#if defined(__x86_64__)
    const bool has_bf16 = __builtin_cpu_supports("avx512bf16") != 0;
#else
    const bool has_bf16 = false;
#endif
    const bool wanted = options.precision == Precision::bf16 && options.conv != "winograd";
    return wanted && has_bf16 ? Precision::bf16 : Precision::fp32;
}

std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("model name") && line.find(": ") != std::string::npos) {
            return line.substr(line.find(": ") + 2);
        }
    }
    return "CPU";
}

}  // namespace

CpuBackend::CpuBackend(const BackendOptions& options)
    : CpuBackend(options,
                 std::make_shared<CachingAllocator>(std::make_unique<cpu::AlignedHeap>(), Reuse::bounded)) {
}

CpuBackend::CpuBackend(const BackendOptions& options, const std::shared_ptr<CachingAllocator>& allocator)
    : Backend(allocator),
      threads_(checked_threads(options.threads)),
      asked_(options.precision),
      used_(precision_used(options)),
      convolutions_(std::make_unique<cpu::Convolutions>(threads_, options.conv, used_, allocator)) {
}

CpuBackend::~CpuBackend() = default;

std::string CpuBackend::description() const {
    return processor_name() + ", " + std::to_string(threads_) + (threads_ == 1 ? " thread" : " threads") +
           ", oneDNN " + cpu::onednn_version() + ", computes in " + name_of(used_) +
           (asked_ == used_ ? "" : std::string(", though ") + name_of(asked_) + " was asked for");
}

BackendEntry cpu_backend_entry() {
    return {.name = "cpu",
            .missing = "",
            .hint = "",
            .make = [](const BackendOptions& options) { return std::make_unique<CpuBackend>(options); },
            .conv2d_versions = cpu::conv2d_versions()};
}

}  // namespace objloc
