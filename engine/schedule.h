// The learning rate of each step.
#pragma once

#include <cstdint>
#include <string>

namespace objloc {

/// constant: the base rate. step: multiplied by `factor` after every `period` steps (Keras's ExponentialDecay
/// with staircase). cosine: from the base rate to 0 at `total_steps` (Loshchilov, Hutter, "SGDR", ICLR 2017).
/// Any of them may start with a linear warm-up over `warmup_steps` (Goyal et al., "Accurate, large minibatch
/// SGD", 2017); the decay of a cosine begins after it.
struct Schedule {
    enum class Kind { constant, step, cosine };
    Kind kind = Kind::constant;
    double base_rate = 1e-3;
    int64_t total_steps = 0;
    int64_t warmup_steps = 0;
    int64_t period = 0;
    double factor = 0.1;

    /// The rate of step `step`, counted from 0.
    double rate(int64_t step) const;
};

/// "constant", "step", "cosine". Throws Error on another name.
Schedule::Kind parse_schedule(const std::string& name);

}  // namespace objloc
