// Boxes from the votes of cells; kernels/localizer/cell_boxes.h has the formula. votes (N, cells, 1 + outputs), attention
// (N, cells), boxes (N, outputs). An image has a thousand cells or so: images are shared among threads.
#include <algorithm>
#include <array>
#include <cmath>

#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/localizer/cell_boxes.h"

namespace objloc {
namespace {

constexpr int64_t kImageGrain = 2;

void attend(const CellBoxesProblem& problem, const float* votes, float* attention) {
    const int64_t features = 1 + problem.outputs;
    float largest = votes[0];
    for (int64_t c = 1; c < problem.cells(); ++c) largest = std::max(largest, votes[c * features]);
    double sum = 0;
    for (int64_t c = 0; c < problem.cells(); ++c) {
        attention[c] = std::exp(votes[c * features] - largest);
        sum += double{attention[c]};
    }
    for (int64_t c = 0; c < problem.cells(); ++c)
        attention[c] = static_cast<float>(double{attention[c]} / sum);
}

}  // namespace

void CpuBackend::cell_boxes_forward(const CellBoxesProblem& problem, const Tensor& votes,
                                    const Tensor& attention, const Tensor& boxes) {
    const int64_t features = 1 + problem.outputs;
    cpu::parallel_for(threads_, problem.N, kImageGrain, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            const float* vote = votes.data<float>() + n * problem.cells() * features;
            float* weight = attention.data<float>() + n * problem.cells();
            attend(problem, vote, weight);
            std::array<double, 4> sum{};  // centre, extents
            for (int64_t c = 0; c < problem.cells(); ++c) {
                for (int64_t o = 0; o < problem.outputs; ++o) {
                    sum[static_cast<size_t>(o)] +=
                        double{weight[c]} * double{cell_vote(problem, vote, c, o).value};
                }
            }
            float* box = boxes.data<float>() + n * problem.outputs;
            for (int64_t o = 2; o < problem.outputs; ++o)
                box[o] = static_cast<float>(sum[static_cast<size_t>(o)]);
            box[0] = static_cast<float>(sum[0] - sum[2] / 2);
            box[1] = static_cast<float>(sum[1] - sum[static_cast<size_t>(problem.outputs) - 1] / 2);
        }
    });
}

void CpuBackend::cell_boxes_backward(const CellBoxesProblem& problem, const Tensor& votes,
                                     const Tensor& attention, const Tensor& dboxes, const Tensor& dvotes) {
    const int64_t features = 1 + problem.outputs;
    cpu::parallel_for(threads_, problem.N, kImageGrain, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            const float* vote = votes.data<float>() + n * problem.cells() * features;
            const float* weight = attention.data<float>() + n * problem.cells();
            const float* dbox = dboxes.data<float>() + n * problem.outputs;
            float* to = dvotes.data<float>() + n * problem.cells() * features;
            // By the centre and the extents: the corner is centre - extent / 2.
            std::array<double, 4> dvote = {dbox[0], dbox[1], dbox[2], problem.outputs == 4 ? dbox[3] : 0.f};
            dvote[2] -= double{dbox[0]} / 2;
            dvote[static_cast<size_t>(problem.outputs) - 1] -= double{dbox[1]} / 2;
            // The softmax passes each cell's gain over the average gain.
            double average = 0;
            const auto gain = [&](int64_t c) {
                double sum = 0;
                for (int64_t o = 0; o < problem.outputs; ++o) {
                    sum += dvote[static_cast<size_t>(o)] * double{cell_vote(problem, vote, c, o).value};
                }
                return sum;
            };
            for (int64_t c = 0; c < problem.cells(); ++c) average += double{weight[c]} * gain(c);
            for (int64_t c = 0; c < problem.cells(); ++c) {
                to[c * features] = static_cast<float>(double{weight[c]} * (gain(c) - average));
                for (int64_t o = 0; o < problem.outputs; ++o) {
                    const double slope = double{weight[c]} * double{cell_vote(problem, vote, c, o).slope};
                    to[c * features + 1 + o] = static_cast<float>(slope * dvote[static_cast<size_t>(o)]);
                }
            }
        }
    });
}

}  // namespace objloc
