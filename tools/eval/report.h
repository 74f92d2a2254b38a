// What objloc_eval says of a set of examples: sums, by size, and which are worst and best.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/eval/examples.h"

namespace objloc {

/// Examples whose object has a side in [from, below), in pixels of the network's input.
struct SizeBin {
    double from = 0, below = 0;  // `below` of the last bin is infinite
    ScoreSummary summary;

    /// "12 to 16", "below 12", "64 and above".
    std::string text() const;
};

struct EvalReport {
    nlohmann::ordered_json about;  // what was evaluated on what, by name
    ScoreSummary summary;
    double constant_iou = 0;
    std::vector<SizeBin> sizes;       // all of them, empty ones too
    std::vector<size_t> worst, best;  // the kShown (or all, if fewer) with the lowest and the highest IoU

    /// How many examples are shown as the worst and as the best.
    static constexpr size_t kShown = 16;
};

/// `model` is the file's name.
EvalReport make_report(const std::string& model, const ExampleSet& set);

nlohmann::ordered_json report_json(const EvalReport& report, const ExampleSet& set);
/// The same for people, without the worst and the best.
std::string report_text(const EvalReport& report);
/// "IoU 0.123  scene 17", a line each.
std::string listing_text(const std::vector<size_t>& indices, const ExampleSet& set);

}  // namespace objloc
