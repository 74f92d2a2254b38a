// The dense detection head, from its description alone, so that a mistake in kernels/localizer/detection.h shows.
//   cell (g, row, column): middle ((column + 1/2) / columns, (row + 1/2) / rows), size (1 / columns, 1 / rows)
//   sides = 2 * cell size * exp(raw kept within -4 .. 4), in the order left, top, right, bottom
//   responsible: the object's longer side in cells is below 6.4 unless the grid is the last, at least 1.6 unless it is
//   the first; and its middle is, along each axis, at most clamp(half its side, 1/2, 3/2) cells from the cell's
//   goal: of the responsible cell's score for the class IoU(box, object), of every other 0
//   loss = 1/N sum over cells of (sum over scores of (goal - p)^2 H(goal, p) + 2 (1 - GIoU) where responsible) / 12
#pragma once

#include <cmath>

#include "objloc/kernels/localizer/detection.h"
#include "objloc/kernels/reference/giou_loss.h"

namespace objloc::reference {

struct Rectangle {
    double x, y, w, h;
};

struct DetectionCell {
    int grid;
    double x, y, w, h;
};

inline DetectionCell detection_cell(const DetectionProblem& problem, int64_t number) {
    for (int g = 0;; ++g) {
        const int64_t rows = problem.grid[g].rows, columns = problem.grid[g].columns;
        if (number < rows * columns) {
            const auto w = 1.0 / static_cast<double>(columns), h = 1.0 / static_cast<double>(rows);
            return {g, (static_cast<double>(number % columns) + 0.5) * w,
                    (static_cast<double>(number / columns) + 0.5) * h, w, h};
        }
        number -= rows * columns;
    }
}

inline Rectangle detection_box(const DetectionCell& cell, const double* raw) {
    double side[4];
    for (int s = 0; s < 4; ++s) {
        side[s] = 2 * (s % 2 == 0 ? cell.w : cell.h) * std::exp(std::max(-4.0, std::min(4.0, raw[s])));
    }
    return {cell.x - side[0], cell.y - side[1], side[0] + side[2], side[1] + side[3]};
}

inline double iou(const Rectangle& a, const Rectangle& b) {
    const double across = std::max(0.0, std::min(a.x + a.w, b.x + b.w) - std::max(a.x, b.x));
    const double down = std::max(0.0, std::min(a.y + a.h, b.y + b.h) - std::max(a.y, b.y));
    return across * down / (a.w * a.h + b.w * b.h - across * down);
}

inline bool responsible(const DetectionProblem& problem, const DetectionCell& cell, const Rectangle& object) {
    const double across = object.w / cell.w, down = object.h / cell.h, longer = std::max(across, down);
    if (longer < double{1.6f} && cell.grid != 0) return false;
    if (longer >= double{6.4f} && cell.grid != problem.grids - 1) return false;
    const auto reach = [](double cells) { return std::max(0.5, std::min(1.5, cells / 2)); };
    return std::abs(object.x + object.w / 2 - cell.x) / cell.w <= reach(across) &&
           std::abs(object.y + object.h / 2 - cell.y) / cell.h <= reach(down);
}

/// predictions (N, cells, classes + 4), truth (N, objects, 6) -> targets (N, cells, 6).
inline void detection_targets(const DetectionProblem& problem, const Array& predictions, const Array& truth,
                              Array& targets) {
    const int64_t cells = problem.cells(), features = problem.features(), objects = truth.shape[1];
    for (int64_t i = 0; i < problem.N * cells; ++i) {
        const DetectionCell cell = detection_cell(problem, i % cells);
        const double* chosen = nullptr;
        for (int64_t o = 0; o < objects; ++o) {
            const double* row = truth.values.data() + (i / cells * objects + o) * 6;
            if (row[5] == 0 || !responsible(problem, cell, {row[0], row[1], row[2], row[3]})) continue;
            if (chosen == nullptr || row[2] * row[3] < chosen[2] * chosen[3]) chosen = row;
        }
        for (int f = 0; f < 6; ++f) targets[i * 6 + f] = 0;
        targets[i * 6 + 4] = -1;
        if (chosen == nullptr) continue;
        for (int f = 0; f < 4; ++f) targets[i * 6 + f] = chosen[f];
        targets[i * 6 + 4] = chosen[5] < 0 ? -2 : chosen[4];
        targets[i * 6 + 5] =
            iou(detection_box(cell, predictions.values.data() + i * features + problem.classes),
                {chosen[0], chosen[1], chosen[2], chosen[3]});
    }
}

inline double detection_loss(const DetectionProblem& problem, const Array& predictions,
                             const Array& targets) {
    const int64_t cells = problem.cells(), features = problem.features();
    double sum = 0;
    for (int64_t i = 0; i < problem.N * cells; ++i) {
        const double *said = predictions.values.data() + i * features,
                     *target = targets.values.data() + i * 6;
        if (target[4] == -2) continue;
        for (int64_t k = 0; k < problem.classes; ++k) {
            const double goal = target[4] == static_cast<double>(k) ? target[5] : 0,
                         p = 1 / (1 + std::exp(-said[k]));
            sum += (goal - p) * (goal - p) * -(goal * std::log(p) + (1 - goal) * std::log(1 - p));
        }
        if (target[4] == -1) continue;
        const Rectangle box = detection_box(detection_cell(problem, i % cells), said + problem.classes);
        Array one({1, 4}), other({1, 4});
        one.values = {box.x, box.y, box.w, box.h};
        other.values.assign(target, target + 4);
        sum += 2 * giou_loss_forward(one, other);
    }
    return sum / 12 / static_cast<double>(problem.N);
}

}  // namespace objloc::reference
