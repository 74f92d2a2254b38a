#include "objloc/engine/shape.h"

#include "objloc/engine/error.h"

namespace objloc {

Shape::Shape(std::initializer_list<int64_t> extents) {
    for (const int64_t extent : extents) push_back(extent);
}

int64_t Shape::count() const {
    int64_t product = 1;
    for (int axis = 0; axis < rank_; ++axis) product *= (*this)[axis];
    return product;
}

void Shape::push_back(int64_t extent) {
    if (rank_ == kMaxRank)
        throw Error("shape " + text(), "has four axes already, the most a tensor can have");
    if (extent < 0) throw Error("shape " + text(), "cannot have an axis of " + std::to_string(extent));
    extents_[static_cast<size_t>(rank_++)] = extent;
}

std::string Shape::text() const {
    std::string list;
    for (int axis = 0; axis < rank_; ++axis) {
        list += (axis ? ", " : "") + std::to_string((*this)[axis]);
    }
    return "(" + list + ")";
}

}  // namespace objloc
