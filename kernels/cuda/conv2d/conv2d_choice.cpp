#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"

#include <algorithm>
#include <cmath>

#include "objloc/engine/error.h"

namespace objloc {
namespace {

// ---- The table -------------------------------------------------------------------------------------------

constexpr double kReach = 1;  // a factor of two, as a power of two
constexpr int kHopper = 9;

bool concerns(const ConvTableLine& line, int sm, Precision arithmetic) {
    const bool own_architecture = line.sm / 10 != kHopper || sm / 10 == kHopper;
    return line.precision == arithmetic && line.sm <= sm && own_architecture;
}

double doublings(int64_t a, int64_t b) {
    return std::abs(std::log2(static_cast<double>(a) / static_cast<double>(b)));
}

double distance(const ConvTableLine& line, const Conv2dProblem& g) {
    return doublings(line.pixels, g.N * g.P() * g.Q()) + doublings(line.C, g.C) + doublings(line.K, g.K) +
           doublings(line.taps, g.R * g.S);
}

// ---- Names, as the table has them --------------------------------------------------------------------

namespace names {
inline constexpr const char* automatic = kAutomatic;
#define OBJLOC_CONV2D_VERSION(name) inline constexpr const char* name = #name;
#include "objloc/kernels/cuda/conv2d/conv2d_versions.inc"
}  // namespace names

}  // namespace

std::span<const ConvTableLine> conv_table() {
    using enum Precision;
    using namespace names;
    static const std::vector<ConvTableLine> lines = {
#include "objloc/kernels/cuda/conv2d/conv2d_table.inc"
    };
    return lines;
}

const std::vector<std::string>& conv2d_version_names() {
    static const std::vector<std::string> list = {
#define OBJLOC_CONV2D_VERSION(name) #name,
#include "objloc/kernels/cuda/conv2d/conv2d_versions.inc"
    };
    return list;
}

const std::string& ConvTableLine::version(ConvPass pass) const {
    if (pass == ConvPass::forward) return forward;
    return pass == ConvPass::backward_data ? backward_data : backward_weights;
}

const ConvTableLine* nearest_line(std::span<const ConvTableLine> table, int sm, const Conv2dProblem& problem,
                                  Precision arithmetic) {
    int newest = 0;
    for (const ConvTableLine& line : table) {
        if (concerns(line, sm, arithmetic)) newest = std::max(newest, line.sm);
    }
    const ConvTableLine* nearest = nullptr;
    double least = kReach;
    for (const ConvTableLine& line : table) {
        if (line.sm != newest || !concerns(line, sm, arithmetic)) continue;
        const double away = distance(line, problem);
        if (away < least) nearest = &line, least = away;
    }
    return nearest;
}

bool hopper_conv2d_applies(const Conv2dProblem& problem) {
    return problem.stride_h == 1 && problem.stride_w == 1 && problem.C % 64 == 0 && problem.K % 64 == 0;
}

const Conv2dVersion& choose_conv2d(const Conv2dVersions& versions, ConvPass pass,
                                   const Conv2dProblem& problem, Precision arithmetic,
                                   const std::string& asked, const CudaDevice& device,
                                   std::span<const ConvTableLine> table) {
    const auto applies = [&](const Conv2dVersion* version) {
        return version != nullptr && version->applies(pass, problem, arithmetic);
    };
    const Conv2dVersion* const named = find_version(versions, asked);
    if (applies(named)) return *named;
    const ConvTableLine* line = nearest_line(table, device.sm, problem, arithmetic);
    const Conv2dVersion* const listed =
        line == nullptr ? nullptr : find_version(versions, line->version(pass));
    const bool is_family = named == nullptr && asked != kAutomatic;
    if (applies(listed) && (device.hopper || !listed->needs.hopper) &&
        (!is_family || asked == listed->family)) {
        return *listed;
    }
    const Conv2dVersion* const preferred = preferred_version(versions, pass, problem, arithmetic, asked);
    if (preferred == nullptr) throw Error("conv2d", "no version applies to this problem");
    return *preferred;
}

}  // namespace objloc
