// adam_update and sgd_update against their references.
#include <doctest/doctest.h>

#include <cmath>

#include "objloc/engine/bf16.h"
#include "objloc/kernels/reference/adam.h"
#include "objloc/kernels/reference/sgd.h"
#include "tests/op_case.h"
#include "tests/test_backends.h"

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

// Rates are large, so that an update is a good part of the value and an error in it shows; values and moments
// are larger still, so that they never cancel down to their rounding errors.
std::vector<Input> state(const Situation& situation) {
    const Fill control = these({0.5, 0.375, situation.clip}), norm = these({situation.squared_norm});
    const Shape shape = {situation.count};
    return {{.name = "control", .shape = {StepControl::kCount}, .fill = control, .whole = control},
            {.name = "squared_norm", .shape = {1}, .fill = norm, .whole = norm},
            {.name = "gradient", .shape = shape}};
}

/// Lets the update write a bf16_copy too, as its last output. What it holds before is not the values' rounding,
/// so where those do not change the bf16_copy must not either.
void add_bf16_copy(OpCase& op, const Shape& shape) {
    op.name += ", bf16_copy";
    op.outputs.push_back({"bf16_copy", shape, DType::bf16, static_cast<int>(op.inputs.size())});
    op.inputs.push_back({.name = "bf16_copy before", .shape = shape, .type = DType::bf16});
}

/// The bf16_copy of updated values, by definition.
void round_changed(const Situation& situation, const Array& value, Array& bf16_copy) {
    if (!std::isfinite(situation.squared_norm)) return;
    for (const OptimizerSegment& segment : situation.segments) {
        for (int64_t i = segment.begin; i < segment.end; ++i) bf16_copy[i] = value[i];
    }
}

OpCase adam(const Situation& situation, const AdamSettings& settings, bool bf16_copy) {
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
    if (bf16_copy) add_bf16_copy(op, shape);
    op.run = [=](Backend& backend, const auto& in, const auto& out) {
        backend.adam_update(settings, situation.segments, in[0], in[1], in[2], out[0], out[1], out[2],
                            bf16_copy ? out[3] : Tensor());
    };
    op.reference = [=](const Arrays& in, Arrays& out) {
        reference::adam_update(settings, situation.segments, in[0], in[1][0], in[2], out[0], out[1], out[2]);
        if (bf16_copy) round_changed(situation, out[2], out[3]);
    };
    op.tolerance = rounded(16, "about ten roundings");
    op.exact = false;
    op.unaligned = true;
    op.tiny = situation.count <= 1000;
    return op;
}

OpCase sgd(const Situation& situation, const SgdSettings& settings, bool bf16_copy) {
    const Shape shape = {situation.count};
    OpCase op;
    op.name = "sgd_update " + situation.name + (settings.nesterov ? " nesterov" : "");
    op.inputs = state(situation);
    op.inputs.push_back({.name = "velocity before", .shape = shape, .fill = uniform(1, 2)});
    op.inputs.push_back({.name = "value before", .shape = shape, .fill = uniform(4, 5)});
    op.outputs = {{.name = "velocity", .shape = shape, .updates = 3},
                  {.name = "value", .shape = shape, .updates = 4}};
    if (bf16_copy) add_bf16_copy(op, shape);
    op.run = [=](Backend& backend, const auto& in, const auto& out) {
        backend.sgd_update(settings, situation.segments, in[0], in[1], in[2], out[0], out[1],
                           bf16_copy ? out[2] : Tensor());
    };
    op.reference = [=](const Arrays& in, Arrays& out) {
        reference::sgd_update(settings, situation.segments, in[0], in[1][0], in[2], out[0], out[1]);
        if (bf16_copy) round_changed(situation, out[1], out[2]);
    };
    op.tolerance = rounded(8, "about six roundings");
    op.exact = settings.momentum == 0.5f;  // every rate and factor of the situations is a power of two
    op.unaligned = true;
    op.tiny = situation.count <= 1000;
    return op;
}

}  // namespace

TEST_CASE("adam_update") {
    for (const Situation& situation : kSituations) {
        for (const bool bf16_copy : {false, true}) check(adam(situation, {}, bf16_copy));
        check(adam(situation, {.beta1 = 0.5f, .beta2 = 0.75f, .epsilon = 0.125f}, false));
    }
}

TEST_CASE("adam_update: a gradient of zero is no step, whatever epsilon must save it from") {
    OpCase op = adam(kSituations[0], {}, false);
    for (size_t input = 2; input <= 4; ++input) op.inputs[input].fill = these({0});
    check(op);
}

TEST_CASE("sgd_update") {
    for (const Situation& situation : kSituations) {
        for (const bool nesterov : {false, true}) {
            check(sgd(situation, {.momentum = 0.9f, .nesterov = nesterov}, false));
            check(sgd(situation, {.momentum = 0.5f, .nesterov = nesterov}, true));
            check(sgd(situation, {.momentum = 0, .nesterov = nesterov}, false));
        }
    }
}

TEST_CASE("adam_update and sgd_update: a bf16_copy holds each changed value's own rounding, to the bit") {
    constexpr int64_t kCount = 203, kFirst = 2, kLast = 197;
    const std::vector<OptimizerSegment> segments = {{kFirst, kLast, 1, 0.25f}};
    Random random(1);
    Array drawn({kCount});
    uniform(0.5, 1)(random, drawn);
    const std::vector<std::byte> numbers = bytes_of(drawn, DType::f32);
    for (const OpBackend& on : op_backends()) {
        if (!on.only.empty()) continue;
        for (const bool adam : {true, false}) {
            CAPTURE(on.label);
            CAPTURE(adam);
            Backend& backend = *on.backend;
            const auto placed = [&](const std::vector<float>& values) {
                const Tensor tensor = backend.allocate({static_cast<int64_t>(values.size())});
                backend.upload(values.data(), tensor);
                return tensor;
            };
            const Tensor control = placed({0.01f, 0.02f, 0}), norm = placed({4});
            std::vector<Tensor> state;
            for (int i = 0; i < 4; ++i) {
                state.push_back(backend.allocate({kCount}));
                backend.upload(numbers.data(), state.back());
            }
            const Tensor &value = state[3], bf16_copy = backend.allocate({kCount}, DType::bf16);
            const std::vector<uint16_t> nothing(kCount, 0x1234);
            backend.upload(nothing.data(), bf16_copy);
            if (adam) {
                backend.adam_update({}, segments, control, norm, state[0], state[1], state[2], value,
                                    bf16_copy);
            } else {
                backend.sgd_update({}, segments, control, norm, state[0], state[1], value, bf16_copy);
            }
            std::vector<float> values(kCount);
            std::vector<uint16_t> rounded(kCount);
            backend.download(value, values.data());
            backend.download(bf16_copy, rounded.data());
            int64_t wrong = 0;
            for (int64_t i = 0; i < kCount; ++i) {
                const auto at = static_cast<size_t>(i);
                const bool changed = i >= kFirst && i < kLast;
                wrong += rounded[at] != (changed ? to_bf16(values[at]) : nothing[at]);
            }
            CHECK(wrong == 0);
        }
    }
}

}  // namespace objloc
