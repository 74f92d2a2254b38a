#include "objloc/engine/backend.h"

namespace objloc {

Tensor Backend::allocate(const Shape& shape, DType type) {
    const size_t bytes = static_cast<size_t>(shape.count()) * size_of(type);
    return {shape, type, std::make_shared<Storage>(allocator_, bytes)};
}

std::function<void()> Backend::capture(std::function<void()> step) {
    return step;
}

}  // namespace objloc
