// Boxes from the votes of cells (N, rows, columns, 1 + outputs):
//   a = softmax over the grid of cells[.., 0]
//   centre = sum of a * ((column + 1/2) / columns + tanh(cells[.., 1]) / 2,
//                        (row + 1/2) / rows + tanh(cells[.., 2]) / 2)
//   extent = sum of a / (1 + exp(-cells[.., 3 ..]));  box = (centre - extent / 2, extent)
#pragma once

#include <cmath>
#include <vector>

#include "tests/reference/array.h"

namespace objloc::reference {

inline Array cell_attention(const Array& cells) {
    const int64_t N = cells.shape[0], rows = cells.shape[1], columns = cells.shape[2];
    Array attention({N, rows, columns});
    for (int64_t n = 0; n < N; ++n) {
        double total = 0;
        for (int64_t p = 0; p < rows; ++p) {
            for (int64_t q = 0; q < columns; ++q) total += std::exp(cells.at(n, p, q, 0));
        }
        for (int64_t p = 0; p < rows; ++p) {
            for (int64_t q = 0; q < columns; ++q) {
                attention[(n * rows + p) * columns + q] = std::exp(cells.at(n, p, q, 0)) / total;
            }
        }
    }
    return attention;
}

inline Array cell_boxes_forward(const Array& cells) {
    const int64_t N = cells.shape[0], rows = cells.shape[1], columns = cells.shape[2],
                  outputs = cells.shape[3] - 1;
    const Array attention = cell_attention(cells);
    Array boxes({N, outputs});
    for (int64_t n = 0; n < N; ++n) {
        for (int64_t p = 0; p < rows; ++p) {
            for (int64_t q = 0; q < columns; ++q) {
                const double a = attention[(n * rows + p) * columns + q];
                boxes.at(n, 0) += a * ((static_cast<double>(q) + 0.5) / static_cast<double>(columns));
                boxes.at(n, 1) += a * ((static_cast<double>(p) + 0.5) / static_cast<double>(rows));
                for (int64_t o = 0; o < outputs; ++o) {
                    const double said = cells.at(n, p, q, 1 + o);
                    boxes.at(n, o) += a * (o < 2 ? std::tanh(said) / 2 : 1 / (1 + std::exp(-said)));
                }
            }
        }
        boxes.at(n, 0) -= boxes.at(n, 2) / 2;
        boxes.at(n, 1) -= boxes.at(n, outputs - 1) / 2;
    }
    return boxes;
}

}  // namespace objloc::reference
