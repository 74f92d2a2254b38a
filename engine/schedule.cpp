#include "objloc/engine/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "objloc/engine/error.h"

namespace objloc {

double Schedule::rate(int64_t step) const {
    // The first step already moves, and the last step of the warm-up has the full rate.
    if (step < warmup_steps) {
        return base_rate * static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
    }
    switch (kind) {
        case Kind::constant:
            return base_rate;
        case Kind::step:
            return base_rate * std::pow(factor, static_cast<double>(step / std::max<int64_t>(1, period)));
        case Kind::cosine:
            break;
    }
    const double span = static_cast<double>(std::max<int64_t>(1, total_steps - warmup_steps));
    const double done = std::min(1.0, static_cast<double>(step - warmup_steps) / span);
    return base_rate * 0.5 * (1 + std::cos(std::numbers::pi * done));
}

Schedule::Kind parse_schedule(const std::string& name) {
    if (name == "constant") return Schedule::Kind::constant;
    if (name == "step") return Schedule::Kind::step;
    if (name == "cosine") return Schedule::Kind::cosine;
    throw Error("schedule '" + name + "'", "there is no such schedule", "Known: constant, step, cosine.");
}

}  // namespace objloc
