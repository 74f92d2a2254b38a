// Stopwatch and the two numbers that are kept of repeated timings.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace objloc::bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The middle value (of an even number the mean of the middle two): one disturbed step does not move it.
/// `seconds` must not be empty.
inline double median(std::vector<double> seconds) {
    std::sort(seconds.begin(), seconds.end());
    const size_t middle = seconds.size() / 2;
    return seconds.size() % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
}

inline double best(const std::vector<double>& seconds) {
    return *std::min_element(seconds.begin(), seconds.end());
}

}  // namespace objloc::bench
