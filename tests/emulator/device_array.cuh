// Device memory for the length of a test.
#pragma once

#include <vector>

#include "objloc/engine/error.h"
#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

inline void require(cudaError_t status) {
    if (status != cudaSuccess) throw Error("device array", cudaGetErrorString(status));
}

template <typename T>
class DeviceArray {
  public:
    explicit DeviceArray(size_t count) : count_(count) {
        void* block = nullptr;
        require(cudaMalloc(&block, count * sizeof(T)));
        data_ = static_cast<T*>(block);
    }
    explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
        require(cudaMemcpyAsync(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice, nullptr));
    }
    ~DeviceArray() { (void)cudaFree(data_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    T* data() const { return data_; }
    std::vector<T> download() const {
        std::vector<T> values(count_);
        require(cudaMemcpyAsync(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost, nullptr));
        return values;
    }

  private:
    T* data_ = nullptr;
    size_t count_;
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
