// Inline PTX, as thin functions named after their instructions. Each has two bodies: the instruction for
// the device, and for the host what the instruction means, which is what tests run (kernels/emulator). What came
// with Hopper has headers of its own: tma.cuh (mbarriers, boxes of tensors), wgmma.cuh (products of a
// warpgroup) and cluster.cuh (blocks that fetch for each other). There is no other inline PTX. Reference:
// NVIDIA, "Parallel Thread Execution ISA", the sections named at each function.
//
// Fragments of a warp's matrix product: group = lane / 4 and member = lane % 4 say which elements a lane
// holds. 16-bit operands are two to a register, the lower column (or row, for b) in the lower half.
#pragma once

#include <cstdint>
#include <cstring>

#include "objloc/kernels/cuda/runtime/launch.cuh"

#define OBJLOC_DEVICE __device__ __forceinline__
/// Where a thread waits, for the host runtime's messages. Costs nothing on the device.
#define OBJLOC_PLACE [[maybe_unused]] Place where = Place::current()

namespace objloc::OBJLOC_CUDA_NAMESPACE {

#if !defined(OBJLOC_CUDA_ON_HOST)
struct Place {
    OBJLOC_DEVICE static constexpr Place current() { return {}; }
};

#endif

/// What instructions take for an address in shared memory.
OBJLOC_DEVICE uint32_t shared_address(const void* shared) {
#if defined(OBJLOC_CUDA_ON_HOST)
    return host::shared_offset(shared);
#else
    return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
#endif
}

// ---- Copies from global to shared memory, past the registers (sm_80)
// --------------------------------------------

/// cp.async.cg: starts a copy of 16 bytes, both sides aligned to 16. Of the source only the first `valid`
/// bytes are read; zeros take the place of the rest. The destination may be touched by this thread after its
/// wait, by others after a barrier as well. Section "cp.async".
OBJLOC_DEVICE void cp_async_16(void* shared, const void* global, int valid = 16) {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::start_copy(shared, global, 16, static_cast<size_t>(valid));
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(shared)), "l"(global),
                 "r"(valid)
                 : "memory");
#endif
}

/// Closes a group: all copies this thread started since the last one.
OBJLOC_DEVICE void cp_async_commit() {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::commit_copies();
#else
    asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}

/// Waits until at most the last `kPending` groups of this thread are still on their way.
template <int kPending>
OBJLOC_DEVICE void cp_async_wait() {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::wait_copies(kPending);
#else
    asm volatile("cp.async.wait_group %0;\n" ::"n"(kPending) : "memory");
#endif
}

// ---- Barriers among some of a block's warps
// -----------------------------------------------------------------------

/// bar.sync: waits until `threads` threads, a multiple of 32, have come to barrier `id` (1 to 15; 0 is
/// __syncthreads). Orders their accesses to memory.
OBJLOC_DEVICE void named_barrier_sync(int id, int threads, OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::sync_block(id, static_cast<unsigned>(threads), "named_barrier_sync", where);
#else
    asm volatile("bar.sync %0, %1;\n" ::"r"(id), "r"(threads) : "memory");
#endif
}

/// bar.arrive: counts as having come, but does not wait.
OBJLOC_DEVICE void named_barrier_arrive(int id, int threads, OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::arrive_block(id, static_cast<unsigned>(threads), "named_barrier_arrive", where);
#else
    asm volatile("bar.arrive %0, %1;\n" ::"r"(id), "r"(threads) : "memory");
#endif
}

// ---- Loading fragments
// ----------------------------------------------------------------------------------------------

/// Four 8x8 matrices of 16-bit elements: `word[i]` holds row `group`, columns 2 * member and + 1 of matrix i.
struct Fragment4 {
    uint32_t word[4];
};

#if defined(OBJLOC_CUDA_ON_HOST)
namespace ptx_host {

/// What a lane brings to ldmatrix: one row of 8 elements. Row r of matrix i comes from lane 8 * i + r.
struct MatrixRow {
    uint16_t element[8];
    Fragment4 result;
};

template <bool kTranspose>
Fragment4 load_matrices(const void* row, const char* name, Place where) {
    MatrixRow mine = {};
    const uint4 bytes = *static_cast<const uint4*>(row);  // a checked access by the lane that named the row
    std::memcpy(mine.element, &bytes, sizeof(mine.element));
    host::with_warp(
        name, 0xFFFFFFFFu, mine,
        [](MatrixRow* const* lanes) {
            for (int lane = 0; lane < 32; ++lane) {
                const int group = lane / 4, column = lane % 4 * 2;
                for (int i = 0; i < 4; ++i) {
                    const auto at = [&](int r, int c) -> uint32_t { return lanes[8 * i + r]->element[c]; };
                    lanes[lane]->result.word[i] = kTranspose
                                                      ? at(column, group) | at(column + 1, group) << 16
                                                      : at(group, column) | at(group, column + 1) << 16;
                }
            }
        },
        where);
    return mine.result;
}

}  // namespace ptx_host
#endif

/// ldmatrix.x4: lane 8 * i + r names row r of matrix i, 16 bytes in shared memory, aligned to 16.
OBJLOC_DEVICE Fragment4 ldmatrix_x4(const void* row, OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    return ptx_host::load_matrices<false>(row, "ldmatrix_x4", where);
#else
    Fragment4 m;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(m.word[0]), "=r"(m.word[1]), "=r"(m.word[2]), "=r"(m.word[3])
                 : "r"(shared_address(row))
                 : "memory");
    return m;
#endif
}

