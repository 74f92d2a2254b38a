// Dense object detection, in plain functions shared by the CPU and the CUDA kernels. Each cell of several grids
// predicts a score for each class and the distances from its centre to the sides of the object's box:
//     sides (left, top, right, bottom) = exp(raw) * kSideScale * the cell's size
//     box = (x - left, y - top, left + right, top + bottom), all in fractions of the image's sides
// A cell is assigned to an object when its centre is close to the object's centre and its grid has the right scale for
// the object's size; of several such objects, to the smallest. The target of an assigned cell's score is the IoU of the
// predicted and the true box, so that scores rank boxes by how well they fit; the target of all other scores is 0.
// Source: Tian et al., "FCOS", ICCV 2019; Li et al., "Generalized focal loss", NeurIPS 2020.
#pragma once

#include <cmath>
#include <cstdint>

#include "objloc/kernels/localizer/cell_boxes.h"
#include "objloc/kernels/localizer/composition.h"
#include "objloc/kernels/localizer/giou.h"

namespace objloc {

/// Grids over the image, from fine to coarse. Predictions are (N, cells, classes + 4): score logits, then raw sides.
struct DetectionProblem {
    static constexpr int kMaxGrids = 5;

    int64_t N = 0, classes = 1;
    int grids = 0;
    CellGrid grid[kMaxGrids] = {};

