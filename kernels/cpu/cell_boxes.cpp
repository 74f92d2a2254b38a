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

/// The centre of cell `c`, in fractions of the image.
std::array<double, 2> cell_centre(const CellBoxesProblem& problem, int64_t c) {
    return {(static_cast<double>(c % problem.columns) + 0.5) / static_cast<double>(problem.columns),
            (static_cast<double>(c / problem.columns) + 0.5) / static_cast<double>(problem.rows)};
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
            std::array<double, 4> vote{};  // centre, extents
            for (int64_t c = 0; c < problem.cells(); ++c) {
                const auto centre = cell_centre(problem, c);
                for (size_t o = 0; o < static_cast<size_t>(problem.outputs); ++o) {
                    const double from = o < 2 ? centre[o] : 0;
                    vote[o] +=
                        double{weight[c]} * (from + double{cell[c * features + 1 + static_cast<int64_t>(o)]});
                }
            }
            float* box = boxes.data<float>() + n * problem.outputs;
            for (int64_t o = 2; o < problem.outputs; ++o)
                box[o] = static_cast<float>(vote[static_cast<size_t>(o)]);
            box[0] = static_cast<float>(vote[0] - vote[2] / 2);
            box[1] = static_cast<float>(vote[1] - vote[static_cast<size_t>(problem.outputs) - 1] / 2);
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
                const auto centre = cell_centre(problem, c);
                double sum = 0;
                for (size_t o = 0; o < static_cast<size_t>(problem.outputs); ++o) {
                    const double from = o < 2 ? centre[o] : 0;
                    sum += dvote[o] * (from + double{cell[c * features + 1 + static_cast<int64_t>(o)]});
                }
                return sum;
            };
            for (int64_t c = 0; c < problem.cells(); ++c) average += double{weight[c]} * gain(c);
            for (int64_t c = 0; c < problem.cells(); ++c) {
                to[c * features] = static_cast<float>(double{weight[c]} * (gain(c) - average));
                for (int64_t o = 0; o < problem.outputs; ++o) {
                    to[c * features + 1 + o] =
                        static_cast<float>(double{weight[c]} * dvote[static_cast<size_t>(o)]);
                }
            }
        }
    });
}

}  // namespace objloc
