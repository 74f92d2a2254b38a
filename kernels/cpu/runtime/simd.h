// One hot loop, compiled for several instruction sets and chosen when the program starts: the build runs on
// any x86-64 and still uses AVX-512 where it is. Empty on other processors (ARM's NEON is always on), without
// glibc (which resolves the choice), and under sanitizers, whose runtime is not up yet when the choice is
// made.
#pragma once

#include <cstdint>  // any header of the C library says whether it is glibc

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OBJLOC_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define OBJLOC_SIMD
#endif
