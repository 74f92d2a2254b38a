#include "objloc/kernels/cases/op_cases.h"

#include <algorithm>
#include <iterator>

namespace objloc {
namespace {

void append(std::vector<OpCase>& to, std::vector<OpCase> more) {
    std::move(more.begin(), more.end(), std::back_inserter(to));
}

}  // namespace

std::vector<std::string> op_names() {
    return {
#define OBJLOC_OP(name, parameters, arguments) #name,
#include "objloc/engine/backend_ops.inc"
#define OBJLOC_OP(name, parameters, arguments) #name,
#include "objloc/kernels/localizer/localizer_ops.inc"
    };
}

std::vector<OpCase> test_cases(const OpCases& of, uint64_t shape_seed) {
    static const BenchSizes small = small_sizes(2);
    std::vector<OpCase> cases;
    Random shapes(shape_seed);
    if (of.tests != nullptr) append(cases, of.tests(shapes));
    append(cases, of.bench(small));
    return cases;
}

std::vector<OpCase> bench_cases(const BenchSizes& sizes) {
    std::vector<OpCase> cases;
#define OBJLOC_OP_CASES(name) append(cases, op_cases::name.bench(sizes));
#include "op_cases.inc"
    const std::vector<std::string> names = op_names();
    const auto place = [&](const OpCase& op) {
        return std::find(names.begin(), names.end(), op.op) - names.begin();
    };
    std::stable_sort(cases.begin(), cases.end(),
                     [&](const OpCase& a, const OpCase& b) { return place(a) < place(b); });
    return cases;
}

std::vector<OpCase> conv2d_cases(const std::vector<ConvLayer>& layers) {
    BenchSizes sizes;
    sizes.convolutions = layers;
    std::vector<OpCase> cases;
    for (const OpCases* of : {&op_cases::conv2d_forward, &op_cases::conv2d_backward_data,
                              &op_cases::conv2d_backward_weights, &op_cases::conv2d_backward_bias}) {
        append(cases, of->bench(sizes));
    }
    return cases;
}

}  // namespace objloc
