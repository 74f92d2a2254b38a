#include "tools/eval/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

namespace objloc {
namespace {

constexpr double kEdges[] = {0, 12, 16, 24, 32, 48, 64, std::numeric_limits<double>::infinity()};

std::vector<SizeBin> scores_by_size(const std::vector<Example>& examples) {
    std::vector<SizeBin> bins;
    for (size_t at = 0; at + 1 < std::size(kEdges); ++at) {
        SizeBin bin{kEdges[at], kEdges[at + 1], {}};
        std::vector<BoxScore> scores;
        for (const Example& example : examples) {
            if (example.side >= bin.from && example.side < bin.below) scores.push_back(example.score);
        }
        bin.summary = summarize(scores);
        bins.push_back(bin);
    }
    return bins;
}

/// The first of all indices under `before`; among equals the earlier example comes first.
template <typename Before>
std::vector<size_t> first_by(size_t count, const Before& before) {
    std::vector<size_t> indices(count);
    std::iota(indices.begin(), indices.end(), size_t{0});
    std::stable_sort(indices.begin(), indices.end(), before);
    indices.resize(std::min(count, EvalReport::kShown));
    return indices;
}

nlohmann::ordered_json box_json(const Box& box) {
    return {{"x", box.x}, {"y", box.y}, {"width", box.width}, {"height", box.height}};
}

nlohmann::ordered_json listing_json(const std::vector<size_t>& indices, const ExampleSet& set) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const size_t i : indices) {
        const Example& example = set.examples[i];
        list.push_back({{"name", example.name},
                        {"iou", example.score.iou},
                        {"truth", box_json(example.truth)},
                        {"predicted", box_json(example.predicted)}});
    }
    return list;
}

nlohmann::ordered_json sizes_json(const std::vector<SizeBin>& bins) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const SizeBin& bin : bins) {
        nlohmann::ordered_json row = {{"from", bin.from}};
        if (std::isfinite(bin.below)) row["below"] = bin.below;
        row["count"] = bin.summary.count;
        if (bin.summary.count > 0) {
            row["mean_iou"] = bin.summary.iou;
            row["iou_over_75"] = bin.summary.over_75;
        }
        list.push_back(row);
    }
    return list;
}

/// "skipped_files" as people write it.
std::string label(std::string name) {
    std::replace(name.begin(), name.end(), '_', ' ');
    name[0] = static_cast<char>(std::toupper(name[0]));
    return name;
}

/// A text, a number or a list of texts, without JSON's quotes.
std::string plain(const nlohmann::ordered_json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_array()) return fmt::format("{}", fmt::join(value.get<std::vector<std::string>>(), ", "));
    return value.dump();
}

}  // namespace

std::string SizeBin::text() const {
    if (from == 0) return fmt::format("below {}", below);
    return std::isfinite(below) ? fmt::format("{} to {}", from, below) : fmt::format("{} and above", from);
}

EvalReport make_report(const std::string& model, const ExampleSet& set) {
    const std::vector<Example>& examples = set.examples;
    std::vector<BoxScore> scores;
    for (const Example& example : examples) scores.push_back(example.score);
    EvalReport report;
    report.about = {{"model", model}};
    report.about.update(set.about);
    report.summary = summarize(scores);
    report.constant_iou = set.constant_iou;
    report.sizes = scores_by_size(examples);
    report.worst = first_by(scores.size(), [&](size_t a, size_t b) { return scores[a].iou < scores[b].iou; });
    report.best = first_by(scores.size(), [&](size_t a, size_t b) { return scores[a].iou > scores[b].iou; });
    return report;
}

nlohmann::ordered_json report_json(const EvalReport& report, const ExampleSet& set) {
    const ScoreSummary& mean = report.summary;
    nlohmann::ordered_json json = report.about;
    json["count"] = mean.count;
    json["mean_iou"] = mean.iou;
    json["iou_over_50"] = mean.over_50;
    json["iou_over_75"] = mean.over_75;
    json["iou_over_90"] = mean.over_90;
    json["centre_error_pixels"] = mean.centre_error;
    json["size_error_pixels"] = mean.size_error;
    json["constant_box_iou"] = report.constant_iou;
    json["by_size"] = sizes_json(report.sizes);
    json["worst"] = listing_json(report.worst, set);
    json["best"] = listing_json(report.best, set);
    return json;
}

std::string report_text(const EvalReport& report) {
    std::string text;
    for (const auto& [name, value] : report.about.items()) {
        text += fmt::format("{:<24} {}\n", label(name), plain(value));
    }
    text += fmt::format("{:<24} {}\n", "Count", report.summary.count) + report.summary.text();
    text += fmt::format("Best constant box's IoU  {:.4f}\n", report.constant_iou);
    text += "\nBy the object's side, in pixels as the network sees it:\n";
    text += fmt::format("{:<14}{:>8}{:>12}{:>14}\n", "Side", "Count", "Mean IoU", "IoU >= 0.75");
    for (const SizeBin& bin : report.sizes) {
        if (bin.summary.count == 0) continue;
        text += fmt::format("{:<14}{:>8}{:>12.4f}{:>14.4f}\n", bin.text(), bin.summary.count, bin.summary.iou,
                            bin.summary.over_75);
    }
    return text;
}

std::string listing_text(const std::vector<size_t>& indices, const ExampleSet& set) {
    std::string text;
    for (const size_t i : indices) {
        text += fmt::format("    IoU {:.4f}  {}\n", set.examples[i].score.iou, set.examples[i].name);
    }
    return text;
}

}  // namespace objloc
