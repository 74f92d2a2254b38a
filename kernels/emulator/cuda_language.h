// CUDA C++ for a plain C++ compiler: what kernels/cuda's sources use of the language, built on the host
// runtime. Everything lies in the kernels' own namespace, so that a program may hold real CUDA as well.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <source_location>
#include <tuple>
#include <type_traits>

#include "objloc/kernels/emulator/bfloat16.h"
#include "objloc/kernels/emulator/cuda_api.h"
#include "objloc/kernels/emulator/cuda_types.h"
#include "objloc/kernels/emulator/tensor_map.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define threadIdx (::objloc::host::thread_index())
#define blockIdx (::objloc::host::block_index())
#define blockDim (::objloc::host::block_dims())
#define gridDim (::objloc::host::grid_dims())
// No __shared__: kernels see shared memory through shared_memory<T>(), so that the runtime knows where it
// lies.

namespace objloc::host {

// `const`: within one CUDA thread, which is all that a kernel's code is, these never change.
[[gnu::const]] cuda_host::uint3 thread_index();
[[gnu::const]] cuda_host::uint3 block_index();
[[gnu::const]] cuda_host::uint3 block_dims();
[[gnu::const]] cuda_host::uint3 grid_dims();
[[gnu::const]] unsigned cluster_rank();
[[gnu::const]] unsigned lane_index();
[[gnu::const]] unsigned char* shared_window();

void sync_block(int barrier, unsigned threads, const char* name, std::source_location where);
void arrive_block(int barrier, unsigned threads, const char* name, std::source_location where);
void sync_cluster(std::source_location where);
void sync_warp(unsigned mask, std::source_location where);
void meet_warp(const char* name, unsigned mask, void* mine, void (*all)(void* const* lanes),
               std::source_location where);

/// Asynchronous copies to shared memory: `valid` bytes, then zeros.
void start_copy(void* to, const void* from, size_t bytes, size_t valid);
void commit_copies();
void wait_copies(size_t allowed);

void mbarrier_init(void* mbarrier, unsigned count);
void mbarrier_arrive(void* mbarrier, size_t expected_bytes, std::source_location where);
/// The mbarrier of the cluster's block `rank` that lies where this block has `mine`.
void* mbarrier_of(void* mine, unsigned rank);
/// Waits until the phase of that parity is complete.
void mbarrier_wait(void* mbarrier, unsigned parity, std::source_location where);
/// Starts the copy of the box at `corner` (innermost dimension first), whose bytes the mbarrier counts.
void start_box(const cuda_host::TensorMap& map, const int* corner, void* to, void* mbarrier);

/// The same to each block of the cluster whose bit is set in `ranks`: to the place where it has what this
/// block has at `to`, and counted by the mbarrier that it has there.
void start_multicast(const cuda_host::TensorMap& map, const int* corner, void* to, void* mbarrier,
                     unsigned ranks);

/// Boxes the other way, in groups that the thread which started them waits for.
void start_store(const cuda_host::TensorMap& map, const int* corner, const void* from);
void commit_stores();
void wait_stores(size_t allowed);
/// What this thread wrote to shared memory may be read by copies and matrix products from now on.
void fence_for_engines();

/// Where in the block's shared memory: what descriptors hold.
uint32_t shared_offset(const void* shared);

/// wgmma's steps; MatrixProduct (cluster.h) says what the arguments are.
void fence_products();
void start_product(uint64_t a, uint64_t b, int columns, int element_bytes, bool a_depth_outer,
                   bool b_depth_outer, bool accumulate, float* sums, std::source_location where);
/// With a in registers, tf32.
void start_product(const uint32_t (&a)[4], uint64_t b, int columns, bool accumulate, float* sums,
                   std::source_location where);
void commit_products();
void wait_products(size_t allowed, std::source_location where);

/// Waits for the lanes in `mask`; the last one runs `all(Lane* const* lanes)` on what each brought, which may
/// change it. Absent lanes are null. `all` is stateless.
template <typename Lane, typename All>
void with_warp(const char* name, unsigned mask, Lane& mine, All, std::source_location where) {
    meet_warp(
        name, mask, &mine,
        [](void* const* lanes) {
            Lane* typed[32];
            for (int i = 0; i < 32; ++i) typed[i] = static_cast<Lane*>(lanes[i]);
            All{}(typed);
        },
        where);
}

/// A kernel with its arguments, converted as a call would.
template <typename... Params>
class KernelCall : public Kernel {
  public:
    template <typename... Args>
    explicit KernelCall(void (*kernel)(Params...), Args&&... args)
        : Kernel(reinterpret_cast<const void*>(kernel), sizeof(KernelCall)),
          kernel_(kernel),
          arguments_(std::forward<Args>(args)...) {}

