#include "objloc/kernels/emulator/fiber_stacks.h"

#include <sys/mman.h>

#include "objloc/engine/error.h"

namespace objloc::host {
namespace {

constexpr size_t kGuardBytes = 4096;  // below each stack: an overflow ends the program there and then
constexpr size_t kSlot = FiberStacks::kStackBytes + kGuardBytes;
constexpr size_t kSlots = 1024;  // the threads of a block

}  // namespace

size_t FiberStacks::bytes() const {
    return kSlots * kSlot;
}

FiberStacks::FiberStacks() {
    void* range = mmap(nullptr, bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED)
        throw Error("host runtime", "no addresses for the fibers' stacks", "Lift `ulimit -v`.");
    begin_ = static_cast<unsigned char*>(range);
}

FiberStacks::~FiberStacks() {
    munmap(begin_, bytes());
}

unsigned char* FiberStacks::take() {
    if (!free_.empty()) {
        unsigned char* top = free_.back();
        free_.pop_back();
        return top;
    }
    unsigned char* slot = begin_ + used_++ * kSlot;
    if (mprotect(slot + kGuardBytes, kStackBytes, PROT_READ | PROT_WRITE) != 0) {
        throw Error("host runtime", "no memory for a fiber's stack");
    }
    return slot + kSlot;
}

}  // namespace objloc::host
