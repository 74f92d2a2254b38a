#include "objloc/kernels/cpu/runtime/parallel.h"

#include <cmath>
#include <fstream>
#include <string>

namespace objloc::cpu {
namespace {

// Cores' worth of time that the control group grants; 0 when it sets no limit.
double cgroup_quota() {
    double quota = 0, period = 0;
    std::string word;
    if (std::ifstream v2("/sys/fs/cgroup/cpu.max");
        v2 >> word >> period) {  // "max 100000" or "150000 100000"
        return word == "max" || period <= 0 ? 0 : std::stod(word) / period;
    }
    std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    std::ifstream v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    if (v1_quota >> quota && v1_period >> period && quota > 0 && period > 0) return quota / period;
    return 0;
}

}  // namespace

int usable_threads() {
    const int threads = omp_get_max_threads();
    const double quota = cgroup_quota();
    return quota > 0 ? std::clamp(static_cast<int>(std::ceil(quota)), 1, threads) : threads;
}

}  // namespace objloc::cpu
