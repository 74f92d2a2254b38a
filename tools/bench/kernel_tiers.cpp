#include "tools/bench/kernel_tiers.h"

#include <algorithm>

#include "objloc/engine/error.h"
#include "objloc/kernels/cases/conv2d_shapes.h"

namespace objloc::bench {
namespace {

std::vector<ConvLayer> given_layer(const std::vector<int64_t>& s) {
    const bool positive = std::all_of(s.begin(), s.end(), [](int64_t extent) { return extent > 0; });
    if ((s.size() != 5 && s.size() != 7) || !positive) {
        throw Error("--shape", "is not five or seven whole numbers above 0",
                    "Give N,H,W,C,K or N,H,W,C,K,R,S, such as --shape 4,64,64,64,128.");
    }
    const bool kernel = s.size() == 7;
    return without_and_with_pool(
        {"", same_convolution({s[0], s[1], s[2], s[3]}, s[4], {kernel ? s[5] : 3, kernel ? s[6] : 3})});
}

std::vector<OpCase> cases_of(const CaseSelection& selection) {
    if (!selection.shape.empty()) return conv2d_cases(given_layer(selection.shape));
    return bench_cases(selection.tier == "small" ? small_sizes(selection.batch)
                                                 : vgg16_sizes(selection.batch));
}

}  // namespace

std::vector<OpCase> select_cases(const CaseSelection& selection) {
    std::vector<OpCase> cases = cases_of(selection), selected;
    const std::string prefix = selection.op == "all" ? "" : selection.op;
    std::string known;
    for (OpCase& op : cases) {
        if (known.find(" " + op.op) == std::string::npos) known += " " + op.op;
        if (!op.op.starts_with(prefix)) continue;
        op.sampled = op.reference_at != nullptr;
        selected.push_back(std::move(op));
    }
    if (selected.empty()) {
        throw Error("--op " + selection.op,
                    selection.shape.empty() ? "there is no such op" : "is no convolution, but --shape is one",
                    "Known here:" + known + ".");
    }
    return selected;
}

}  // namespace objloc::bench
