// What a tensor is: a shape, an element type, and a share of a backend's memory. Dense, row-major, NHWC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "objloc/engine/allocator.h"
#include "objloc/engine/shape.h"

namespace objloc {

/// Element types. Activations, gradients and parameters are f32 (bf16 where a precision asks for it); u8
/// holds image bytes and pooling codes, i32 pooling positions, i64 counters.
enum class DType { f32, bf16, u8, i32, i64 };

size_t size_of(DType type);
const char* name_of(DType type);

/// One block of backend memory, returned to its allocator when the last tensor that shares it goes.
class Storage {
  public:
    Storage(std::shared_ptr<CachingAllocator> allocator, size_t bytes);
    ~Storage();
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;

    void* data() const { return data_; }
    size_t bytes() const { return bytes_; }
    /// Unique among all storages there ever were, unlike the address.
    uint64_t id() const { return id_; }
    /// Counts the updates of parameter values, so that backends can keep derived forms (transformed or
    /// repacked weights) and know when they are stale. Optimizers and uploads bump it; ops on activations
    /// need not.
    uint64_t version() const { return version_; }
    void bump_version() { ++version_; }

  private:
    std::shared_ptr<CachingAllocator> allocator_;
    void* data_;
    size_t bytes_;
    uint64_t id_;
    uint64_t version_ = 0;
};

/// A view on storage. Copies share memory, as handles do; `Backend::clone` copies elements.
class Tensor {
  public:
    /// The empty tensor: "not given".
    Tensor() = default;
    Tensor(Shape shape, DType type, std::shared_ptr<Storage> storage, size_t byte_offset = 0);

    explicit operator bool() const { return storage_ != nullptr; }
    const Shape& shape() const { return shape_; }
    DType type() const { return type_; }
    int64_t count() const { return shape_.count(); }
    size_t bytes() const { return static_cast<size_t>(count()) * size_of(type_); }
    Storage& storage() const { return *storage_; }
    /// Offset of the first element within the storage, in bytes.
    size_t byte_offset() const { return byte_offset_; }

    /// The first element, in the backend's memory: host code may follow it only on CPU backends.
    template <typename T>
    T* data() const {
        return static_cast<T*>(raw());
    }
    void* raw() const { return static_cast<std::byte*>(storage_->data()) + byte_offset_; }

    /// The same elements under another shape of equal count.
    Tensor reshaped(const Shape& shape) const;
    /// `shape.count()` elements from element `first` on.
    Tensor slice(int64_t first, const Shape& shape) const;

  private:
    Shape shape_;
    DType type_ = DType::f32;
    std::shared_ptr<Storage> storage_;
    size_t byte_offset_ = 0;
};

}  // namespace objloc
