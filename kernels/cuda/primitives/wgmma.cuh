// Matrix products of a warpgroup, Hopper's wgmma (sm_90a): 128 threads multiply a 64-row tile of `a` with a
// tile of `b`, both in shared memory (or `a` in registers), into sums in their registers. The tensor cores
// work while the threads go on:
//
//     wgmma_fence();                                 // the sums' registers are theirs from here on
//     wgmma_bf16<...>(sums, a, b, accumulate);       // any number of these
//     wgmma_commit();
//     wgmma_wait<0>(sums);                           // sums, and the memory of a and b, are ours again
//
// All four are for whole warpgroups: four warps, the first a multiple of four. Reference: NVIDIA, "Parallel
// Thread Execution ISA", "Asynchronous warpgroup level matrix instructions".
#pragma once

#include "objloc/kernels/cuda/primitives/tma.cuh"

/// Instructions that only machine code for sm_90a can hold; other code must not come to them.
#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define OBJLOC_SM90A(...) __trap()
#else
#define OBJLOC_SM90A(...) asm volatile(__VA_ARGS__)
#endif

namespace objloc::OBJLOC_CUDA_NAMESPACE {

constexpr int kWarpgroupThreads = 128, kWgmmaRows = 64;

// ---- Operands in shared memory --------------------------------------------------------------------------

/// How an operand lies in shared memory. Lines are a's rows or b's columns, depth is what the product sums
/// over.
///
/// Both ways the unit is a "pattern" of 1024 bytes: eight lines of 128 bytes, their 16-byte pieces exchanged
/// as a swizzled box of TMA leaves them. It starts at a multiple of 1024.
///     depth_inner: a 128-byte line holds the depths of one row (column): 64 of bf16, 32 of tf32
///     depth_outer: a 128-byte line holds 64 rows (columns) of one depth; bf16 only
enum class Layout { depth_inner, depth_outer };

/// What wgmma takes for an operand: a 64-bit descriptor. `start` is the tile's first byte; to go along the
/// depth add 32 bytes for each product (depth_inner, within the 128 bytes of a line) or two patterns
/// (depth_outer). `next_pattern`: bytes from a pattern to the next, of eight further lines (depth_inner) or
/// eight further depths (depth_outer). `next_lines`, for depth_outer alone: bytes to the patterns of the next
/// 64 lines.
OBJLOC_DEVICE uint64_t wgmma_operand(const void* start, int next_pattern, int next_lines = 16) {
    const auto field = [](uint32_t bytes) { return static_cast<uint64_t>((bytes & 0x3FFFF) >> 4); };
    constexpr uint64_t kSwizzle128 = uint64_t{1} << 62;
    return field(shared_address(start)) | field(static_cast<uint32_t>(next_lines)) << 16 |
           field(static_cast<uint32_t>(next_pattern)) << 32 | kSwizzle128;
}

/// The same `bytes` further on.
OBJLOC_DEVICE uint64_t wgmma_operand_at(uint64_t operand, int bytes) {
    return operand + static_cast<uint32_t>(bytes >> 4);
}

/// Row and column of the 64 x kColumns product that this thread's sum `i` belongs to. Sums 0 and 1 are
/// neighbours in a row, 2 and 3 lie eight rows below, then come the next eight columns.
OBJLOC_DEVICE int wgmma_row(int i) {
    const int thread = static_cast<int>(threadIdx.x) % kWarpgroupThreads;
    return thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8;
}
OBJLOC_DEVICE int wgmma_column(int i) {
    return i / 4 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + i % 2;
}

// ---- The order of things --------------------------------------------------------------------------------

/// wgmma.fence: what was done to the registers of sums, and of a, comes before the products that follow.
/// After each wait, too.
OBJLOC_DEVICE void wgmma_fence() {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::fence_products();
#else
    OBJLOC_SM90A("wgmma.fence.sync.aligned;\n" ::: "memory");
#endif
}

/// wgmma.commit_group: closes a group of products.
OBJLOC_DEVICE void wgmma_commit() {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::commit_products();
#else
    OBJLOC_SM90A("wgmma.commit_group.sync.aligned;\n" ::: "memory");
#endif
}

/// wgmma.wait_group: waits until at most the last `kPending` groups are on their way. The operands of those
/// before may be overwritten, those in registers, too, and with none pending `sums` may be read. That they
/// are named here keeps the compiler from moving them before the wait.
template <int kPending, size_t kSums>
OBJLOC_DEVICE void wgmma_wait(float (&sums)[kSums], OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    (void)sums;
    host::wait_products(kPending, where);
#else
    OBJLOC_SM90A("wgmma.wait_group.sync.aligned %0;\n" ::"n"(kPending) : "memory");
#pragma unroll
    for (size_t i = 0; i < kSums; ++i) asm volatile("" : "+f"(sums[i])::"memory");
#endif
}

/// The same with several sets of sums.
template <int kPending, size_t kSets, size_t kSums>
OBJLOC_DEVICE void wgmma_wait(float (&sums)[kSets][kSums], OBJLOC_PLACE) {
    wgmma_wait<kPending>(sums[0], where);
#if !defined(OBJLOC_CUDA_ON_HOST)
#pragma unroll
    for (size_t set = 1; set < kSets; ++set) {
#pragma unroll
        for (size_t i = 0; i < kSums; ++i) asm volatile("" : "+f"(sums[set][i])::"memory");
    }
#endif
}

/// setmaxnreg: a warpgroup gives back registers it has no use for, or takes more, up to `kRegisters` a thread
/// (24 to 256, a multiple of 8). Works only in kernels whose registers are capped by __launch_bounds__.
template <int kRegisters>
OBJLOC_DEVICE void shrink_registers() {
    static_assert(kRegisters >= 24 && kRegisters <= 256 && kRegisters % 8 == 0);
#if !defined(OBJLOC_CUDA_ON_HOST)
    OBJLOC_SM90A("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
#endif
}
template <int kRegisters>
OBJLOC_DEVICE void grow_registers() {
    static_assert(kRegisters >= 24 && kRegisters <= 256 && kRegisters % 8 == 0);
#if !defined(OBJLOC_CUDA_ON_HOST)
    OBJLOC_SM90A("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
#endif
}

// ---- Products: sums = a * b, plus what they were if `accumulate` ----------------------------------------
// The instructions' text with 32, 64 or 128 registers of sums each; the macros write the lists.

#if !defined(OBJLOC_CUDA_ON_HOST)
// clang-format off
#define OBJLOC_SUMS_32 \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define OBJLOC_SUMS_64 \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define OBJLOC_SUMS_128 \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, " \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
    "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, " \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
    "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define OBJLOC_INOUT_4(i) "+f"(sums[i]), "+f"(sums[i + 1]), "+f"(sums[i + 2]), "+f"(sums[i + 3])
#define OBJLOC_INOUT_16(i) OBJLOC_INOUT_4(i), OBJLOC_INOUT_4(i + 4), OBJLOC_INOUT_4(i + 8), OBJLOC_INOUT_4(i + 12)
#define OBJLOC_INOUT_32 OBJLOC_INOUT_16(0), OBJLOC_INOUT_16(16)
#define OBJLOC_INOUT_64 OBJLOC_INOUT_32, OBJLOC_INOUT_16(32), OBJLOC_INOUT_16(48)
#define OBJLOC_INOUT_128 OBJLOC_INOUT_64, OBJLOC_INOUT_16(64), OBJLOC_INOUT_16(80), OBJLOC_INOUT_16(96), OBJLOC_INOUT_16(112)
// `flags`: what follows the descriptors; the numbers of the operands after the sums are given, too.
#define OBJLOC_A_SHARED "l"(a)
#define OBJLOC_A_REGISTERS "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3])
#define OBJLOC_WGMMA(sums_text, inout, shape, types, a_place, a_input, b_place, accumulate_place, flags, ...) \
    OBJLOC_SM90A("{\n.reg .pred accumulate;\nsetp.ne.b32 accumulate, " accumulate_place ", 0;\n"       \
                 "wgmma.mma_async.sync.aligned." shape ".f32." types " {" sums_text "}, "                \
                 a_place ", " b_place ", accumulate, 1, 1" flags ";\n}\n"                                \
                 : inout : a_input, "l"(b), "r"(static_cast<int>(accumulate)) __VA_ARGS__)
// clang-format on
#endif

/// bf16, depth 16. kColumns: 64, 128 or 256.
template <size_t kColumns, Layout kLayoutA, Layout kLayoutB>
OBJLOC_DEVICE void wgmma_bf16(float (&sums)[kColumns / 2], uint64_t a, uint64_t b, bool accumulate,
                              OBJLOC_PLACE) {
    static_assert(kColumns == 64 || kColumns == 128 || kColumns == 256);
    [[maybe_unused]] constexpr int kOuterA = kLayoutA == Layout::depth_outer;
    [[maybe_unused]] constexpr int kOuterB = kLayoutB == Layout::depth_outer;
#if defined(OBJLOC_CUDA_ON_HOST)
    host::start_product(a, b, static_cast<int>(kColumns), 2, kOuterA, kOuterB, accumulate, sums, where);
#else
// clang-format off
#define OBJLOC_LAYOUTS , "n"(kOuterA), "n"(kOuterB)
    if constexpr (kColumns == 64) {
        OBJLOC_WGMMA(OBJLOC_SUMS_32, OBJLOC_INOUT_32, "m64n64k16", "bf16.bf16", "%32", OBJLOC_A_SHARED, "%33", "%34", ", %35, %36", OBJLOC_LAYOUTS);
    } else if constexpr (kColumns == 128) {
        OBJLOC_WGMMA(OBJLOC_SUMS_64, OBJLOC_INOUT_64, "m64n128k16", "bf16.bf16", "%64", OBJLOC_A_SHARED, "%65", "%66", ", %67, %68", OBJLOC_LAYOUTS);
    } else {
        OBJLOC_WGMMA(OBJLOC_SUMS_128, OBJLOC_INOUT_128, "m64n256k16", "bf16.bf16", "%128", OBJLOC_A_SHARED, "%129", "%130", ", %131, %132", OBJLOC_LAYOUTS);
    }
#undef OBJLOC_LAYOUTS
// clang-format on
#endif
}

/// tf32, depth 8, of floats whose lower 13 bits are not looked at. Both operands depth_inner.
template <size_t kColumns>
OBJLOC_DEVICE void wgmma_tf32(float (&sums)[kColumns / 2], uint64_t a, uint64_t b, bool accumulate,
                              OBJLOC_PLACE) {
    static_assert(kColumns == 64 || kColumns == 128 || kColumns == 256);
#if defined(OBJLOC_CUDA_ON_HOST)
    host::start_product(a, b, static_cast<int>(kColumns), 4, false, false, accumulate, sums, where);
#else
    // clang-format off
    if constexpr (kColumns == 64) {
        OBJLOC_WGMMA(OBJLOC_SUMS_32, OBJLOC_INOUT_32, "m64n64k8", "tf32.tf32", "%32", OBJLOC_A_SHARED, "%33", "%34", "");
    } else if constexpr (kColumns == 128) {
        OBJLOC_WGMMA(OBJLOC_SUMS_64, OBJLOC_INOUT_64, "m64n128k8", "tf32.tf32", "%64", OBJLOC_A_SHARED, "%65", "%66", "");
    } else {
        OBJLOC_WGMMA(OBJLOC_SUMS_128, OBJLOC_INOUT_128, "m64n256k8", "tf32.tf32", "%128", OBJLOC_A_SHARED, "%129", "%130", "");
    }
    // clang-format on
#endif
}

/// The same with a in registers, `a` holding what this thread brings of it: rows wgmma_row(0) and, eight
/// below, wgmma_row(2), both at depth lane % 4, then both at depth lane % 4 + 4. They may be changed only
/// after the wait for this product. kColumns: 64 or 128.
template <size_t kColumns>
OBJLOC_DEVICE void wgmma_tf32(float (&sums)[kColumns / 2], const uint32_t (&a)[4], uint64_t b,
                              bool accumulate, OBJLOC_PLACE) {
    static_assert(kColumns == 64 || kColumns == 128);
#if defined(OBJLOC_CUDA_ON_HOST)
    host::start_product(a, b, static_cast<int>(kColumns), accumulate, sums, where);
#else
    // clang-format off
    if constexpr (kColumns == 64) {
        OBJLOC_WGMMA(OBJLOC_SUMS_32, OBJLOC_INOUT_32, "m64n64k8", "tf32.tf32", "{%32, %33, %34, %35}", OBJLOC_A_REGISTERS, "%36", "%37", "");
    } else {
        OBJLOC_WGMMA(OBJLOC_SUMS_64, OBJLOC_INOUT_64, "m64n128k8", "tf32.tf32", "{%64, %65, %66, %67}", OBJLOC_A_REGISTERS, "%68", "%69", "");
    }
    // clang-format on
#endif
}

// ---- Sums to shared memory ------------------------------------------------------------------------------

/// stmatrix.x4.trans: stores four 8x8 matrices of 16-bit elements, each column of a matrix as 16 bytes.
/// `words[i]` holds row `lane / 4`, columns 2 * (lane % 4) and + 1 of matrix i; lane 8 * i + c names where
/// column c of matrix i goes. The reverse of ldmatrix_x4_trans.
OBJLOC_DEVICE void stmatrix_x4_trans(void* column, const uint32_t (&words)[4], OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    struct Lane {
        uint32_t word[4];
        uint16_t column[8];
    };
    Lane mine = {{words[0], words[1], words[2], words[3]}, {}};
    host::with_warp(
        "stmatrix_x4_trans", 0xFFFFFFFFu, mine,
        [](Lane* const* lanes) {
            for (int lane = 0; lane < 32; ++lane) {
                const int matrix = lane / 8, c = lane % 8;
                for (int row = 0; row < 8; ++row) {
                    const uint32_t word = lanes[4 * row + c / 2]->word[matrix];
                    lanes[lane]->column[row] = static_cast<uint16_t>(word >> (c % 2 * 16));
                }
            }
        },
        where);
    uint4 bytes;
    std::memcpy(&bytes, mine.column, sizeof(bytes));
    *static_cast<uint4*>(column) = bytes;  // a checked access by the lane that named the place
#else
    OBJLOC_SM90("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};\n" ::"r"(
                    shared_address(column)),
                "r"(words[0]), "r"(words[1]), "r"(words[2]), "r"(words[3])
                : "memory");
#endif
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
