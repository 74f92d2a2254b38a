#include "objloc/engine/conv2d_version.h"

#include <algorithm>

#include "objloc/engine/error.h"

namespace objloc {

const Conv2dVersion* find_version(const Conv2dVersions& versions, const std::string& name) {
    const auto at = std::find_if(versions.begin(), versions.end(),
                                 [&](const Conv2dVersion* version) { return name == version->name; });
    return at == versions.end() ? nullptr : *at;
}

const Conv2dVersion* preferred_version(const Conv2dVersions& versions, ConvPass pass,
                                       const Conv2dProblem& problem, Precision arithmetic,
                                       const std::string& asked) {
    const Conv2dVersion *best = nullptr, *best_asked = nullptr;
    for (const Conv2dVersion* version : versions) {
        if (!version->applies(pass, problem, arithmetic)) continue;
        const int preference = version->preference(pass, problem);
        if (preference < 0) continue;
        const auto is_better = [&](const Conv2dVersion* than) {
            return than == nullptr || preference > than->preference(pass, problem);
        };
        if (is_better(best)) best = version;
        if (asked == version->family && is_better(best_asked)) best_asked = version;
    }
    return best_asked != nullptr ? best_asked : best;
}

void check_version_name(const Conv2dVersions& versions, const std::string& name) {
    std::string known = kAutomatic;
    for (const Conv2dVersion* version : versions) {
        if (name == version->name || name == version->family) return;
        known += ", " + std::string(version->name);
    }
    if (name == kAutomatic) return;
    throw Error("convolution version '" + name + "'", "there is no such version", "Known: " + known + ".");
}

}  // namespace objloc
