#include "tools/bench/environment.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

namespace objloc::bench {

std::string utc_date() {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

std::string git_commit() {
    return OBJLOC_COMMIT;
}

size_t process_peak_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        size_t kilobytes = 0;
        if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
    }
    return 0;
}

size_t last_level_cache_bytes() {
    constexpr size_t kUsual = size_t{32} << 20;
#ifdef _SC_LEVEL3_CACHE_SIZE
    const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (bytes > 0) return static_cast<size_t>(bytes);
#endif
    return kUsual;
}

}  // namespace objloc::bench
