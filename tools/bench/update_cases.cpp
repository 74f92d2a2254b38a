// Updates of the flat parameter buffer.
#include "objloc/kernels/reference/adam.h"
#include "objloc/kernels/reference/sgd.h"
#include "objloc/kernels/reference/sum_squares.h"
#include "tools/bench/kernel_cases.h"

namespace objloc::bench {
namespace {

constexpr int64_t kRoundings = 64;  // a square root, divisions and differences

KernelCase update(const std::string& op_name, int64_t parameters, int moments) {
    KernelCase op;
    op.op = op_name;
    op.shape = std::to_string(parameters);
    const Shape shape = {parameters};
    op.inputs = {{.name = "control", .shape = {StepControl::kCount}, .fill = these({1e-3, 1e-3, 0})},
                 {.name = "squared_norm", .shape = {1}, .fill = these({4})},
                 {.name = "gradient", .shape = shape}};
    for (int i = 0; i < moments; ++i) {
        op.inputs.push_back({.name = "moment before", .shape = shape, .fill = uniform(0.25, 1)});
    }
    op.inputs.push_back({.name = "value before", .shape = shape});
    for (int i = 0; i <= moments; ++i) op.outputs.push_back({shape, DType::f32, 3 + i});
    op.terms = kRoundings;
    return op;
}

}  // namespace

std::vector<KernelCase> update_cases(int64_t parameters) {
    const std::vector<OptimizerSegment> all = {{0, parameters, 1, 0}};

    KernelCase norm;
    norm.op = "sum_squares";
    norm.shape = std::to_string(parameters);
    norm.inputs = {{.name = "x", .shape = {parameters}}};
    norm.outputs = {{{1}}};
    norm.run = [](Backend& b, const auto& in, const auto& out) { b.sum_squares(in[0], out[0]); };
    norm.reference = [](const Arrays& in, Arrays& out) { out[0][0] = reference::sum_squares(in[0]); };
    norm.terms = parameters;

    KernelCase adam = update("adam_update", parameters, 2);
    adam.run = [all](Backend& b, const auto& in, const auto& out) {
        b.adam_update(AdamSettings{}, all, in[0], in[1], in[2], out[0], out[1], out[2], {});
    };
    adam.reference = [all](const Arrays& in, Arrays& out) {
        reference::adam_update(AdamSettings{}, all, in[0], in[1][0], in[2], out[0], out[1], out[2]);
    };

    KernelCase sgd = update("sgd_update", parameters, 1);
    sgd.run = [all](Backend& b, const auto& in, const auto& out) {
        b.sgd_update(SgdSettings{}, all, in[0], in[1], in[2], out[0], out[1], {});
    };
    sgd.reference = [all](const Arrays& in, Arrays& out) {
        reference::sgd_update(SgdSettings{}, all, in[0], in[1][0], in[2], out[0], out[1]);
    };
    return {norm, adam, sgd};
}

}  // namespace objloc::bench
