// Boxes from the votes of cells; CellBoxesProblem has the formula. cells (N, rows, columns, 1 + outputs),
// attention (N, rows, columns), boxes (N, outputs). An image's grid is a few dozen cells: images are shared
// among threads.
#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/parallel.h"

namespace objloc {
namespace {

constexpr int64_t kImageGrain = 8;

/// What cell `c` says of the centre (o = 0, 1) or the extents (o = 2, 3) in fractions of the image, and how
/// that moves with its number.
struct Vote {
    double value, slope;
};

Vote vote(const CellBoxesProblem& problem, const float* cells, int64_t c, int64_t o) {
    const double said = double{cells[c * (1 + problem.outputs) + 1 + o]};
    if (o >= 2) {
        const double part = 1 / (1 + std::exp(-said));
        return {part, part * (1 - part)};
    }
    const double place =
        o == 0 ? (static_cast<double>(c % problem.columns) + 0.5) / static_cast<double>(problem.columns)
               : (static_cast<double>(c / problem.columns) + 0.5) / static_cast<double>(problem.rows);
    const double away = std::tanh(said);
    return {place + away / 2, (1 - away * away) / 2};
}

void attend(const CellBoxesProblem& problem, const float* cells, float* attention) {
    const int64_t features = 1 + problem.outputs;
    float largest = cells[0];
    for (int64_t c = 1; c < problem.cells(); ++c) largest = std::max(largest, cells[c * features]);
    double sum = 0;
    for (int64_t c = 0; c < problem.cells(); ++c) {
        attention[c] = std::exp(cells[c * features] - largest);
        sum += double{attention[c]};
    }
    for (int64_t c = 0; c < problem.cells(); ++c)
        attention[c] = static_cast<float>(double{attention[c]} / sum);
}

}  // namespace

void CpuBackend::cell_boxes_forward(const CellBoxesProblem& problem, const Tensor& cells,
                                    const Tensor& attention, const Tensor& boxes) {
    const int64_t features = 1 + problem.outputs;
    cpu::parallel_for(threads_, problem.N, kImageGrain, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            const float* cell = cells.data<float>() + n * problem.cells() * features;
            float* weight = attention.data<float>() + n * problem.cells();
            attend(problem, cell, weight);
            std::array<double, 4> sum{};  // centre, extents
            for (int64_t c = 0; c < problem.cells(); ++c) {
                for (int64_t o = 0; o < problem.outputs; ++o) {
                    sum[static_cast<size_t>(o)] += double{weight[c]} * vote(problem, cell, c, o).value;
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

void CpuBackend::cell_boxes_backward(const CellBoxesProblem& problem, const Tensor& cells,
                                     const Tensor& attention, const Tensor& dboxes, const Tensor& dcells) {
    const int64_t features = 1 + problem.outputs;
    cpu::parallel_for(threads_, problem.N, kImageGrain, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            const float* cell = cells.data<float>() + n * problem.cells() * features;
            const float* weight = attention.data<float>() + n * problem.cells();
            const float* dbox = dboxes.data<float>() + n * problem.outputs;
            float* to = dcells.data<float>() + n * problem.cells() * features;
            // By the centre and the extents: the corner is centre - extent / 2.
            std::array<double, 4> dvote = {dbox[0], dbox[1], dbox[2], problem.outputs == 4 ? dbox[3] : 0.f};
            dvote[2] -= double{dbox[0]} / 2;
            dvote[static_cast<size_t>(problem.outputs) - 1] -= double{dbox[1]} / 2;
            // The softmax passes each cell's gain over the average gain.
            double average = 0;
            const auto gain = [&](int64_t c) {
                double sum = 0;
                for (int64_t o = 0; o < problem.outputs; ++o) {
                    sum += dvote[static_cast<size_t>(o)] * vote(problem, cell, c, o).value;
                }
                return sum;
            };
            for (int64_t c = 0; c < problem.cells(); ++c) average += double{weight[c]} * gain(c);
            for (int64_t c = 0; c < problem.cells(); ++c) {
                to[c * features] = static_cast<float>(double{weight[c]} * (gain(c) - average));
                for (int64_t o = 0; o < problem.outputs; ++o) {
                    const double slope = double{weight[c]} * vote(problem, cell, c, o).slope;
                    to[c * features + 1 + o] = static_cast<float>(slope * dvote[static_cast<size_t>(o)]);
                }
            }
        }
    });
}

}  // namespace objloc
