// box_metrics. tests/training/test_box_metrics.cpp has boxes whose metrics can be said by hand.
#include "objloc/kernels/reference/box_metrics.h"

#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc {
namespace {

OpCase box_metrics(const Shape& boxes) {
    return {.op = "box_metrics",
            .shape = sizes_text(boxes),
            .inputs = {{.name = "predicted", .shape = boxes, .fill = uniform(0.1, 0.6)},
                       {.name = "truth", .shape = boxes, .fill = uniform(0.1, 0.6)},
                       {.name = "loss", .shape = {1}},
                       {.name = "sums before", .shape = {BoxMetrics::kCount}, .fill = integers(3, 3)}},
            .outputs = {{.name = "sums", .shape = {BoxMetrics::kCount}, .updates = 3}},
            .run = [](Backend& b, const auto& in,
                      const auto& out) { localizer_kernels(b).box_metrics(in[0], in[1], in[2], out[0]); },
            .reference = [](const Arrays& in,
                            Arrays& out) { reference::box_metrics(in[0], in[1], in[2][0], out[0]); },
            .tolerance = summed(16 * boxes[0]),
            .exact = false,
            .tiny = true};
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<OpCase> cases;
    for (const int64_t outputs : {3, 4}) {
        for (const int64_t boxes :
             {int64_t{1}, int64_t{2}, int64_t{64}, int64_t{257}, draw(shapes, 1, 300)}) {
            cases.push_back(box_metrics({boxes, outputs}));
        }
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    return {box_metrics({sizes.batch, sizes.outputs})};
}

}  // namespace

const OpCases op_cases::box_metrics = {tests, bench};

}  // namespace objloc
