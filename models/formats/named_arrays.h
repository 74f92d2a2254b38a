// Weights as plain data: named arrays on their way between files of every kind and a model's parameters.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "objloc/engine/shape.h"

namespace objloc {

/// One tensor under Keras's name, "layer/variable": "block1_conv1/kernel" (R, S, C, K), "block1_conv1/bias"
/// (K), "dense/kernel" (inputs, outputs).
struct NamedArray {
    std::string name;
    Shape shape;
    std::vector<float> values;
};

struct WeightFile {
    /// Which kind of file it was, in words: "Keras HDF5 weights (layer_names)".
    std::string format;
    /// In the order of the layers.
    std::vector<NamedArray> arrays;
    /// Text that the file carries beside its arrays, such as "objloc_config" or "keras_version".
    std::map<std::string, std::string> attributes;
};

/// What a model asks of a weight file.
struct WantedArray {
    std::string name;
    Shape shape;
};

/// What became of each tensor; nothing is skipped in silence.
struct LoadReport {
    /// "dense/kernel", or "dense/kernel (from dense_2/kernel)".
    std::vector<std::string> taken;
    std::vector<std::string> missing;
    std::vector<std::string> left_over;
    /// A few lines for people: counts, and the names of what is missing and left over.
    std::string text() const;
};

struct MatchedArrays {
    /// One for each wanted array, in that order; nullptr where the file lacks it. They point into the file's
    /// arrays.
    std::vector<const NamedArray*> arrays;
    LoadReport report;
};

/// Finds the wanted arrays by name. Keras numbers layers of one kind as a notebook makes them (dense,
/// dense_1, ...), so when a layer is missing and just one layer of that kind is left over with all of its
/// shapes right, that one is taken, and the report says so. Throws Error, naming the tensor, for a shape
/// other than the wanted one (with a hint when it is another library's axis order), for a name that occurs
/// twice, and for values that are not finite. `where` is the file's path, for messages. A missing array is
/// reported, not thrown: the caller knows whether its layer may start fresh.
MatchedArrays match_arrays(const std::string& where, const WeightFile& file,
                           const std::vector<WantedArray>& wanted);

/// "" when the array has the wanted shape and finite values, else what is wrong, with the numbers, and on a
/// second line what it looks like ("That is PyTorch's order ..."), where that can be told.
std::string fault_of(const NamedArray& array, const Shape& wanted);

/// "" when all values are finite, else which are not: "2 of 9 values are not finite; the first is nan at (0,
/// 0, 1, 2)".
std::string not_finite(const NamedArray& array);

/// The layer's and the variable's part of "block1_conv1/kernel".
std::string layer_of(const std::string& name);
std::string variable_of(const std::string& name);

}  // namespace objloc
