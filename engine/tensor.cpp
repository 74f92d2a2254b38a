#include "objloc/engine/tensor.h"

#include <atomic>
#include <utility>

#include "objloc/engine/error.h"

namespace objloc {
namespace {

uint64_t next_storage_id() {
    static std::atomic<uint64_t> counter{0};
    return ++counter;
}

}  // namespace

size_t size_of(DType type) {
    switch (type) {
        case DType::f32:
        case DType::i32:
            return 4;
        case DType::bf16:
            return 2;
        case DType::u8:
            return 1;
        case DType::i64:
            return 8;
    }
    throw Error("element type", "is none of those in engine/tensor.h");
}

const char* name_of(DType type) {
    switch (type) {
        case DType::f32:
            return "f32";
        case DType::bf16:
            return "bf16";
        case DType::u8:
            return "u8";
        case DType::i32:
            return "i32";
        case DType::i64:
            return "i64";
    }
    return "?";
}

Storage::Storage(std::shared_ptr<CachingAllocator> allocator, size_t bytes)
    : allocator_(std::move(allocator)),
      data_(allocator_->allocate(bytes)),
      bytes_(bytes),
      id_(next_storage_id()) {
}

Storage::~Storage() {
    allocator_->release(data_);
}

Tensor::Tensor(Shape shape, DType type, std::shared_ptr<Storage> storage, size_t byte_offset)
    : shape_(shape), type_(type), storage_(std::move(storage)), byte_offset_(byte_offset) {
    if (byte_offset_ + bytes() > storage_->bytes()) {
        throw Error("tensor " + shape_.text(),
                    "reaches past the end of its storage of " + std::to_string(storage_->bytes()) + " bytes");
    }
}

Tensor Tensor::reshaped(const Shape& shape) const {
    if (shape.count() != count()) {
        throw Error("tensor " + shape_.text(), "cannot take the shape " + shape.text() + ": counts differ");
    }
    return slice(0, shape);
}

Tensor Tensor::slice(int64_t first, const Shape& shape) const {
    return {shape, type_, storage_, byte_offset_ + static_cast<size_t>(first) * size_of(type_)};
}

}  // namespace objloc
