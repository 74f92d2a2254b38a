#include "tools/bench/kernel_tiers.h"

#include <algorithm>
#include <iterator>

#include "objloc/engine/error.h"
#include "objloc/models/localizer.h"
#include "objloc/models/vgg16.h"

namespace objloc::bench {
namespace {

constexpr int32_t kSide = 128, kSmallSide = 32;
constexpr int64_t kOutputs = 3;

/// 'Same' padding at stride 1, bias and ReLU, as VGG16 has them.
Conv2dProblem convolution(int64_t N, int64_t H, int64_t W, int64_t C, int64_t K, int64_t R = 3,
                          int64_t S = 3) {
    Conv2dProblem problem;
    problem.N = N, problem.H = H, problem.W = W, problem.C = C, problem.K = K;
    problem.R = R, problem.S = S;
    problem.pad_top = (R - 1) / 2, problem.pad_bottom = R - 1 - problem.pad_top;
    problem.pad_left = (S - 1) / 2, problem.pad_right = S - 1 - problem.pad_left;
    problem.relu = true;
    return problem;
}

/// The layer as it is, and with its pool fused where a 2x2 window fits and `pool` wants it.
void add_layer(std::vector<ConvLayer>& layers, ConvLayer layer, bool pool) {
    layers.push_back(layer);
    if (!pool || layer.problem.P() < 2 || layer.problem.Q() < 2) return;
    layer.problem.pool = true;
    layers.push_back(layer);
}

std::vector<ConvLayer> vgg16_layers(int64_t batch) {
    std::vector<ConvLayer> layers;
    for (const Vgg16Conv& conv : vgg16_convolutions(1, kSide)) {
        const std::string name = conv.name.substr(5, 1) + "_" + conv.name.substr(conv.name.size() - 1);
        ConvLayer layer{name, convolution(batch, conv.side, conv.side, conv.in, conv.out)};
        layer.first = layers.empty();
        layer.relu_input = !conv.name.ends_with("conv1");  // a block's first reads a pooled output
        add_layer(layers, layer, conv.last_in_block());
    }
    return layers;
}

std::vector<ConvLayer> small_layers(int64_t batch) {
    std::vector<ConvLayer> layers;
    add_layer(layers, {"", convolution(batch, 9, 7, 5, 6)}, true);
    add_layer(layers, {"", convolution(batch, 16, 16, 3, 16)}, false);
    add_layer(layers, {"", convolution(batch, 16, 16, 16, 32), true}, true);
    add_layer(layers, {"", convolution(batch, 8, 8, 64, 64)}, false);
    add_layer(layers, {"", convolution(batch, 12, 10, 8, 8, 5, 5)}, false);
    add_layer(layers, {"", convolution(batch, 16, 16, 32, 16, 1, 1)}, false);
    Conv2dProblem strided = convolution(batch, 15, 17, 8, 16);
    strided.stride_h = strided.stride_w = 2;
    add_layer(layers, {"", strided}, false);
    return layers;
}

std::vector<ConvLayer> given_layer(const std::vector<int64_t>& s) {
    const bool positive = std::all_of(s.begin(), s.end(), [](int64_t extent) { return extent > 0; });
    if ((s.size() != 5 && s.size() != 7) || !positive) {
        throw Error("--shape", "is not five or seven whole numbers above 0",
                    "Give N,H,W,C,K or N,H,W,C,K,R,S, such as --shape 4,64,64,64,128.");
    }
    std::vector<ConvLayer> layers;
    add_layer(
        layers,
        {"", convolution(s[0], s[1], s[2], s[3], s[4], s.size() == 7 ? s[5] : 3, s.size() == 7 ? s[6] : 3)},
        true);
    return layers;
}

std::vector<Pool2dProblem> pools_of(const std::vector<ConvLayer>& layers) {
    std::vector<Pool2dProblem> pools;
    for (const ConvLayer& layer : layers) {
        const Conv2dProblem& g = layer.problem;
        if (g.pool) pools.push_back({.N = g.N, .H = g.P(), .W = g.Q(), .C = g.K});
    }
    return pools;
}

using Cases = std::vector<KernelCase>;

void append(Cases& cases, const Cases& more) {
    std::copy(more.begin(), more.end(), std::back_inserter(cases));
}

Cases cases_of(const CaseSelection& selection) {
    if (!selection.shape.empty()) return conv2d_cases(given_layer(selection.shape));
    const bool small = selection.tier == "small";
    const int64_t batch = selection.batch;
    const std::vector<ConvLayer> layers = small ? small_layers(batch) : vgg16_layers(batch);
    const Localizer vgg16({.side = small ? kSmallSide : kSide}, 0);
    const int64_t features = vgg16.parameters().all().rbegin()[1].shape[0];

    Cases cases = conv2d_cases(layers);
    append(cases, max_pool2d_cases(pools_of(layers)));
    append(cases, dense_cases({.N = batch, .inputs = features, .outputs = kOutputs}));
    append(cases, elementwise_cases(small ? Shape{batch, 9, 7, 5} : Shape{batch, kSide, kSide, 64}));
    append(cases, loss_cases(batch, kOutputs));
    append(cases, cell_cases(batch, small ? kSmallSide : kSide, kOutputs));
    append(cases, update_cases(small ? 10'007 : vgg16.parameters().count()));
    append(cases, scene_cases(batch, small ? kSmallSide : kSide));
    return cases;
}

}  // namespace

std::vector<KernelCase> select_cases(const CaseSelection& selection) {
    Cases cases = cases_of(selection), selected;
    const std::string prefix = selection.op == "all" ? "" : selection.op;
    std::string known;
    for (KernelCase& op : cases) {
        if (known.find(" " + op.op) == std::string::npos) known += " " + op.op;
        if (op.op.starts_with(prefix)) selected.push_back(std::move(op));
    }
    if (selected.empty()) {
        throw Error("--op " + selection.op,
                    selection.shape.empty() ? "there is no such op" : "is no convolution, but --shape is one",
                    "Known here:" + known + ".");
    }
    return selected;
}

}  // namespace objloc::bench
