#include "objloc/kernels/cpu/runtime/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include "objloc/engine/error.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

namespace objloc {
namespace cpu {
namespace {

constexpr size_t kAlignment = 256, kHugePage = size_t{2} << 20;

// Bytes that can be had without swapping.
size_t free_bytes() {
    std::ifstream info("/proc/meminfo");
    std::string key, unit;
    for (size_t kilobytes = 0; info >> key >> kilobytes; std::getline(info, unit)) {
        if (key == "MemAvailable:") return kilobytes * 1024;
    }
    const long pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? static_cast<size_t>(pages) * static_cast<size_t>(page) : 0;
}

std::string megabytes(size_t bytes) {
    return std::to_string((bytes + (size_t{1} << 20) - 1) >> 20) + " MB";
}

}  // namespace

void* AlignedHeap::allocate(size_t bytes) {
    const bool huge = bytes >= kHugePage;
    // Linux grants more than there is and kills the process when it is used, so large blocks are checked
    // first.
    const size_t available = huge ? free_bytes() : 0;
    const size_t alignment = huge ? kHugePage : kAlignment;
    const bool fits = !huge || available == 0 || bytes <= available;
    void* block =
        fits ? std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment) : nullptr;
    if (block == nullptr) {
        const size_t free = free_bytes();
        throw OutOfMemory("memory", megabytes(bytes) + " were asked for, " + megabytes(free) + " are free",
                          "Use a smaller --batch.", free);
    }
#if defined(MADV_HUGEPAGE)
    // Half the time of the first touch: one page fault for 2 MB in place of 512. Advice, so failure costs
    // nothing.
    if (huge) (void)madvise(block, bytes, MADV_HUGEPAGE);
#endif
    return block;
}

void AlignedHeap::release(void* block) noexcept {
    std::free(block);
}

}  // namespace cpu

namespace {

constexpr int64_t kCopyGrain = 1 << 20;  // bytes

void copy_bytes(int threads, const void* from, void* to, size_t bytes) {
    cpu::parallel_for(threads, static_cast<int64_t>(bytes), kCopyGrain, [&](int64_t begin, int64_t end) {
        std::memcpy(static_cast<std::byte*>(to) + begin, static_cast<const std::byte*>(from) + begin,
                    static_cast<size_t>(end - begin));
    });
}

}  // namespace

void CpuBackend::upload(const void* host, const Tensor& to) {
    copy_bytes(threads_, host, to.raw(), to.bytes());
    to.storage().bump_version();
}

void CpuBackend::download(const Tensor& from, void* host) {
    copy_bytes(threads_, from.raw(), host, from.bytes());
}

void CpuBackend::copy(const Tensor& from, const Tensor& to) {
    copy_bytes(threads_, from.raw(), to.raw(), to.bytes());
    to.storage().bump_version();
}

void CpuBackend::fill(const Tensor& y, float value) {
    float* data = y.data<float>();
    cpu::parallel_for(threads_, y.count(), cpu::kElementGrain,
                      [&](int64_t begin, int64_t end) { std::fill(data + begin, data + end, value); });
    y.storage().bump_version();
}

void CpuBackend::advance(const Tensor& counter, int64_t amount) {
    *counter.data<int64_t>() += amount;
}

}  // namespace objloc
