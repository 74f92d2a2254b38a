#include "objloc/kernels/cases/op_case.h"

#include <algorithm>
#include <cmath>

namespace objloc {
namespace {

constexpr double kUnit = 0x1p-24;  // f32's rounding error
constexpr int kSamples = 1000;

/// All, or every corner and a random few, many of them on edges.
std::vector<int64_t> elements_to_check(const OpCase& op, const Shape& shape) {
    std::vector<int64_t> elements;
    if (!op.sampled || shape.count() <= kSamples) {
        for (int64_t i = 0; i < shape.count(); ++i) elements.push_back(i);
        return elements;
    }
    Random random(op.seed);
    const int corners = 1 << shape.rank();
    for (int sample = 0; sample < corners + kSamples; ++sample) {
        int64_t element = 0;
        for (int axis = 0; axis < shape.rank(); ++axis) {
            const int64_t last = shape[axis] - 1;
            int64_t coordinate = (sample >> axis & 1) * last;
            if (sample >= corners && draw(random, 0, 2) != 0) coordinate = draw(random, 0, last);
            element = element * shape[axis] + coordinate;
        }
        elements.push_back(element);
    }
    return elements;
}

}  // namespace

Tolerance rounded(int roundings, const std::string& reason) {
    const double unit = roundings * kUnit;
    return {unit, 2 * unit, unit * unit, reason};
}

Tolerance summed(int64_t terms) {
    const double unit = kUnit * (2 + std::sqrt(static_cast<double>(terms)));
    return {4 * unit, 8 * unit, unit * unit, "rounding errors of a sum walk at random: sqrt(terms) of one"};
}

std::optional<ConvPass> OpCase::pass() const {
    if (op == "conv2d_forward") return ConvPass::forward;
    if (op == "conv2d_backward_data") return ConvPass::backward_data;
    if (op == "conv2d_backward_weights") return ConvPass::backward_weights;
    return std::nullopt;
}

double OpCase::bytes() const {
    const auto size = [](const auto& tensor) {
        return static_cast<double>(tensor.shape.count()) * static_cast<double>(size_of(tensor.type));
    };
    double sum = 0;
    for (size_t i = 0; i < std::min(inputs.size(), read_in_full); ++i) sum += size(inputs[i]);
    for (const Output& output : outputs) sum += size(output);
    return sum;
}

OpCase in_bf16(OpCase op) {
    for (Input& input : op.inputs) {
        if (input.type == DType::f32 && input.name != "bias") input.type = DType::bf16;
    }
    for (Output& output : op.outputs) {
        if (output.type == DType::f32 && output.name != "dw" && output.name != "db") {
            output.type = DType::bf16;
        }
    }
    return op;
}

Arrays draw_inputs(const OpCase& op, bool whole) {
    Random random(op.seed);
    Arrays arrays;
    for (const Input& input : op.inputs) {
        arrays.emplace_back(input.shape);
        (whole ? input.whole : input.fill)(random, arrays.back());
        round_to(input.type, arrays.back());
    }
    return arrays;
}

Expectation expect(const OpCase& op, const Arrays& in) {
    Expectation expected;
    for (const Output& output : op.outputs) {
        expected.elements.push_back(elements_to_check(op, output.shape));
        expected.values.emplace_back(output.shape);
        if (output.updates >= 0) expected.values.back() = in[static_cast<size_t>(output.updates)];
    }
    if (op.reference) op.reference(in, expected.values);
    for (size_t o = 0; !op.reference && o < op.outputs.size(); ++o) {
        for (const int64_t i : expected.elements[o]) expected.values[o][i] = op.reference_at(in, o, i);
    }
    return expected;
}

}  // namespace objloc
