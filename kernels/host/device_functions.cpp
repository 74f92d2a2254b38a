// What kernels ask of the thread and block that they run in.
#include <algorithm>

#include "kernels/host/block.h"
#include "kernels/host/cuda_on_host.h"

namespace objloc::host {

cuda_host::uint3 thread_index() {
    return running_block().thread_index();
}
cuda_host::uint3 block_index() {
    return running_block().index();
}
cuda_host::uint3 block_dims() {
    const auto dims = running_block().launch().threads;
    return {dims.x, dims.y, dims.z};
}
cuda_host::uint3 grid_dims() {
    const auto dims = running_block().launch().grid;
    return {dims.x, dims.y, dims.z};
}
unsigned lane_index() {
    return running_block().lane();
}
unsigned char* shared_window() {
    return running_block().shared();
}

void sync_block(int barrier, unsigned threads, const char* name, std::source_location where) {
    running_block().barrier(barrier, threads, name, where);
}
void arrive_block(int barrier, unsigned threads, const char* name, std::source_location where) {
    running_block().arrive(barrier, threads, name, where);
}
void sync_warp(unsigned mask, std::source_location where) {
    running_block().sync_warp(mask, where);
}
void meet_warp(const char* name, unsigned mask, void* mine, void (*all)(void* const* lanes),
               std::source_location where) {
    running_block().meet_warp(name, mask, mine, all, where);
}

void start_copy(void* to, const void* from, size_t bytes, size_t valid) {
    Block& block = running_block();
    running.caller = __builtin_return_address(0);
    block.start_copy({to, from, bytes, valid});
}
void commit_copies() {
    running_block().commit_copies();
}
void wait_copies(size_t allowed) {
    running_block().wait_copies(allowed);
}

void mbarrier_init(void* mbarrier, unsigned count) {
    Block& block = running_block();
    running.caller = __builtin_return_address(0);
    block.mbarrier_init(mbarrier, count);
}
void mbarrier_arrive(void* mbarrier, size_t expected_bytes, std::source_location where) {
    Block& block = running_block();
    running.caller = __builtin_return_address(0);
    block.mbarrier_arrive(mbarrier, expected_bytes, where);
}
void mbarrier_wait(void* mbarrier, unsigned parity, std::source_location where) {
    Block& block = running_block();
    running.caller = __builtin_return_address(0);
    block.mbarrier_wait(mbarrier, parity, where);
}
void start_box(const cuda_host::TensorMap& map, const int* corner, void* to, void* mbarrier) {
    Block& block = running_block();
    running.caller = __builtin_return_address(0);
    BoxInFlight box = {map, {}, static_cast<unsigned char*>(to), mbarrier};
    std::copy(corner, corner + map.dimensions, box.corner);
    block.start_box(box);
}

}  // namespace objloc::host
