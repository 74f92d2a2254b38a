// copy, fill and advance. tests/ops/memory.cpp has what they do to other types and to slices.
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"

namespace objloc {
namespace {

OpCase copy(const Shape& shape) {
    return {.op = "copy",
            .shape = sizes_text(shape),
            .inputs = {{.name = "from", .shape = shape}},
            .outputs = {{.name = "to", .shape = shape}},
            .run = [](Backend& b, const auto& in, const auto& out) { b.copy(in[0], out[0]); },
            .reference_at = [](const Arrays& in, size_t, int64_t i) { return in[0][i]; },
            .tolerance = rounded(0, "nothing is rounded"),
            .unaligned = true,
            .tiny = true,
            .bf16 = true};
}

OpCase fill(const Shape& shape) {
    constexpr float kValue = 0.75f;
    return {.op = "fill",
            .shape = sizes_text(shape),
            .outputs = {{.name = "y", .shape = shape}},
            .run = [](Backend& b, const auto&, const auto& out) { b.fill(out[0], kValue); },
            .reference_at = [](const Arrays&, size_t, int64_t) { return double{kValue}; },
            .tolerance = rounded(0, "nothing is rounded"),
            .unaligned = true,
            .tiny = true};
}

OpCase advance(int64_t amount) {
    const Fill counts = integers(0, 1 << 30);
    return {.op = "advance",
            .shape = "by " + std::to_string(amount),
            .inputs = {{.name = "before", .shape = {1}, .fill = counts, .whole = counts, .type = DType::i64}},
            .outputs = {{.name = "counter", .shape = {1}, .type = DType::i64, .updates = 0}},
            .run = [amount](Backend& b, const auto&, const auto& out) { b.advance(out[0], amount); },
            .reference = [amount](const Arrays&, Arrays& out) { out[0][0] += static_cast<double>(amount); },
            .tolerance = rounded(0, "whole numbers"),
            .tiny = true};
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<OpCase> cases = {advance(1), advance(int64_t{1} << 40)};
    for (const int64_t count : {int64_t{1}, int64_t{7}, int64_t{4099}, draw(shapes, 1, 5000)}) {
        cases.push_back(copy({count}));
        cases.push_back(fill({count}));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    return {fill(sizes.activations), copy(sizes.activations), advance(sizes.batch)};
}

}  // namespace

const OpCases op_cases::memory = {tests, bench};

}  // namespace objloc