    OBJLOC_HOST_DEVICE int64_t cells() const {
        int64_t sum = 0;
        for (int g = 0; g < grids; ++g) sum += grid[g].cells();
        return sum;
    }
    OBJLOC_HOST_DEVICE int64_t features() const { return classes + 4; }
};

/// Fields of a cell in the targets: the box (x, y, w, h); the class, or one of the two values below; the IoU.
constexpr int64_t kTargetFields = 6;
constexpr float kNoObject = -1, kIgnoredCell = -2;

constexpr float kSideScale = 2;  // distance to a side, in cells, where its raw value is 0
constexpr float kRawReach = 4;   // raw sides are clamped to +- this
constexpr float kNear = 1.5f;    // largest distance of an assigned cell's centre from the object's, in cells
constexpr float kLeastCells = 1.6f,
                kMostCells = 6.4f;  // range of the object's longer side for a grid, in cells
constexpr float kBoxWeight = 2;     // weight of a box's loss, 1 - GIoU, relative to a score's
constexpr float kUsualCells =
    12;  // typical number of assigned cells of an image; the losses are divided by it

/// A cell's grid, and its centre and size in fractions of the image.
struct CellPlace {
    int grid;
    float x, y, width, height;
};
OBJLOC_HOST_DEVICE inline CellPlace cell_place(const DetectionProblem& problem, int64_t c) {
    int g = 0;
    for (; c >= problem.grid[g].cells(); ++g) c -= problem.grid[g].cells();
    const int64_t columns = problem.grid[g].columns;
    const float width = 1 / static_cast<float>(columns),
                height = 1 / static_cast<float>(problem.grid[g].rows);
    return {g, (static_cast<float>(c % columns) + 0.5f) * width,
            (static_cast<float>(c / columns) + 0.5f) * height, width, height};
}

/// The box that a cell predicts, and the distances from the cell's centre to its sides.
struct CellBox {
    GiouBox box;
    float side[4];  // left, top, right, bottom
};
OBJLOC_HOST_DEVICE inline CellBox cell_box(const CellPlace& at, const float* raw) {
    CellBox result;
    for (int s = 0; s < 4; ++s) {
        const float kept = raw[s] < -kRawReach ? -kRawReach : raw[s] > kRawReach ? kRawReach : raw[s];
        result.side[s] = expf(kept) * kSideScale * (s % 2 == 0 ? at.width : at.height);
    }
    result.box = {at.x - result.side[0], at.y - result.side[1], result.side[0] + result.side[2],
                  result.side[1] + result.side[3]};
    return result;
}

/// Whether a cell is assigned to an object with this box. The finest grid also takes smaller objects, the coarsest also
/// larger ones.
OBJLOC_HOST_DEVICE inline bool is_responsible(const DetectionProblem& problem, const CellPlace& at,
                                              const GiouBox& object) {
    const float cells_x = object.w / at.width, cells_y = object.h / at.height;
    const float longer = cells_x > cells_y ? cells_x : cells_y;
    if (at.grid > 0 && longer < kLeastCells) return false;
    if (at.grid + 1 < problem.grids && longer >= kMostCells) return false;
    const float right = fabsf(at.x - (object.x + object.w / 2)) / at.width,
                down = fabsf(at.y - (object.y + object.h / 2)) / at.height;
    // The cell that holds the object's centre is always assigned; its neighbours while they lie inside the object.
    const float reach_x = cells_x / 2 < kNear ? cells_x / 2 : kNear,
                reach_y = cells_y / 2 < kNear ? cells_y / 2 : kNear;
    return right <= (reach_x > 0.5f ? reach_x : 0.5f) && down <= (reach_y > 0.5f ? reach_y : 0.5f);
}

OBJLOC_HOST_DEVICE inline float box_iou(const GiouBox& a, const GiouBox& b) {
    const float right = (a.x + a.w < b.x + b.w ? a.x + a.w : b.x + b.w) - (a.x > b.x ? a.x : b.x);
    const float bottom = (a.y + a.h < b.y + b.h ? a.y + a.h : b.y + b.h) - (a.y > b.y ? a.y : b.y);
    if (right <= 0 || bottom <= 0) return 0;
    return right * bottom / (a.w * a.h + b.w * b.h - right * bottom);
}

/// Writes a cell's target from the truth of its image, (kMaxObjects, kTruthFields).
OBJLOC_HOST_DEVICE inline void write_target(const DetectionProblem& problem, int64_t c,
                                            const float* prediction, const float* truth, float* target) {
    const CellPlace at = cell_place(problem, c);
    float least = 0;
    for (int64_t f = 0; f < kTargetFields; ++f) target[f] = 0;
    target[4] = kNoObject;
    for (int32_t o = 0; o < kMaxObjects; ++o) {
        const float* row = truth + o * kTruthFields;
        const GiouBox object = {row[0], row[1], row[2], row[3]};
        if (row[5] == kObjectAbsent || !is_responsible(problem, at, object)) continue;
        const bool smaller = target[4] == kNoObject || object.w * object.h < least;
        if (!smaller) continue;
        least = object.w * object.h;
        target[0] = object.x, target[1] = object.y, target[2] = object.w, target[3] = object.h;
        target[4] = row[5] == kObjectIgnored ? kIgnoredCell : row[4];
        target[5] = box_iou(cell_box(at, prediction + problem.classes).box, object);
    }
}

/// A score's quality focal loss, |goal - p|^2 * cross-entropy(goal, p) with p = sigmoid(logit), and its slope.
struct ScoreLoss {
    float loss, slope;
};
OBJLOC_HOST_DEVICE inline ScoreLoss score_loss(float logit, float goal) {
    const float small = expf(-fabsf(logit)), p = logit >= 0 ? 1 / (1 + small) : small / (1 + small);
    const float entropy = (logit > 0 ? logit : 0) - logit * goal + log1pf(small), off = p - goal;
    return {off * off * entropy, 2 * off * p * (1 - p) * entropy + off * off * off};
}

/// What score `k` of a cell should be.
OBJLOC_HOST_DEVICE inline float score_goal(const float* target, int64_t k) {
    return target[4] == static_cast<float>(k) ? target[5] : 0;
}

/// A cell's part of its image's loss.
OBJLOC_HOST_DEVICE inline float cell_loss(const DetectionProblem& problem, int64_t c, const float* prediction,
                                          const float* target) {
    if (target[4] == kIgnoredCell) return 0;
    float sum = 0;
    for (int64_t k = 0; k < problem.classes; ++k)
        sum += score_loss(prediction[k], score_goal(target, k)).loss;
    if (target[4] != kNoObject) {
        const CellBox said = cell_box(cell_place(problem, c), prediction + problem.classes);
        sum += kBoxWeight * giou_loss_of(said.box, {target[0], target[1], target[2], target[3]});
    }
    return sum / kUsualCells;
}

/// The gradient of scale * cell_loss by the cell's prediction.
OBJLOC_HOST_DEVICE inline void write_cell_gradient(const DetectionProblem& problem, int64_t c,
                                                   const float* prediction, const float* target, float scale,
                                                   float* gradient) {
    for (int64_t f = 0; f < problem.features(); ++f) gradient[f] = 0;
    if (target[4] == kIgnoredCell) return;
    scale /= kUsualCells;
    for (int64_t k = 0; k < problem.classes; ++k) {
        gradient[k] = scale * score_loss(prediction[k], score_goal(target, k)).slope;
    }
    if (target[4] == kNoObject) return;
    const float* raw = prediction + problem.classes;
    const CellBox said = cell_box(cell_place(problem, c), raw);
    const GiouBox d = giou_loss_gradient(said.box, {target[0], target[1], target[2], target[3]});
    const float by_side[4] = {d.w - d.x, d.h - d.y, d.w, d.h};
    for (int s = 0; s < 4; ++s) {
        const bool bounded = raw[s] < -kRawReach || raw[s] > kRawReach;
        gradient[problem.classes + s] = bounded ? 0 : scale * kBoxWeight * by_side[s] * said.side[s];
    }
}

}  // namespace objloc
