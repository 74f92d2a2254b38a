#include "tools/bench/kernel_case.h"

#include <algorithm>
#include <cmath>

namespace objloc::bench {
namespace {

constexpr double kUnit = 0x1p-24;  // f32's rounding error
constexpr int kSamples = 1000;
constexpr double kLargest = 4;  // of many errors the largest is about so many times the usual one
constexpr double kOtherChoices = 0.01;

std::vector<int64_t> elements_to_check(const KernelCase& op, const Shape& shape, Random& random) {
    std::vector<int64_t> elements;
    if (op.reference) {
        for (int64_t i = 0; i < shape.count(); ++i) elements.push_back(i);
        return elements;
    }
    const int corners = 1 << shape.rank();
    for (int sample = 0; sample < corners + kSamples; ++sample) {
        int64_t element = 0;
        for (int axis = 0; axis < shape.rank(); ++axis) {
            const int64_t last = shape[axis] - 1;
            const int64_t corner = (sample >> axis & 1) * last;
            element = element * shape[axis] + (sample < corners ? corner : draw(random, 0, last));
        }
        elements.push_back(element);
    }
    return elements;
}

/// Error of a sum of f32 numbers, or the share of whole numbers that differ, beside what is allowed.
bool judge(const KernelCase& op, DType type, const Array& got, const Array& want,
           const std::vector<int64_t>& elements, double error_scale, double rounding, double& error) {
    // Of large outputs only some elements are compared, but what nobody wrote, which is poisoned, shows in
    // all.
    const auto is_nan = [](double value) { return std::isnan(value); };
    const bool expects_nan =
        std::any_of(elements.begin(), elements.end(), [&](int64_t i) { return is_nan(want[i]); });
    if (!expects_nan && std::any_of(got.values.begin(), got.values.end(), is_nan)) return false;
    double largest = 0, squares = 0, worst = 0, error_squares = 0, different = 0;
    for (const int64_t i : elements) {
        const double off = std::isnan(got[i]) ? INFINITY : std::abs(got[i] - want[i]);
        largest = std::max(largest, std::abs(want[i]));
        squares += want[i] * want[i];
        worst = std::max(worst, off);
        error_squares += off * off;
        different += off > 0;
    }
    if (type != DType::f32 && type != DType::bf16) {
        // Who rounds the values first finds more of them equal.
        return different <= (kOtherChoices + kLargest * rounding) * static_cast<double>(elements.size());
    }
    if (error_squares == 0) return true;
    const double relative = std::sqrt(error_squares / squares);
    error = std::max(error, relative);
    const double allowed = error_scale * kUnit * (2 + std::sqrt(static_cast<double>(op.terms))) + rounding;
    return relative <= allowed && worst <= kLargest * allowed * largest;
}

}  // namespace

std::optional<ConvPass> KernelCase::pass() const {
    if (op == "conv2d_forward") return ConvPass::forward;
    if (op == "conv2d_backward_data") return ConvPass::backward_data;
    if (op == "conv2d_backward_weights") return ConvPass::backward_weights;
    return std::nullopt;
}

double KernelCase::bytes() const {
    const auto size = [](const Shape& of, DType type) {
        return static_cast<double>(of.count()) * static_cast<double>(size_of(type));
    };
    double sum = 0;
    for (size_t i = 0; i < std::min(inputs.size(), read_in_full); ++i) {
        sum += size(inputs[i].shape, inputs[i].type);
    }
    for (const KernelOutput& output : outputs) sum += size(output.shape, output.type);
    return sum;
}

KernelBuffers upload(const KernelCase& op, Backend& backend, const Arrays& in) {
    KernelBuffers buffers;
    for (size_t i = 0; i < in.size(); ++i) {
        buffers.in.push_back(backend.allocate(op.inputs[i].shape, op.inputs[i].type));
        backend.upload(bytes_of(in[i], op.inputs[i].type).data(), buffers.in.back());
    }
    for (const KernelOutput& output : op.outputs) {
        buffers.out.push_back(backend.allocate(output.shape, output.type));
        if (output.updates >= 0) {
            backend.copy(buffers.in[static_cast<size_t>(output.updates)], buffers.out.back());
        } else {
            backend.upload(poison(output.shape, output.type).data(), buffers.out.back());
        }
    }
    return buffers;
}

KernelBuffers clone(Backend& backend, const KernelBuffers& buffers) {
    KernelBuffers copy = buffers;
    for (std::vector<Tensor>* list : {&copy.in, &copy.out}) {
        for (Tensor& tensor : *list) {
            const Tensor from = tensor;
            tensor = backend.allocate(from.shape(), from.type());
            backend.copy(from, tensor);
        }
    }
    return copy;
}

Arrays draw_inputs(const KernelCase& op) {
    Random random(1);
    Arrays arrays;
    for (const Input& input : op.inputs) {
        arrays.emplace_back(input.shape);
        input.fill(random, arrays.back());
        round_to(input.type, arrays.back());
    }
    return arrays;
}

Expectation expect(const KernelCase& op, const Arrays& in) {
    Random random(2);
    Expectation expected;
    for (const KernelOutput& output : op.outputs) {
        expected.elements.push_back(elements_to_check(op, output.shape, random));
        expected.values.emplace_back(output.shape);
        if (output.updates >= 0) expected.values.back() = in[static_cast<size_t>(output.updates)];
    }
    if (op.reference) op.reference(in, expected.values);
    for (size_t o = 0; !op.reference && o < op.outputs.size(); ++o) {
        for (const int64_t i : expected.elements[o]) expected.values[o][i] = op.reference_at(in, o, i);
    }
    return expected;
}

KernelCase in_bf16(KernelCase op) {
    for (Input& input : op.inputs) {
        if (input.type == DType::f32 && input.name != "bias") input.type = DType::bf16;
    }
    const bool of_parameters = op.op == "conv2d_backward_weights" || op.op == "conv2d_backward_bias";
    for (KernelOutput& output : op.outputs) {
        if (output.type == DType::f32 && !of_parameters) output.type = DType::bf16;
    }
    return op;
}

Correctness check(const KernelCase& op, Backend& backend, const Arrays& in, const Expectation& expected,
                  double error_scale, double rounding) {
    const KernelBuffers buffers = upload(op, backend, in);
    op.run(backend, buffers.in, buffers.out);
    Correctness result;
    for (size_t o = 0; o < op.outputs.size(); ++o) {
        const KernelOutput& output = op.outputs[o];
        const Array got = array_of(download_bytes(backend, buffers.out[o]), output.shape, output.type);
        const bool good = judge(op, output.type, got, expected.values[o], expected.elements[o], error_scale,
                                rounding, result.error);
        result.passed = result.passed && good;
    }
    return result;
}

}  // namespace objloc::bench
