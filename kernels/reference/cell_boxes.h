// Boxes from the votes of cells (N, cells of all grids, 1 + outputs); a grid (rows, columns) is a shape of
// rank 2:
//   a = softmax over all cells of votes[.., 0]
//   centre = sum of a * ((column + 1/2 + 2 tanh(votes[.., 1])) / columns, (row + 1/2 + 2 tanh(votes[.., 2]))
//   / rows) extent = sum of a / (1 + exp(-votes[.., 3 ..]));  box = (centre - extent / 2, extent)
#pragma once

#include <cmath>
#include <vector>

#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

inline Array cell_attention(const Array& votes) {
    const int64_t N = votes.shape[0], cells = votes.shape[1], features = votes.shape[2];
    Array attention({N, cells});
    for (int64_t n = 0; n < N; ++n) {
        double total = 0;
        for (int64_t c = 0; c < cells; ++c) total += std::exp(votes[(n * cells + c) * features]);
        for (int64_t c = 0; c < cells; ++c)
            attention.at(n, c) = std::exp(votes[(n * cells + c) * features]) / total;
    }
    return attention;
}

inline Array cell_boxes_forward(const Array& votes, const std::vector<Shape>& grids) {
    const int64_t N = votes.shape[0], cells = votes.shape[1], outputs = votes.shape[2] - 1;
    const Array attention = cell_attention(votes);
    const auto said = [&](int64_t n, int64_t c, int64_t o) {
        return votes[(n * cells + c) * (1 + outputs) + 1 + o];
    };
    Array boxes({N, outputs});
    for (int64_t n = 0; n < N; ++n) {
        int64_t c = 0;
        for (const Shape& grid : grids) {
            const auto rows = static_cast<double>(grid[0]), columns = static_cast<double>(grid[1]);
            for (int64_t p = 0; p < grid[0]; ++p) {
                for (int64_t q = 0; q < grid[1]; ++q, ++c) {
                    const double a = attention.at(n, c);
                    const auto column = static_cast<double>(q), row = static_cast<double>(p);
                    boxes.at(n, 0) += a * (column + 0.5 + 2 * std::tanh(said(n, c, 0))) / columns;
                    boxes.at(n, 1) += a * (row + 0.5 + 2 * std::tanh(said(n, c, 1))) / rows;
                    for (int64_t o = 2; o < outputs; ++o)
                        boxes.at(n, o) += a / (1 + std::exp(-said(n, c, o)));
                }
            }
        }
        boxes.at(n, 0) -= boxes.at(n, 2) / 2;
        boxes.at(n, 1) -= boxes.at(n, outputs - 1) / 2;
    }
    return boxes;
}

}  // namespace objloc::reference
