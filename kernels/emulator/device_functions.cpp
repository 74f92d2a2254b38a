// What kernels ask of the thread and block that they run in.
#include <algorithm>

#include "objloc/kernels/emulator/cluster.h"
#include "objloc/kernels/emulator/cuda_language.h"

namespace objloc::host {

cuda_host::uint3 thread_index() {
    return running_cluster().thread_index();
}
cuda_host::uint3 block_index() {
    return running_cluster().index();
}
cuda_host::uint3 block_dims() {
    const auto dims = running_cluster().launch().threads;
    return {dims.x, dims.y, dims.z};
}
cuda_host::uint3 grid_dims() {
    const auto dims = running_cluster().launch().grid;
    return {dims.x, dims.y, dims.z};
}
unsigned cluster_rank() {
    return running_cluster().rank();
}
unsigned lane_index() {
    return running_cluster().lane();
}
unsigned char* shared_window() {
    return running_cluster().shared();
}

void sync_block(int barrier, unsigned threads, const char* name, std::source_location where) {
    running_cluster().barrier(barrier, threads, name, where);
}
void arrive_block(int barrier, unsigned threads, const char* name, std::source_location where) {
    running_cluster().arrive(barrier, threads, name, where);
}
void sync_cluster(std::source_location where) {
    running_cluster().cluster_barrier(where);
}
void sync_warp(unsigned mask, std::source_location where) {
    running_cluster().sync_warp(mask, where);
}
void meet_warp(const char* name, unsigned mask, void* mine, void (*all)(void* const* lanes),
               std::source_location where) {
    running_cluster().meet_warp(name, mask, mine, all, where);
}

void start_copy(void* to, const void* from, size_t bytes, size_t valid) {
    Cluster& cluster = running_cluster();
    running.caller = __builtin_return_address(0);
    cluster.start_copy({to, from, bytes, valid});
}
void commit_copies() {
    running_cluster().commit_copies();
}
void wait_copies(size_t allowed) {
    running_cluster().wait_copies(allowed);
}

void mbarrier_init(void* mbarrier, unsigned count) {
    Cluster& cluster = running_cluster();
    running.caller = __builtin_return_address(0);
    cluster.mbarrier_init(mbarrier, count);
}
void mbarrier_arrive(void* mbarrier, size_t expected_bytes, std::source_location where) {
    Cluster& cluster = running_cluster();
    running.caller = __builtin_return_address(0);
    cluster.mbarrier_arrive(mbarrier, expected_bytes, where);
}
void* mbarrier_of(void* mine, unsigned rank) {
    Cluster& cluster = running_cluster();
    running.caller = __builtin_return_address(0);
    return cluster.of_rank(mine, rank);
}
void mbarrier_wait(void* mbarrier, unsigned parity, std::source_location where) {
    Cluster& cluster = running_cluster();
    running.caller = __builtin_return_address(0);
    cluster.mbarrier_wait(mbarrier, parity, where);
}
namespace {

BoxInFlight box_of(const cuda_host::TensorMap& map, const int* corner, const void* shared, void* mbarrier) {
    auto* bytes = static_cast<unsigned char*>(const_cast<void*>(shared));
    BoxInFlight box = {map, {}, bytes, mbarrier, running_cluster().rank()};
    std::copy(corner, corner + map.dimensions, box.corner);
    return box;
}

}  // namespace

void start_box(const cuda_host::TensorMap& map, const int* corner, void* to, void* mbarrier) {
    Cluster& cluster = running_cluster();
    running.caller = __builtin_return_address(0);
    cluster.start_box(box_of(map, corner, to, mbarrier), 1u << cluster.rank());
}

void start_multicast(const cuda_host::TensorMap& map, const int* corner, void* to, void* mbarrier,
                     unsigned ranks) {
    Cluster& cluster = running_cluster();
    running.caller = __builtin_return_address(0);
    cluster.start_box(box_of(map, corner, to, mbarrier), ranks);
}

void start_store(const cuda_host::TensorMap& map, const int* corner, const void* from) {
    Cluster& cluster = running_cluster();
    running.caller = __builtin_return_address(0);
    cluster.start_store(box_of(map, corner, from, nullptr));
}
void commit_stores() {
    running_cluster().commit_stores();
}
void wait_stores(size_t allowed) {
    Cluster& cluster = running_cluster();
    running.caller = __builtin_return_address(0);
    cluster.wait_stores(allowed);
}
void fence_for_engines() {
    running_cluster().fence_for_engines();
}

uint32_t shared_offset(const void* shared) {
    return static_cast<uint32_t>(arena_offset(shared) % kSharedWindow);
}

void fence_products() {
    running_cluster().fence_products();
}
void start_product(uint64_t a, uint64_t b, int columns, int element_bytes, bool a_depth_outer,
                   bool b_depth_outer, bool accumulate, float* sums, std::source_location where) {
    const MatrixProduct product = {a,          b,   columns, element_bytes, a_depth_outer, b_depth_outer,
                                   accumulate, sums};
    running_cluster().start_product(product, where);
}
void start_product(const uint32_t (&a)[4], uint64_t b, int columns, bool accumulate, float* sums,
                   std::source_location where) {
    constexpr int kTf32Bytes = 4;
    const MatrixProduct product = {0, b, columns, kTf32Bytes, false, false, accumulate, sums, a};
    running_cluster().start_product(product, where);
}
void commit_products() {
    running_cluster().commit_products();
}
void wait_products(size_t allowed, std::source_location where) {
    running_cluster().wait_products(allowed, where);
}

}  // namespace objloc::host
