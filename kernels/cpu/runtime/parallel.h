// How the CPU backend divides work among threads. Chunks have a fixed size, whatever the number of threads,
// so that sums over chunks, added in order, have the same bits on one thread and on sixty-four.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <vector>

namespace objloc::cpu {

/// Threads this process may use: OMP_NUM_THREADS if it is set, else the cores of its affinity mask, and no
/// more than its cgroup's CPU quota.
int usable_threads();

/// Sets the team size that libraries built on OpenMP (oneDNN) see on the calling thread, for a scope.
class TeamSize {
  public:
    explicit TeamSize(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
    ~TeamSize() { omp_set_num_threads(before_); }
    TeamSize(const TeamSize&) = delete;
    TeamSize& operator=(const TeamSize&) = delete;

  private:
    int before_;
};

/// Calls body(begin, end) for consecutive chunks of `grain` items that cover [0, count). What a body throws
/// is thrown again here, when all chunks have run.
template <typename Body>
void parallel_for(int threads, int64_t count, int64_t grain, const Body& body) {
    const int64_t chunks = (count + grain - 1) / grain;
    if (threads <= 1 || chunks <= 1) {
        for (int64_t begin = 0; begin < count; begin += grain) body(begin, std::min(count, begin + grain));
        return;
    }
    std::exception_ptr failure;
    // The team is always whole, even for a few chunks: libgomp ends and restarts threads when its size
    // changes.
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
        try {
            body(chunk * grain, std::min(count, (chunk + 1) * grain));
        } catch (...) {  // none may leave a parallel region
#pragma omp critical
            failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
}

/// The sum of part(begin, end), a double, over the chunks, added in order.
template <typename Part>
double parallel_sum(int threads, int64_t count, int64_t grain, const Part& part) {
    std::vector<double> parts(static_cast<size_t>((count + grain - 1) / grain));
    parallel_for(threads, count, grain, [&](int64_t begin, int64_t end) {
        parts[static_cast<size_t>(begin / grain)] = part(begin, end);
    });
    double sum = 0;
    for (const double p : parts) sum += p;
    return sum;
}

/// Elements a chunk of an elementwise pass: 64 KiB of floats, small beside L2 and large beside a barrier.
constexpr int64_t kElementGrain = 16384;

}  // namespace objloc::cpu
