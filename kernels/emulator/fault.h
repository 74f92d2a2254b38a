// From addresses of instructions to what a person can read.
#pragma once

#include <string>

namespace objloc::host {

/// " (kernels/cuda/mean.cu:41)" for the call before `return_address`, from the debug information and
/// binutils' addr2line; empty where either is missing.
std::string source_line(const void* return_address);

/// The name of the function at `address`, without its arguments.
std::string function_name(const void* address);

}  // namespace objloc::host
