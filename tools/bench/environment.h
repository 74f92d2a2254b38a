// What a measurement should say about where and when it was made.
#pragma once

#include <cstddef>
#include <string>

namespace objloc::bench {

/// "2025-03-14T15:09:26Z".
std::string utc_date();
/// The commit that the build was configured at, or "unknown".
std::string git_commit();
/// The most memory this process ever had in RAM, in bytes (Linux's VmHWM); 0 where the system does not tell.
size_t process_peak_bytes();
/// Bytes of the last-level cache; 32 MiB where the system does not tell.
size_t last_level_cache_bytes();

}  // namespace objloc::bench
