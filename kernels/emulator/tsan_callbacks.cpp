// What `g++ -fsanitize=thread` calls before each access that other threads may see. Kernel sources are
// compiled with that flag and linked with these functions in place of the sanitizer's own library, so that
// raw CUDA C++ is checked as it stands. The compiler leaves out accesses to locals that never escape.
#include <cstdint>

#include "objloc/kernels/emulator/race_detector.h"

using objloc::host::Access;
using objloc::host::check_access;
using objloc::host::check_aligned;
using objloc::host::running;

namespace {

void check_any(const void* address, size_t bytes, Access access, const void* caller) {
    running.caller = caller;
    check_access(address, bytes, access);
}

}  // namespace

#define OBJLOC_CALLER __builtin_return_address(0)

#define OBJLOC_ACCESS(bytes)                                     \
    void __tsan_read##bytes(void* address) {                     \
        check_aligned<bytes, false>(address, OBJLOC_CALLER);     \
    }                                                            \
    void __tsan_write##bytes(void* address) {                    \
        check_aligned<bytes, true>(address, OBJLOC_CALLER);      \
    }                                                            \
    void __tsan_unaligned_read##bytes(void* address) {           \
        check_any(address, bytes, Access::read, OBJLOC_CALLER);  \
    }                                                            \
    void __tsan_unaligned_write##bytes(void* address) {          \
        check_any(address, bytes, Access::write, OBJLOC_CALLER); \
    }                                                            \
    void __tsan_volatile_read##bytes(void* address) {            \
        check_aligned<bytes, false>(address, OBJLOC_CALLER);     \
    }                                                            \
    void __tsan_volatile_write##bytes(void* address) {           \
        check_aligned<bytes, true>(address, OBJLOC_CALLER);      \
    }

// Orders are all taken as the strongest.
#define OBJLOC_ATOMIC_CHANGE(bits, name)                                                                 \
    uint##bits##_t __tsan_atomic##bits##_##name(volatile void* address, uint##bits##_t value, int) {     \
        check_any(const_cast<void*>(address), bits / 8, Access::atomic, OBJLOC_CALLER);                  \
        return __atomic_##name(static_cast<volatile uint##bits##_t*>(address), value, __ATOMIC_SEQ_CST); \
    }

#define OBJLOC_ATOMIC_COMPARE(bits, name, weak)                                                  \
    bool __tsan_atomic##bits##_compare_exchange_##name(volatile void* address, void* expected,   \
                                                       uint##bits##_t wanted, int, int) {        \
        check_any(const_cast<void*>(address), bits / 8, Access::atomic, OBJLOC_CALLER);          \
        return __atomic_compare_exchange_n(static_cast<volatile uint##bits##_t*>(address),       \
                                           static_cast<uint##bits##_t*>(expected), wanted, weak, \
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                  \
    }

#define OBJLOC_ATOMIC(bits)                                                                                  \
    uint##bits##_t __tsan_atomic##bits##_load(const volatile void* address, int) {                           \
        check_any(const_cast<void*>(address), bits / 8, Access::atomic, OBJLOC_CALLER);                      \
        return __atomic_load_n(static_cast<const volatile uint##bits##_t*>(address), __ATOMIC_SEQ_CST);      \
    }                                                                                                        \
    void __tsan_atomic##bits##_store(volatile void* address, uint##bits##_t value, int) {                    \
        check_any(const_cast<void*>(address), bits / 8, Access::atomic, OBJLOC_CALLER);                      \
        __atomic_store_n(static_cast<volatile uint##bits##_t*>(address), value, __ATOMIC_SEQ_CST);           \
    }                                                                                                        \
    uint##bits##_t __tsan_atomic##bits##_exchange(volatile void* address, uint##bits##_t value, int) {       \
        check_any(const_cast<void*>(address), bits / 8, Access::atomic, OBJLOC_CALLER);                      \
        return __atomic_exchange_n(static_cast<volatile uint##bits##_t*>(address), value, __ATOMIC_SEQ_CST); \
    }                                                                                                        \
    OBJLOC_ATOMIC_CHANGE(bits, fetch_add)                                                                    \
    OBJLOC_ATOMIC_CHANGE(bits, fetch_sub)                                                                    \
    OBJLOC_ATOMIC_CHANGE(bits, fetch_and)                                                                    \
    OBJLOC_ATOMIC_CHANGE(bits, fetch_or)                                                                     \
    OBJLOC_ATOMIC_CHANGE(bits, fetch_xor)                                                                    \
    OBJLOC_ATOMIC_COMPARE(bits, strong, false)                                                               \
    OBJLOC_ATOMIC_COMPARE(bits, weak, true)

extern "C" {

OBJLOC_ACCESS(1)
OBJLOC_ACCESS(2)
OBJLOC_ACCESS(4)
OBJLOC_ACCESS(8)
OBJLOC_ACCESS(16)

OBJLOC_ATOMIC(8)
OBJLOC_ATOMIC(16)
OBJLOC_ATOMIC(32)
OBJLOC_ATOMIC(64)

void __tsan_read_range(void* address, unsigned long bytes) {
    check_any(address, bytes, Access::read, OBJLOC_CALLER);
}
void __tsan_write_range(void* address, unsigned long bytes) {
    check_any(address, bytes, Access::write, OBJLOC_CALLER);
}

// Not accesses to memory that kernels share.
void __tsan_vptr_update(void**, void*) {
}
void __tsan_vptr_read(void**) {
}
void __tsan_func_entry(void*) {
}
void __tsan_func_exit() {
}
void __tsan_init() {
}
void __tsan_atomic_thread_fence(int) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void __tsan_atomic_signal_fence(int) {
}

}  // extern "C"