/// The same of the transposed matrices: `word[i]` holds rows 2 * member and + 1, column `group`.
OBJLOC_DEVICE Fragment4 ldmatrix_x4_trans(const void* row, OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    return ptx_host::load_matrices<true>(row, "ldmatrix_x4_trans", where);
#else
    Fragment4 m;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(m.word[0]), "=r"(m.word[1]), "=r"(m.word[2]), "=r"(m.word[3])
                 : "r"(shared_address(row))
                 : "memory");
    return m;
#endif
}

// ---- Matrix products of a warp: d += a * b, a 16 x K, b K x 8, sums 16 x 8 in fp32
// ------------------------------------

/// d: [0], [1] hold row `group`, columns 2 * member and + 1; [2], [3] the same of row group + 8.
struct Sums4 {
    float value[4];
};

#if defined(OBJLOC_CUDA_ON_HOST)
namespace ptx_host {

template <size_t kDepth>
struct ProductLane {
    float a[kDepth / 2];  // see where they are unpacked
    float b[kDepth / 4];
    Sums4 d;
};

/// Rows and depths that a lane's i-th element of `a` belongs to; of `b` the i-th depth. `kPacked` elements
/// share a register and lie next to each other along the depth.
template <size_t kPacked>
struct FragmentMap {
    static size_t a_row(size_t lane, size_t i) { return lane / 4 + 8 * (i / kPacked % 2); }
    static size_t a_depth(size_t lane, size_t i) {
        return lane % 4 * kPacked + i % kPacked + 4 * kPacked * (i / kPacked / 2);
    }
    static size_t b_depth(size_t lane, size_t i) {
        return lane % 4 * kPacked + i % kPacked + 4 * kPacked * (i / kPacked);
    }
};

template <size_t kDepth, size_t kPacked>
void multiply(const char* name, ProductLane<kDepth>& mine, Place where) {
    host::with_warp(
        name, 0xFFFFFFFFu, mine,
        [](ProductLane<kDepth>* const* lanes) {
            using Map = FragmentMap<kPacked>;
            float a[16][kDepth], b[kDepth][8];
            for (size_t lane = 0; lane < 32; ++lane) {
                for (size_t i = 0; i < kDepth / 2; ++i)
                    a[Map::a_row(lane, i)][Map::a_depth(lane, i)] = lanes[lane]->a[i];
                for (size_t i = 0; i < kDepth / 4; ++i)
                    b[Map::b_depth(lane, i)][lane / 4] = lanes[lane]->b[i];
            }
            for (size_t lane = 0; lane < 32; ++lane) {
                for (size_t i = 0; i < 4; ++i) {
                    const size_t row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
                    float sum = lanes[lane]->d.value[i];
                    for (size_t k = 0; k < kDepth; ++k) sum += a[row][k] * b[k][column];
                    lanes[lane]->d.value[i] = sum;
                }
            }
        },
        where);
}

inline float bf16_half(uint32_t word, int half) {
    return __uint_as_float(half == 0 ? word << 16 : word & 0xFFFF0000u);
}

}  // namespace ptx_host
#endif

/// bf16, K = 16. a: word 0 row `group`, word 1 row group + 8, both columns 2 * member and + 1; words 2 and 3
/// the same 8 columns on: what ldmatrix_x4 gives for the quarters (0,0), (8,0), (0,8), (8,8). b: word 0 rows
/// 2 * member and + 1, word 1 the same 8 rows on, column `group`. Section "mma.m16n8k16".
OBJLOC_DEVICE void mma_m16n8k16_bf16(Sums4& d, const uint32_t (&a)[4], const uint32_t (&b)[2], OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    ptx_host::ProductLane<16> mine;
    for (int i = 0; i < 8; ++i) mine.a[i] = ptx_host::bf16_half(a[i / 2], i % 2);
    for (int i = 0; i < 4; ++i) mine.b[i] = ptx_host::bf16_half(b[i / 2], i % 2);
    mine.d = d;
    ptx_host::multiply<16, 2>("mma_m16n8k16_bf16", mine, where);
    d = mine.d;
#else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};\n"
        : "+f"(d.value[0]), "+f"(d.value[1]), "+f"(d.value[2]), "+f"(d.value[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

/// A float's bits for a tf32 operand: rounded to 10 bits of mantissa, ties away from zero. Section "cvt",
/// .rna.
OBJLOC_DEVICE uint32_t to_tf32(float value) {
#if defined(OBJLOC_CUDA_ON_HOST)
    const uint32_t bits = __float_as_uint(value);
    const bool finite = (bits & 0x7F800000u) != 0x7F800000u;
    return finite ? (bits + 0x1000u) & 0xFFFFE000u : bits;
#else
    uint32_t bits;
    asm("cvt.rna.tf32.f32 %0, %1;\n" : "=r"(bits) : "f"(value));
    return bits;
#endif
}

/// tf32, K = 8. a: word 0 row `group`, word 1 row group + 8, both column `member`; words 2 and 3 the same 4
/// columns on. b: word 0 row `member`, word 1 row member + 4, column `group`. Section "mma.m16n8k8".
OBJLOC_DEVICE void mma_m16n8k8_tf32(Sums4& d, const uint32_t (&a)[4], const uint32_t (&b)[2], OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    ptx_host::ProductLane<8> mine;
    constexpr uint32_t kRead = 0xFFFFE000u;  // the lower 13 bits are not looked at
    for (int i = 0; i < 4; ++i) mine.a[i] = __uint_as_float(a[i] & kRead);
    for (int i = 0; i < 2; ++i) mine.b[i] = __uint_as_float(b[i] & kRead);
    mine.d = d;
    ptx_host::multiply<8, 1>("mma_m16n8k8_tf32", mine, where);
    d = mine.d;
#else
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};\n"
        : "+f"(d.value[0]), "+f"(d.value[1]), "+f"(d.value[2]), "+f"(d.value[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
