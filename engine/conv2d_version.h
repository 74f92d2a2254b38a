// How a backend describes one version of its convolution: a kernel, or one tile size of a kernel. The descriptor is all
// that the choice of a version, the benchmarks and the tests know of it.
#pragma once

#include <string>
#include <vector>

#include "objloc/engine/precision.h"
#include "objloc/engine/problem.h"

namespace objloc {

enum class ConvPass { forward, backward_data, backward_weights };

struct Conv2dVersion {
    /// What a version needs besides a problem that it applies to.
    struct Needs {
        bool alignment = false;  // of all tensors, to 16 bytes
        bool hopper = false;     // Hopper's own instructions: its GPU, and a build with code for it
    };
    const char* name = "";  // "hopper_clusters": as in conv2d_table.inc and in BackendOptions
    // Versions that are tiles or variants of one another: "hopper". Can be asked for, too.
    const char* family = "";
    Needs needs = {};
    /// Whether there is code for this pass of this problem, with products taken in `arithmetic`.
    bool (*applies)(ConvPass pass, const Conv2dProblem& problem, Precision arithmetic) = nullptr;
    /// Of the versions that apply, the one with the highest preference runs where nothing was measured. Below 0: it
    /// runs only where it was measured, or asked for by name.
    int (*preference)(ConvPass pass, const Conv2dProblem& problem) = nullptr;
};

/// Preferences of a version that sizes alone never make the one to run.
constexpr int kOnlyWhereAsked = -1, kOnlyWhereMeasured = -1;

/// Borrowed; a backend's descriptors live as long as the program.
using Conv2dVersions = std::vector<const Conv2dVersion*>;

/// What stands for "whichever is best" in place of a version's name.
constexpr const char* kAutomatic = "automatic";

/// The version of this name, or null.
const Conv2dVersion* find_version(const Conv2dVersions& versions, const std::string& name);

/// Of the versions that apply and have a preference of 0 or more, the one with the highest; of the family `asked`
/// when one of that applies. Null when there is none.
const Conv2dVersion* preferred_version(const Conv2dVersions& versions, ConvPass pass,
                                       const Conv2dProblem& problem, Precision arithmetic,
                                       const std::string& asked);

/// Throws Error, with the names there are, unless `name` is "automatic", a version or a family.
void check_version_name(const Conv2dVersions& versions, const std::string& name);

}  // namespace objloc
