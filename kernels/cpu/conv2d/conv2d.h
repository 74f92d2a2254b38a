// Convolutions on the CPU: each call goes to a version that applies to its problem.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "objloc/kernels/cpu/conv2d/conv2d_kernel.h"

namespace objloc::cpu {

/// Three of the four passes of Backend's conv2d (the bias's gradient is a sum of columns).
class Convolutions {
  public:
    /// `asked`: a version, a family or kAutomatic. `arithmetic`: what products are taken in, fp32 or bf16. Throws Error
    /// when there is no version of this name.
    Convolutions(int threads, std::string asked, Precision arithmetic,
                 std::shared_ptr<CachingAllocator> allocator);

    /// The passes of the version for a problem: the one that was asked for where it applies, else the preferred one.
    Conv2dPasses& passes(ConvPass pass, const Conv2dProblem& problem);

  private:
    int threads_;
    std::string asked_;
    Precision arithmetic_;
    std::shared_ptr<CachingAllocator> allocator_;
    std::map<const Conv2dVersion*, std::unique_ptr<Conv2dPasses>> passes_;  // of the versions that have run
};

}  // namespace objloc::cpu
