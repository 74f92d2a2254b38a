#include "tools/conditions/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "objloc/generators/drawing.h"
#include "objloc/generators/resize.h"
#include "tools/common/box_scores.h"
#include "tools/common/pictures.h"

namespace objloc::conditions {
namespace {

/// Both objects found, each by a box of its own.
bool both_found(const Picture& picture, const std::vector<Detection>& found, double confidence) {
    if (picture.truth.size() < 2) return false;
    const auto finds = [&](const Detection& box, size_t object) {
        const Detection& truth = picture.truth[object];
        return static_cast<double>(box.confidence) >= confidence && box.label == truth.label &&
               iou(box, truth) >= 0.5f;
    };
    for (const Detection& first : found) {
        for (const Detection& second : found) {
            if (&first != &second && finds(first, 0) && finds(second, 1)) return true;
        }
    }
    return false;
}

/// The mean IoU of the best single box for all of the pictures.
double constant_iou(const std::vector<Picture>& pictures) {
    std::vector<Box> truth;
    for (const Picture& picture : pictures) {
        if (picture.truth.empty()) continue;
        const Detection& at = picture.truth.front();
        truth.push_back({double{at.x}, double{at.y}, double{at.w}, double{at.h}});
    }
    return best_constant_iou(truth);
}

void summarise(RowResult& result) {
    const auto count = static_cast<double>(result.pictures.size());
    double squares = 0;
    for (const Judged& at : result.pictures) {
        result.iou += at.iou / count, squares += at.iou * at.iou / count;
        result.over_50 += (at.iou >= 0.5 ? 1 : 0) / count;
    }
    const double variance = std::max(0.0, squares - result.iou * result.iou);
    result.iou_error = 1.96 * std::sqrt(variance / std::max(1.0, count - 1));
}

bool has_one(const Row& row) {
    return row.kind == RowKind::single || row.kind == RowKind::photograph;
}

double mean_of(const std::vector<RowResult>& results, double RowResult::*field) {
    double sum = 0, rows = 0;
    for (const RowResult& at : results) {
        if (has_one(at.row)) sum += at.*field, ++rows;
    }
    return rows > 0 ? sum / rows : 0;
}

/// A picture in a square of this side, with its boxes.
Image thumbnail(const Judged& at, int side) {
    const Image& picture = at.picture.image;
    const double scale = static_cast<double>(side) / std::max(picture.width, picture.height);
    const auto scaled = [&](int length) { return std::max(1, static_cast<int>(scale * length)); };
    Image small = resize(picture, scaled(picture.width), scaled(picture.height));
    const auto draw = [&](const Detection& box, const Colour& colour) {
        const float fractions[] = {box.x, box.y, box.w, box.h};
        draw_box(small, pixel_box(fractions, 4, small.width, small.height), colour);
    };
    for (const Detection& box : at.picture.truth) draw(box, kTruthColour);
    if (!at.found.empty()) draw(at.found.front(), kPredictedColour);
    Image square(side, side, 3);
    for (int y = 0; y < small.height; ++y) std::copy_n(small.at(0, y), 3 * small.width, square.at(0, y));
    return square;
}

}  // namespace

std::string file_name(const Row& row) {
    std::string name;
    for (const char letter : row.name) {
        if (std::isalnum(static_cast<unsigned char>(letter)))
            name += letter;
        else if (!name.empty() && name.back() != '_')
            name += '_';
    }
    if (!name.empty() && name.back() == '_') name.pop_back();
    return name;
}

std::vector<Picture> row_pictures(const Material& material, const Row& row, const SuiteOptions& options) {
    uint64_t seed = options.seed;
    for (const char letter : row.name) seed = seed * 1099511628211u + static_cast<uint64_t>(letter);
    Random random(seed);
    std::vector<Picture> pictures;
    for (int i = 0; i < options.count; ++i) {
        pictures.push_back(row.kind == RowKind::photograph
                               ? crop_photograph(options.photograph, options.photograph_box, random)
                               : compose(material, draw_condition(row, random), random));
    }
    return pictures;
}

RowResult judge_row(const Row& row, const std::vector<Picture>& pictures, const Finder& find,
                    double confidence) {
    RowResult result{row, {}};
    for (size_t i = 0; i < pictures.size(); ++i) {
        Judged judged{pictures[i], find(row, static_cast<int>(i), pictures[i].image)};
        if (has_one(row) && !judged.found.empty() && !judged.picture.truth.empty()) {
            judged.iou = static_cast<double>(iou(judged.found.front(), judged.picture.truth.front()));
        }
        const bool above =
            !judged.found.empty() && static_cast<double>(judged.found.front().confidence) >= confidence;
        const bool found =
            row.kind == RowKind::two ? both_found(judged.picture, judged.found, confidence) : above;
        result.found += (found ? 1 : 0) / static_cast<double>(pictures.size());
        result.pictures.push_back(std::move(judged));
    }
    summarise(result);
    if (has_one(row)) result.constant_iou = constant_iou(pictures);
    return result;
}

double mean_iou(const std::vector<RowResult>& results) {
    return mean_of(results, &RowResult::iou);
}
double mean_over_50(const std::vector<RowResult>& results) {
    return mean_of(results, &RowResult::over_50);
}

std::string table(const std::vector<RowResult>& results) {
    std::string text = "| Condition | Constant box | IoU | IoU >= 0.5 | Found |\n|---|---|---|---|---|\n";
    for (const RowResult& at : results) {
        if (has_one(at.row)) {
            text += fmt::format("| {} | {:.2f} | {:.2f} ± {:.2f} | {:.0f} % | {:.0f} % |\n", at.row.name,
                                at.constant_iou, at.iou, at.iou_error, 100 * at.over_50, 100 * at.found);
        } else {
            const char* meaning = at.row.kind == RowKind::two ? "both in" : "a box in";
            text += fmt::format("| {} | | | | {} {:.0f} % |\n", at.row.name, meaning, 100 * at.found);
        }
    }
    return text + fmt::format("| mean of one object | {:.2f} | {:.3f} | {:.0f} % | {:.0f} % |\n",
                              mean_of(results, &RowResult::constant_iou), mean_iou(results),
                              100 * mean_over_50(results), 100 * mean_of(results, &RowResult::found));
}

std::string to_json(const std::vector<RowResult>& results, const SuiteOptions& options) {
    nlohmann::ordered_json json = {
        {"count", options.count}, {"seed", options.seed}, {"confidence", options.confidence}};
    for (const RowResult& at : results) {
        nlohmann::ordered_json row = {{"condition", at.row.name}, {"found", at.found}};
        if (has_one(at.row)) {
            row["iou"] = at.iou, row["iou_error"] = at.iou_error, row["over_50"] = at.over_50;
            row["constant_iou"] = at.constant_iou;
        }
        json["rows"].push_back(row);
    }
    json["mean_iou"] = mean_iou(results), json["mean_over_50"] = mean_over_50(results);
    return json.dump(2) + "\n";
}

Image best_and_worst(const std::vector<RowResult>& results) {
    constexpr int kSide = 160, kEach = 16, kColumns = 8;
    std::vector<const Judged*> all;
    for (const RowResult& result : results) {
        if (!has_one(result.row)) continue;
        for (const Judged& at : result.pictures) all.push_back(&at);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Judged* a, const Judged* b) { return a->iou > b->iou; });
    std::vector<Image> tiles;
    const size_t each = std::min<size_t>(kEach, all.size());
    for (size_t i = 0; i < each; ++i) tiles.push_back(thumbnail(*all[i], kSide));
    for (size_t i = all.size() - each; i < all.size(); ++i) tiles.push_back(thumbnail(*all[i], kSide));
    return image_sheet(tiles, kColumns);
}

}  // namespace objloc::conditions
