#include "objloc/models/compact.h"

#include <algorithm>
#include <cmath>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc {
namespace {

using Role = CompactConv::Role;

/// Of the first two convolutions, then of each block; and of the levels that cells look at.
constexpr int64_t kChannels[] = {16, 32, 48, 96, 160, 192}, kLevelChannels = 64;

int64_t scaled(int64_t channels, double width) {
    const auto eighths = static_cast<int64_t>(std::lround(static_cast<double>(channels) * width / 8));
    return 8 * std::max<int64_t>(1, eighths);
}

Variable convolved(Tape& tape, ParameterSet& parameters, const CompactConv& conv, const Variable& x) {
    ops::Conv2dOptions options;
    options.stride_h = options.stride_w = conv.stride;
    if (conv.role != Role::lateral) options.padding = {1, 1, 1, 1};
    options.relu = conv.role != Role::lateral;
    options.pool = conv.role == Role::pooled;
    return ops::conv2d(tape, x, parameters.on(tape, conv.name + "/kernel"),
                       parameters.on(tape, conv.name + "/bias"), options);
}

}  // namespace

std::vector<CompactConv> compact_convolutions(double width, int64_t side) {
    if (side < 64) {
        throw Error("compact", "an input side of " + std::to_string(side) + " leaves too few cells",
                    "Use 64 or more.");
    }
    if (!(width > 0)) throw Error("compact", "the width must be above 0");
    const auto halved = [](int64_t length) { return (length + 1) / 2; };
    const int64_t first = scaled(kChannels[0], width), second = scaled(kChannels[1], width);
    int64_t at = halved(side);
    std::vector<CompactConv> list = {{"block1_conv1", Role::plain, at, 3, first, 2},
                                     {"block1_conv2", Role::pooled, at, first, second}};
    std::vector<CompactConv> laterals;
    at /= 2;
    int64_t in = second;
    for (int block = 2; block <= 5; ++block) {
        const std::string name = "block" + std::to_string(block);
        const int64_t out = scaled(kChannels[block], width), stride = block == 2 ? 1 : 2;
        if (stride == 2) at = halved(at);
        list.push_back({name + "_conv1", Role::plain, at, in, out, stride});
        list.push_back({name + "_conv2", Role::last, at, out, out});
        laterals.insert(laterals.begin(),
                        {name + "_lateral", Role::lateral, at, out, scaled(kLevelChannels, width)});
        in = out;
    }
    list.insert(list.end(), laterals.begin(), laterals.end());
    return list;
}

std::vector<Variable> compact_levels(Tape& tape, ParameterSet& parameters,
                                     const std::vector<CompactConv>& convolutions, const Variable& images) {
    std::vector<Variable> blocks, levels;
    Variable x = images;
    for (const CompactConv& conv : convolutions) {
        if (conv.role == Role::lateral) {
            Variable level = convolved(tape, parameters, conv, blocks.back());
            blocks.pop_back();
            if (!levels.empty()) {
                level = ops::add(tape, level,
                                 ops::upsample2d(tape, levels.front(), level.shape()[1], level.shape()[2]));
            }
            levels.insert(levels.begin(), ops::relu(tape, level));
            continue;
        }
        x = convolved(tape, parameters, conv, x);
        if (conv.role == Role::last) blocks.push_back(x);
    }
    return levels;
}

}  // namespace objloc
