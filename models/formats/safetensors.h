// Reading and writing safetensors files, as PyTorch's ecosystem keeps weights.
//
// Eight bytes of length, a JSON header {"name": {"dtype", "shape", "data_offsets"}}, and the numbers,
// little-endian. Format: https://github.com/huggingface/safetensors#format
#pragma once

#include <map>
#include <string>
#include <vector>

#include "objloc/models/formats/named_arrays.h"

namespace objloc {

/// Whether the file begins as a safetensors file does; false when it cannot be read.
bool is_safetensors(const std::string& path);

/// The arrays under the file's own names, in the order of their bytes; F64, F16 and BF16 become float32. The
/// header's `__metadata__` becomes `attributes`. Throws Error for a file that is cut short or inconsistent,
/// and for integer tensors.
WeightFile read_safetensors(const std::string& path);

/// Writes float32. The file appears whole or not at all.
void write_safetensors(const std::string& path, const std::vector<NamedArray>& arrays,
                       const std::map<std::string, std::string>& metadata);

}  // namespace objloc
