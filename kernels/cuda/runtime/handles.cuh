// CUDA's handles, owned; and the one way its calls are checked.
#pragma once

#include <memory>
#include <type_traits>

#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Throws Error unless `status` is success: `what` was tried, CUDA's words, and a hint where there is one.
void check_cuda(cudaError_t status, const char* what);

/// Owns a handle that `destroy` ends. Destructors do not throw: what can fail then was already lost.
template <auto destroy>
struct HandleDeleter {
    template <typename T>
    void operator()(T* handle) const noexcept {
        (void)destroy(handle);
    }
};
template <typename Handle, auto destroy>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, HandleDeleter<destroy>>;

using Stream = Owned<cudaStream_t, cudaStreamDestroy>;
using Event = Owned<cudaEvent_t, cudaEventDestroy>;
using Graph = Owned<cudaGraph_t, cudaGraphDestroy>;
using GraphExec = Owned<cudaGraphExec_t, cudaGraphExecDestroy>;

/// A stream that does not wait for the default stream.
Stream make_stream();

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
