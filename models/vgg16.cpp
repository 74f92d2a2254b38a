#include "objloc/models/vgg16.h"

#include <algorithm>
#include <array>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc {
namespace {

struct Block {
    int64_t channels;
    int convolutions;
};
constexpr std::array<Block, 5> kBlocks = {{{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}};

}  // namespace

std::vector<Vgg16Conv> vgg16_convolutions(double width, int64_t side) {
    if (side < 32) {
        throw Error("vgg16", "an input side of " + std::to_string(side) + " leaves nothing after five pools",
                    "Use 32 or more.");
    }
    if (!(width > 0)) throw Error("vgg16", "the width must be above 0");
    std::vector<Vgg16Conv> list;
    int64_t channels = 3;
    for (size_t b = 0; b < kBlocks.size(); ++b) {
        const std::string block = "block" + std::to_string(b + 1);
        const auto out =
            std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(kBlocks[b].channels) * width));
        for (int c = 1; c <= kBlocks[b].convolutions; ++c) {
            const bool last = c == kBlocks[b].convolutions;
            list.push_back(
                {block + "_conv" + std::to_string(c), last ? block + "_pool" : "", side, channels, out});
            channels = out;
        }
        side /= 2;
    }
    return list;
}

std::vector<Variable> vgg16_blocks(Tape& tape, ParameterSet& parameters,
                                   const std::vector<Vgg16Conv>& convolutions, const Variable& images,
                                   bool last_pool,
                                   const std::function<void(const Vgg16Conv&, const Variable&)>& observe) {
    std::vector<Variable> blocks;
    Variable x = images;
    for (const Vgg16Conv& conv : convolutions) {
        ops::Conv2dOptions options;
        options.padding = {1, 1, 1, 1};
        options.relu = true;
        options.pool = conv.last_in_block() && (last_pool || &conv != &convolutions.back());
        x = ops::conv2d(tape, x, parameters.on(tape, conv.name + "/kernel"),
                        parameters.on(tape, conv.name + "/bias"), options);
        if (observe) observe(conv, x);
        if (conv.last_in_block()) blocks.push_back(x);
    }
    return blocks;
}

}  // namespace objloc
