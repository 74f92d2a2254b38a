// Judges boxes under the conditions of the table: pictures in, one line a condition out.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/conditions/compositor.h"

namespace objloc::conditions {

struct SuiteOptions {
    int count = 64;  // pictures a condition
    uint64_t seed = 1;
    double confidence = -1;              // from which a box counts as found
    Image photograph;                    // empty: that row is left out
    std::vector<double> photograph_box;  // (x, y, width, height) of its object, in pixels
};

/// A picture with what was found in it, the surest first.
struct Judged {
    Picture picture;
    std::vector<Detection> found;
    double iou = 0;  // of the surest box; of pictures with one object
};

struct RowResult {
    Row row;
    std::vector<Judged> pictures;
    double iou = 0,
           iou_error = 0;     // mean of pictures with one object, and half of its 95% confidence interval
    double over_50 = 0;       // share of pictures with IoU >= 0.5
    double constant_iou = 0;  // of the best single box for all of the row's pictures
    double found = 0;  // share of pictures with a box above the threshold; of two objects: with both found
};

/// Finds objects in picture `number` of a row. Boxes in fractions of the picture's sides, the surest first.
using Finder = std::function<std::vector<Detection>(const Row& row, int number, const Image& picture)>;

/// Pictures depend on the seed and on the row alone, so that every model is judged on the same ones.
std::vector<Picture> row_pictures(const Material& material, const Row& row, const SuiteOptions& options);

RowResult judge_row(const Row& row, const std::vector<Picture>& pictures, const Finder& find,
                    double confidence);

/// The mean over all rows of one object.
double mean_iou(const std::vector<RowResult>& results);
double mean_over_50(const std::vector<RowResult>& results);

/// A table in Markdown, and the same as JSON.
std::string table(const std::vector<RowResult>& results);
std::string to_json(const std::vector<RowResult>& results, const SuiteOptions& options);

/// The best and the worst pictures, truth in white and the surest box in green.
Image best_and_worst(const std::vector<RowResult>& results);

/// "all mixed" as a file name: "all_mixed".
std::string file_name(const Row& row);

}  // namespace objloc::conditions