    void run() const override { std::apply(kernel_, arguments_); }

  private:
    void (*kernel_)(Params...);
    std::tuple<std::remove_cv_t<Params>...> arguments_;
};

}  // namespace objloc::host

namespace objloc::cuda_host {

/// Queues kernel<<<grid, threads, shared_bytes, stream>>>(args...) in clusters of `cluster` blocks side by
/// side along x. Throws Error when it faults.
template <typename... Params, typename... Args>
void launch_clusters(void (*kernel)(Params...), int cluster, dim3 grid, dim3 threads, size_t shared_bytes,
                     cudaStream_t stream, Args&&... args) {
    launch_kernel(std::make_shared<host::KernelCall<Params...>>(kernel, std::forward<Args>(args)...), grid,
                  threads, static_cast<unsigned>(cluster), shared_bytes, stream);
}

/// The same, each block on its own.
template <typename... Params, typename... Args>
void launch(void (*kernel)(Params...), dim3 grid, dim3 threads, size_t shared_bytes, cudaStream_t stream,
            Args&&... args) {
    launch_clusters(kernel, 1, grid, threads, shared_bytes, stream, std::forward<Args>(args)...);
}

/// The block's dynamic shared memory as a T.
template <typename T>
T& shared_memory() {
    return *reinterpret_cast<T*>(host::shared_window());
}

// ---- Barriers
// ---------------------------------------------------------------------------------------------------

constexpr int warpSize = 32;
using Place = std::source_location;

inline void __syncthreads(Place where = Place::current()) {
    const auto dims = host::block_dims();
    host::sync_block(0, dims.x * dims.y * dims.z, "__syncthreads", where);
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFu, Place where = Place::current()) {
    host::sync_warp(mask, where);
}
inline void __threadfence() {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

// ---- Shuffles and votes
// -----------------------------------------------------------------------------------------

/// What a lane brings to a shuffle: its value and the lane it wants to read from, in place of which it gets
/// that lane's value.
template <typename T>
T shuffle(const char* name, unsigned mask, T value, int source, Place where) {
    struct Lane {
        T value, result;
        int source;
    };
    Lane mine = {value, value, source};
    host::with_warp(
        name, mask, mine,
        [](Lane* const* lanes) {
            for (int i = 0; i < 32; ++i) {
                // Reading from a lane that takes no part is undefined; the poison shows it.
                if (lanes[i] == nullptr) continue;
                const Lane* from = lanes[lanes[i]->source];
                if (from != nullptr) {
                    lanes[i]->result = from->value;
                } else {
                    std::memset(static_cast<void*>(&lanes[i]->result), 0xFF, sizeof(T));
                }
            }
        },
        where);
    return mine.result;
}

/// A lane's own number within its segment of `width` lanes, and the segment's first lane.
struct Segment {
    int lane, first;
};
inline Segment segment(int width) {
    const int lane = static_cast<int>(host::lane_index());
    return {lane % width, lane / width * width};
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, Place where = Place::current()) {
    const Segment at = segment(width);
    return shuffle("__shfl_sync", mask, value, at.first + (source & (width - 1)), where);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, Place where = Place::current()) {
    const Segment at = segment(width);
    const int source = at.lane ^ lane_mask;
    return shuffle("__shfl_xor_sync", mask, value, at.first + (source < width ? source : at.lane), where);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, Place where = Place::current()) {
    const Segment at = segment(width);
    const int source = at.lane + static_cast<int>(delta);
    return shuffle("__shfl_down_sync", mask, value, at.first + (source < width ? source : at.lane), where);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, Place where = Place::current()) {
    const Segment at = segment(width);
    const int source = at.lane - static_cast<int>(delta);
    return shuffle("__shfl_up_sync", mask, value, at.first + (source >= 0 ? source : at.lane), where);
}

inline unsigned vote(const char* name, unsigned mask, bool predicate, Place where) {
    struct Lane {
        bool predicate;
        unsigned ballot;
    };
    Lane mine = {predicate, 0};
    host::with_warp(
        name, mask, mine,
        [](Lane* const* lanes) {
            unsigned ballot = 0;
            for (unsigned i = 0; i < 32; ++i) {
                if (lanes[i] != nullptr && lanes[i]->predicate) ballot |= 1u << i;
            }
            for (unsigned i = 0; i < 32; ++i) {
                if (lanes[i] != nullptr) lanes[i]->ballot = ballot;
            }
        },
        where);
    return mine.ballot;
}
inline unsigned __ballot_sync(unsigned mask, int predicate, Place where = Place::current()) {
    return vote("__ballot_sync", mask, predicate != 0, where);
}
inline int __any_sync(unsigned mask, int predicate, Place where = Place::current()) {
    return vote("__any_sync", mask, predicate != 0, where) != 0;
}
inline int __all_sync(unsigned mask, int predicate, Place where = Place::current()) {
    return vote("__all_sync", mask, predicate != 0, where) == mask;
}
/// Which lanes run together is never promised, so each runs alone.
inline unsigned __activemask() {
    return 1u << host::lane_index();
}

// ---- Memory
// -------------------------------------------------------------------------------------------------------

template <typename T>
T __ldg(const T* address) {
    return *address;
}
inline int atomicAdd(int* address, int value) {
    return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
inline int atomicMin(int* address, int value) {
    int before = __atomic_load_n(address, __ATOMIC_RELAXED);
    while (value < before &&
           !__atomic_compare_exchange_n(address, &before, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return before;
}
inline int atomicMax(int* address, int value) {
    int before = __atomic_load_n(address, __ATOMIC_RELAXED);
    while (value > before &&
           !__atomic_compare_exchange_n(address, &before, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return before;
}
inline unsigned atomicAdd(unsigned* address, unsigned value) {
    return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}

// ---- Arithmetic
// ---------------------------------------------------------------------------------------------------

template <typename T>
constexpr T min(T a, T b) {
    return b < a ? b : a;
}
template <typename T>
constexpr T max(T a, T b) {
    return a < b ? b : a;
}
inline float min(float a, float b) {
    return std::fmin(a, b);
}
inline float max(float a, float b) {
    return std::fmax(a, b);
}
inline float rsqrtf(float x) {
    return 1.0f / std::sqrt(x);
}
inline float __expf(float x) {
    return std::exp(x);
}
inline float __logf(float x) {
    return std::log(x);
}
inline float __fdividef(float x, float y) {
    return x / y;
}
inline float __fmaf_rn(float x, float y, float z) {
    return std::fma(x, y, z);
}
// Never fused with a neighbour: the host build is compiled without contraction.
inline float __fadd_rn(float x, float y) {
    return x + y;
}
inline float __fmul_rn(float x, float y) {
    return x * y;
}
inline float __saturatef(float x) {
    return x > 0 ? (x < 1 ? x : 1) : 0;  // NaN to 0, as on the device
}
inline int __popc(unsigned x) {
    return __builtin_popcount(x);
}
inline int __clz(int x) {
    return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x));
}
inline int __ffs(int x) {
    return __builtin_ffs(x);
}
inline unsigned __umulhi(unsigned x, unsigned y) {
    return static_cast<unsigned>((uint64_t{x} * y) >> 32);
}
inline unsigned __float_as_uint(float x) {
    unsigned bits;
    std::memcpy(&bits, &x, sizeof(bits));
    return bits;
}
inline float __uint_as_float(unsigned bits) {
    float x;
    std::memcpy(&x, &bits, sizeof(x));
    return x;
}
inline int __float_as_int(float x) {
    return static_cast<int>(__float_as_uint(x));
}
inline float __int_as_float(int bits) {
    return __uint_as_float(static_cast<unsigned>(bits));
}

}  // namespace objloc::cuda_host
