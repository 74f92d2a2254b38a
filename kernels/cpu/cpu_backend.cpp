#include "kernels/cpu/cpu_backend.h"

#include <fstream>

#include "engine/error.h"
#include "kernels/cpu/conv2d.h"
#include "kernels/cpu/memory.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/parallel.h"

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
      convolutions_(std::make_unique<cpu::Convolutions>(threads_, options.cpu_conv, allocator)) {
}

CpuBackend::~CpuBackend() = default;

std::string CpuBackend::description() const {
    return processor_name() + ", " + std::to_string(threads_) + (threads_ == 1 ? " thread" : " threads") +
           ", oneDNN " + cpu::onednn_version() + ", computes in fp32" +
           (asked_ == Precision::fp32 ? "" : std::string(", though ") + name_of(asked_) + " was asked for");
}

std::unique_ptr<Backend> make_cpu_backend(const BackendOptions& options) {
    return std::make_unique<CpuBackend>(options);
}

}  // namespace objloc
