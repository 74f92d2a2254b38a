// adam_update and sgd_update against their references.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/op_case.h"
#include "tests/reference/adam.h"
#include "tests/reference/sgd.h"

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
    {"decay", 0, 4, {{0, 1000, 1, 0.25f}}},
    {"clipped", 0.5, 4, {{0, 1000, 1, 0}}},
    {"below the clip norm", 3, 4, {{0, 1000, 1, 0}}},
    {"norm 0", 1, 0, {{0, 1000, 1, 0}}},
    {"norm infinite: nothing changes", 1, kInfinity, {{0, 1000, 1, 0.5f}}},
    {"norm NaN: nothing changes", 0, kNan, {{0, 1000, 1, 0.5f}}},
    {"many", 0, 4, {{0, 100'000, 1, 0}, {100'000, 200'003, 0.25f, 0}}, 200'003},
};

// Rates are large, so that an update is a good part of the value and an error in it shows; values and moments
// are larger still, so that they never cancel down to their rounding errors.
std::vector<Input> state(const Situation& situation) {
    const Fill control = these({0.5, 0.375, situation.clip}), norm = these({situation.squared_norm});
    const Shape shape = {situation.count};
    return {{.name = "control", .shape = {StepControl::kCount}, .fill = control, .whole = control},
            {.name = "squared_norm", .shape = {1}, .fill = norm, .whole = norm},
            {.name = "gradient", .shape = shape}};
}

OpCase adam(const Situation& situation, const AdamSettings& settings) {
    const Shape shape = {situation.count};
    OpCase op;
    op.name = "adam_update " + situation.name;
    op.inputs = state(situation);
    op.inputs.push_back({.name = "m before", .shape = shape, .fill = uniform(0.5, 1)});
    op.inputs.push_back({.name = "v before", .shape = shape, .fill = uniform(0.25, 1)});
    op.inputs.push_back({.name = "value before", .shape = shape, .fill = uniform(4, 5)});
    op.outputs = {{.name = "m", .shape = shape, .updates = 3},
                  {.name = "v", .shape = shape, .updates = 4},
                  {.name = "value", .shape = shape, .updates = 5}};
    op.run = [=](Backend& backend, const auto& in, const auto& out) {
        backend.adam_update(settings, situation.segments, in[0], in[1], in[2], out[0], out[1], out[2]);
    };
    op.reference = [=](const Arrays& in, Arrays& out) {
        reference::adam_update(settings, situation.segments, in[0], in[1][0], in[2], out[0], out[1], out[2]);
    };
    op.tolerance = rounded(16, "about ten roundings");
    op.exact = false;
    op.tiny = situation.count <= 1000;
    return op;
}

OpCase sgd(const Situation& situation, const SgdSettings& settings) {
    const Shape shape = {situation.count};
    OpCase op;
    op.name = "sgd_update " + situation.name + (settings.nesterov ? " nesterov" : "");
    op.inputs = state(situation);
    op.inputs.push_back({.name = "velocity before", .shape = shape, .fill = uniform(1, 2)});
    op.inputs.push_back({.name = "value before", .shape = shape, .fill = uniform(4, 5)});
    op.outputs = {{.name = "velocity", .shape = shape, .updates = 3},
                  {.name = "value", .shape = shape, .updates = 4}};
    op.run = [=](Backend& backend, const auto& in, const auto& out) {
        backend.sgd_update(settings, situation.segments, in[0], in[1], in[2], out[0], out[1]);
    };
    op.reference = [=](const Arrays& in, Arrays& out) {
        reference::sgd_update(settings, situation.segments, in[0], in[1][0], in[2], out[0], out[1]);
    };
    op.tolerance = rounded(8, "about six roundings");
    op.exact = settings.momentum == 0.5f;  // every rate and factor of the situations is a power of two
    op.tiny = situation.count <= 1000;
    return op;
}

}  // namespace

TEST_CASE("adam_update") {
    for (const Situation& situation : kSituations) {
        check(adam(situation, {}));
        check(adam(situation, {.beta1 = 0.5f, .beta2 = 0.75f, .epsilon = 0.125f}));
    }
}

TEST_CASE("adam_update: a gradient of zero is no step, whatever epsilon must save it from") {
    OpCase op = adam(kSituations[0], {});
    for (size_t input = 2; input <= 4; ++input) op.inputs[input].fill = these({0});
    check(op);
}

TEST_CASE("sgd_update") {
    for (const Situation& situation : kSituations) {
        for (const bool nesterov : {false, true}) {
            check(sgd(situation, {.momentum = 0.9f, .nesterov = nesterov}));
            check(sgd(situation, {.momentum = 0.5f, .nesterov = nesterov}));
            check(sgd(situation, {.momentum = 0, .nesterov = nesterov}));
        }
    }
}

}  // namespace objloc
