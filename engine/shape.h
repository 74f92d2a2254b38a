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
