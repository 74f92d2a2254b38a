// The extents of a dense row-major array of up to four dimensions, such as (N, H, W, C).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace objloc {

class Shape {
  public:
    static constexpr int kMaxRank = 4;

    Shape() = default;
    Shape(std::initializer_list<int64_t> extents);

    int rank() const { return rank_; }
    int64_t operator[](int axis) const { return extents_[static_cast<size_t>(axis)]; }
    /// The number of elements; 1 for a scalar (rank 0).
    int64_t count() const;
    /// The extent along `axis` of a result of `rank` axes to which this shape broadcasts: shapes are aligned at their
    /// last axes, and one that this shape lacks counts as 1.
    int64_t aligned(int axis, int rank) const {
        const int own = axis - (rank - rank_);
        return own < 0 ? 1 : (*this)[own];
    }
    /// Appends a last axis.
    void push_back(int64_t extent);
    /// "(64, 128, 128, 3)".
    std::string text() const;

    bool operator==(const Shape&) const = default;

  private:
    std::array<int64_t, kMaxRank> extents_{};
    int rank_ = 0;
};

}  // namespace objloc
