// adam_update and sgd_update.
#include <cmath>

#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/reference/adam.h"
#include "objloc/kernels/reference/sgd.h"

namespace objloc {
namespace {

constexpr double kNan = NAN, kInfinity = INFINITY;

/// One situation: how gradients are clipped, and which elements are updated at which rate.
struct Situation {
    std::string name;
    double clip, squared_norm;
    std::vector<OptimizerSegment> segments;
    int64_t count = 1000;
};

const std::vector<Situation> kSituations = {
    {"one segment", 0, 4, {{0, 1000, 1, 0}}},
    {"one element", 0, 4, {{0, 1, 1, 0}}, 1},
    {"rates and decays, gaps stay", 0, 4, {{0, 333, 1, 0}, {340, 341, 0.5f, 0.125f}, {500, 999, 0, 0.25f}}},
    {"boundaries inside four, and no order", 0, 4, {{7, 10, 0.5f, 0}, {1, 2, 1, 0}, {2, 7, 1, 0.25f}}, 11},
    {"decay", 0, 4, {{0, 1000, 1, 0.25f}}},
    {"clipped", 0.5, 4, {{0, 1000, 1, 0}}},
    {"below the clip norm", 3, 4, {{0, 1000, 1, 0}}},
    {"norm 0", 1, 0, {{0, 1000, 1, 0}}},
    {"norm infinite: nothing changes", 1, kInfinity, {{0, 1000, 1, 0.5f}}},
    {"norm NaN: nothing changes", 0, kNan, {{0, 1000, 1, 0.5f}}},
    {"many", 0, 4, {{0, 100'000, 1, 0}, {100'000, 200'003, 0.25f, 0}}, 200'003},
};

/// Two segments with gaps around them.
Situation random_situation(Random& random) {
    const int64_t first = draw(random, 0, 9), middle = first + draw(random, 1, 300);
    const int64_t second = middle + draw(random, 0, 9), end = second + draw(random, 1, 300);
    const int64_t count = end + draw(random, 0, 9);
    return {"drawn, " + std::to_string(first) + " " + std::to_string(middle) + " " + std::to_string(second) +
                " " + std::to_string(end) + " of " + std::to_string(count),
            0.5,
            4,
            {{first, middle, 1, 0.25f}, {second, end, 0.5f, 0}},
            count};
}

// Rates are large, so that an update is a good part of the value and an error in it shows; values and moments
// are larger still, so that they never cancel down to their rounding errors.
OpCase update(const std::string& op, const Situation& situation, const std::vector<Input>& state) {
    const Fill control = these({0.5, 0.375, situation.clip}), norm = these({situation.squared_norm});
    OpCase made{
        .op = op,
        .shape = situation.name,
        .inputs = {{.name = "control", .shape = {StepControl::kCount}, .fill = control, .whole = control},
                   {.name = "squared_norm", .shape = {1}, .fill = norm, .whole = norm},
                   {.name = "gradient", .shape = {situation.count}}}};
    for (const Input& held : state) {
        made.outputs.push_back({.name = held.name,
                                .shape = {situation.count},
                                .type = held.type,
                                .updates = static_cast<int>(made.inputs.size())});
        made.inputs.push_back(held);
        made.inputs.back().shape = {situation.count};
    }
    made.unaligned = true;
    made.tiny = situation.count <= 1000;
    return made;
}

/// What a bf16_copy holds before is not the values' rounding, so where those do not change it must not either.
const Input kBf16Copy = {.name = "bf16_copy", .shape = {}, .type = DType::bf16};

/// The bf16_copy of updated values, by definition.
void round_changed(const Situation& situation, const Array& value, Array& bf16_copy) {
    if (!std::isfinite(situation.squared_norm)) return;
    for (const OptimizerSegment& segment : situation.segments) {
        for (int64_t i = segment.begin; i < segment.end; ++i) bf16_copy[i] = value[i];
    }
}

OpCase adam(const Situation& situation, const AdamSettings& settings, bool bf16_copy) {
    std::vector<Input> state = {{.name = "m", .shape = {}, .fill = uniform(0.5, 1)},
                                {.name = "v", .shape = {}, .fill = uniform(0.25, 1)},
                                {.name = "value", .shape = {}, .fill = uniform(4, 5)}};
    if (bf16_copy) state.push_back(kBf16Copy);
    OpCase op = update("adam_update", situation, state);
    op.run = [=](Backend& b, const auto& in, const auto& out) {
        b.adam_update(settings, situation.segments, in[0], in[1], in[2], out[0], out[1], out[2],
                      bf16_copy ? out[3] : Tensor());
    };
    op.reference = [=](const Arrays& in, Arrays& out) {
        reference::adam_update(settings, situation.segments, in[0], in[1][0], in[2], out[0], out[1], out[2]);
        if (bf16_copy) round_changed(situation, out[2], out[3]);
    };
    op.tolerance = rounded(16, "about ten roundings");
    op.exact = false;
    return op;
}

OpCase sgd(const Situation& situation, const SgdSettings& settings, bool bf16_copy) {
    std::vector<Input> state = {{.name = "velocity", .shape = {}, .fill = uniform(1, 2)},
                                {.name = "value", .shape = {}, .fill = uniform(4, 5)}};
    if (bf16_copy) state.push_back(kBf16Copy);
    OpCase op = update("sgd_update", situation, state);
    op.shape += settings.nesterov ? " nesterov" : "";
    op.run = [=](Backend& b, const auto& in, const auto& out) {
        b.sgd_update(settings, situation.segments, in[0], in[1], in[2], out[0], out[1],
                     bf16_copy ? out[2] : Tensor());
    };
    op.reference = [=](const Arrays& in, Arrays& out) {
        reference::sgd_update(settings, situation.segments, in[0], in[1][0], in[2], out[0], out[1]);
        if (bf16_copy) round_changed(situation, out[1], out[2]);
    };
    op.tolerance = rounded(8, "about six roundings");
    op.exact = settings.momentum == 0.5f;  // every rate and factor of the situations is a power of two
    return op;
}

/// A gradient of zero is no step, whatever epsilon must save it from.
OpCase no_gradient() {
    OpCase op = adam(kSituations[0], {}, false);
    for (size_t input = 2; input <= 4; ++input) op.inputs[input].fill = these({0});
    return op;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<Situation> situations = kSituations;
    for (int i = 0; i < kRandomShapes; ++i) situations.push_back(random_situation(shapes));
    std::vector<OpCase> cases = {no_gradient()};
    for (const Situation& situation : situations) {
        for (const bool bf16_copy : {false, true}) cases.push_back(adam(situation, {}, bf16_copy));
        cases.push_back(adam(situation, {.beta1 = 0.5f, .beta2 = 0.75f, .epsilon = 0.125f}, false));
        for (const bool nesterov : {false, true}) {
            cases.push_back(sgd(situation, {.momentum = 0.9f, .nesterov = nesterov}, false));
            cases.push_back(sgd(situation, {.momentum = 0.5f, .nesterov = nesterov}, true));
            cases.push_back(sgd(situation, {.momentum = 0, .nesterov = nesterov}, false));
        }
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const Situation all = {
        std::to_string(sizes.parameters), 0, 4, {{0, sizes.parameters, 1, 0}}, sizes.parameters};
    return {adam(all, {}, false), sgd(all, {}, false)};
}

}  // namespace

const OpCases op_cases::optimizers = {tests, bench};

}  // namespace objloc
