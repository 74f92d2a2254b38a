// Stacks for fibers, in one range of addresses so that one comparison tells whether an address lies on any.
#pragma once

#include <cstddef>
#include <vector>

namespace objloc::host {

class FiberStacks {
  public:
    static constexpr size_t kStackBytes = size_t{64} << 10;

    FiberStacks();
    ~FiberStacks();
    FiberStacks(const FiberStacks&) = delete;
    FiberStacks& operator=(const FiberStacks&) = delete;

    /// The top of a free stack, most recently freed first: its pages are warm.
    unsigned char* take();
    void give_back(unsigned char* top) { free_.push_back(top); }

    const unsigned char* begin() const { return begin_; }
    size_t bytes() const;

  private:
    unsigned char* begin_;
    size_t used_ = 0;
    std::vector<unsigned char*> free_;
};

}  // namespace objloc::host
