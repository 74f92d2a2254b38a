#include "objloc/kernels/cases/bench_sizes.h"

#include "objloc/kernels/cases/conv2d_shapes.h"
#include "objloc/models/localizer.h"
#include "objloc/models/vgg16.h"

namespace objloc {
namespace {

constexpr int32_t kSide = 128, kSmallSide = 32;

/// What does not depend on the convolutions.
BenchSizes sizes_of(int64_t batch, int32_t side) {
    const Localizer vgg16({.side = side}, 0);
    BenchSizes sizes;
    sizes.batch = batch, sizes.side = side;
    sizes.features = vgg16.parameters().all().rbegin()[1].shape[0];
    sizes.grids = {
        {side / 4, side / 4}, {side / 8, side / 8}, {side / 16, side / 16}, {side / 16, side / 16}};
    sizes.parameters = vgg16.parameters().count();
    return sizes;
}

void append(std::vector<ConvLayer>& to, const std::vector<ConvLayer>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

std::vector<ConvLayer> without_and_with_pool(ConvLayer layer) {
    std::vector<ConvLayer> both;
    layer.problem.pool = false;
    both.push_back(layer);
    if (layer.problem.P() < 2 || layer.problem.Q() < 2) return both;
    layer.problem.pool = true;
    both.push_back(layer);
    return both;
}

std::vector<ConvLayer> vgg16_layers(int64_t batch, int64_t side) {
    std::vector<ConvLayer> layers;
    for (const Vgg16Conv& conv : vgg16_convolutions(1, side)) {
        ConvLayer layer{conv.name.substr(5, 1) + "_" + conv.name.substr(conv.name.size() - 1),
                        same_convolution({batch, conv.side, conv.side, conv.in}, conv.out)};
        layer.problem.pool = conv.last_in_block();
        layer.first = layers.empty();
        layer.relu_input = !conv.name.ends_with("conv1");  // a block's first reads a pooled output
        layers.push_back(layer);
    }
    return layers;
}

BenchSizes vgg16_sizes(int64_t batch) {
    BenchSizes sizes = sizes_of(batch, kSide);
    sizes.activations = {batch, kSide, kSide, 64};
    for (const ConvLayer& layer : vgg16_layers(batch, kSide)) {
        append(sizes.convolutions,
               layer.problem.pool ? without_and_with_pool(layer) : std::vector<ConvLayer>{layer});
    }
    return sizes;
}

BenchSizes small_sizes(int64_t batch) {
    BenchSizes sizes = sizes_of(batch, kSmallSide);
    sizes.activations = {batch, 9, 7, 5};
    sizes.parameters = 10'007;
    std::vector<ConvLayer>& layers = sizes.convolutions;
    append(layers, without_and_with_pool({"", same_convolution({batch, 9, 7, 5}, 6)}));
    layers.push_back({"", same_convolution({batch, 16, 16, 3}, 16)});
    append(layers, without_and_with_pool({"", same_convolution({batch, 16, 16, 16}, 32), true}));
    layers.push_back({"", same_convolution({batch, 8, 8, 64}, 64)});
    layers.push_back({"", same_convolution({batch, 12, 10, 8}, 8, {5, 5})});
    layers.push_back({"", same_convolution({batch, 16, 16, 32}, 16, {1, 1})});
    layers.push_back({"", same_convolution({batch, 15, 17, 8}, 16)});
    layers.back().problem.stride_h = layers.back().problem.stride_w = 2;
    return sizes;
}

}  // namespace objloc
