// Ops that treat each element alone.
#include "objloc/kernels/functions/elementwise.h"
#include "tools/bench/kernel_cases.h"
#include "tools/bench/sizes.h"

namespace objloc::bench {
namespace {

constexpr int64_t kTranscendental = 64;  // exp, division: as many roundings as a sum of so many terms has
constexpr float kFill = 0.75f;

using Run = std::function<void(Backend&, const std::vector<Tensor>& in, const std::vector<Tensor>& out)>;
/// One element of the output, from that element of each input.
using Element = std::function<double(const Arrays& in, int64_t i)>;

KernelCase elementwise(const std::string& op_name, const Shape& shape, size_t inputs, const Run& run,
                       const Element& element) {
    KernelCase op;
    op.op = op_name;
    op.shape = sizes_text(shape);
    for (size_t i = 0; i < inputs; ++i) {
        op.inputs.push_back({.name = i == 0 ? "a" : "b", .shape = shape});
    }
    op.outputs = {{shape}};
    op.terms = kTranscendental;
    op.run = run;
    op.reference_at = [element](const Arrays& in, size_t, int64_t i) { return element(in, i); };
    return op;
}

}  // namespace

std::vector<KernelCase> elementwise_cases(const Shape& shape) {
    std::vector<KernelCase> cases;
    const auto add = [&](const char* op, size_t inputs, const Run& run, const Element& element) {
        cases.push_back(elementwise(op, shape, inputs, run, element));
    };
    add(
        "fill", 0, [](Backend& b, const auto&, const auto& out) { b.fill(out[0], kFill); },
        [](const Arrays&, int64_t) { return double{kFill}; });
    add(
        "copy", 1, [](Backend& b, const auto& in, const auto& out) { b.copy(in[0], out[0]); },
        [](const Arrays& in, int64_t i) { return in[0][i]; });
    add(
        "relu_forward", 1, [](Backend& b, const auto& in, const auto& out) { b.relu_forward(in[0], out[0]); },
        [](const Arrays& in, int64_t i) { return functions::relu{}.value(in[0][i]); });
    add(
        "relu_backward", 2,
        [](Backend& b, const auto& in, const auto& out) { b.relu_backward(in[0], in[1], out[0]); },
        [](const Arrays& in, int64_t i) { return functions::relu{}.gradient(in[0][i], in[1][i]); });
    add(
        "sigmoid_forward", 1,
        [](Backend& b, const auto& in, const auto& out) { b.sigmoid_forward(in[0], out[0]); },
        [](const Arrays& in, int64_t i) { return functions::sigmoid{}.value(in[0][i]); });
    add(
        "sigmoid_backward", 2,
        [](Backend& b, const auto& in, const auto& out) { b.sigmoid_backward(in[0], in[1], out[0]); },
        [](const Arrays& in, int64_t i) { return functions::sigmoid{}.gradient(in[0][i], in[1][i]); });
    add(
        "add", 2, [](Backend& b, const auto& in, const auto& out) { b.add(in[0], in[1], out[0]); },
        [](const Arrays& in, int64_t i) { return functions::add{}.value(in[0][i], in[1][i]); });
    add(
        "mul", 2, [](Backend& b, const auto& in, const auto& out) { b.mul(in[0], in[1], out[0]); },
        [](const Arrays& in, int64_t i) { return functions::mul{}.value(in[0][i], in[1][i]); });
    return cases;
}

}  // namespace objloc::bench
