#include "objloc/models/compact.h"

#include <algorithm>
#include <cmath>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc {
namespace {

constexpr int64_t kChannels[] = {16, 32,  48,
                                 96, 160, 192};  // of the first two convolutions, then of each block

int64_t scaled(int64_t channels, double width) {
    const auto eighths = static_cast<int64_t>(std::lround(static_cast<double>(channels) * width / 8));
    return 8 * std::max<int64_t>(1, eighths);
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
    std::vector<CompactConv> list = {{"block1_conv1", at, 3, first, 2, false, false},
                                     {"block1_conv2", at, first, second, 1, true, false}};
    at /= 2;
    int64_t in = second;
    for (int block = 2; block <= 5; ++block) {
        const std::string name = "block" + std::to_string(block);
        const int64_t out = scaled(kChannels[block], width), stride = block == 2 ? 1 : 2;
        if (stride == 2) at = halved(at);
        list.push_back({name + "_conv1", at, in, out, stride, false, false});
        list.push_back({name + "_conv2", at, out, out, 1, false, true});
        in = out;
    }
    return list;
}

std::vector<Variable> compact_taps(Tape& tape, ParameterSet& parameters,
                                   const std::vector<CompactConv>& convolutions, const Variable& images) {
    std::vector<Variable> taps;
    Variable x = images;
    for (const CompactConv& conv : convolutions) {
        ops::Conv2dOptions options;
        options.stride_h = options.stride_w = conv.stride;
        options.padding = {1, 1, 1, 1};
        options.relu = true;
        options.pool = conv.pool;
        x = ops::conv2d(tape, x, parameters.on(tape, conv.name + "/kernel"),
                        parameters.on(tape, conv.name + "/bias"), options);
        if (conv.tapped) taps.push_back(x);
    }
    return taps;
}

}  // namespace objloc
