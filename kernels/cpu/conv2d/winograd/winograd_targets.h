// The instruction sets that the Winograd kernels are compiled for: AVX-512, AVX2, NEON, and what the
// compiler's flags guarantee. Left out: refinements of AVX-512 that add no fp32 instruction, and vectors of
// unknown length, of which C++ can make no arrays. Include before Highway.
#pragma once

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
    (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif
