#include "tools/conditions/condition.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace objloc::conditions {
namespace {

template <typename Change>
Row row(const std::string& name, Change change, RowKind kind = RowKind::single) {
    Row result{name, kind, {}, false};
    change(result.condition);
    return result;
}

Row sized(const std::string& name, double low, double high) {
    return row(name, [&](Condition& at) { at.size_low = low, at.size_high = high; });
}

void append(std::vector<Row>& rows, std::vector<Row> more) {
    for (Row& at : more) rows.push_back(std::move(at));
}

std::vector<Row> geometry_rows() {
    return {row("square", [](Condition& at) { at.aspect = 1; }),
            row("4:3", [](Condition&) {}),
            row("16:9", [](Condition& at) { at.aspect = 16.0 / 9; }),
            row("9:16", [](Condition& at) { at.aspect = 9.0 / 16; }),
            sized("object 8-12 %", 0.08, 0.12),
            sized("object 12-18 %", 0.12, 0.18),
            sized("object 18-25 %", 0.18, 0.25),
            sized("object 50-65 %", 0.5, 0.65),
            sized("object 65-80 %", 0.65, 0.8),
            sized("object 80-95 %", 0.8, 0.95),
            row("turned 45 degrees", [](Condition& at) { at.turn = 45; }),
            row("turned 90 degrees", [](Condition& at) { at.turn = 90; }),
            row("mirrored", [](Condition& at) { at.mirrored = true; })};
}

std::vector<Row> camera_rows() {
    return {row("dark object",
                [](Condition& at) {
                    at.object_gain = {0.35, 0.35, 0.35};
                }),
            row("dark picture",
                [](Condition& at) {
                    at.gain = {0.3, 0.3, 0.3};
                }),
            row("blue cast",
                [](Condition& at) {
                    at.gain = {0.55, 0.75, 1.25};
                }),
            row("low contrast", [](Condition& at) { at.contrast = 0.35; }),
            row("grey", [](Condition& at) { at.grey = true; }),
            row("blurred", [](Condition& at) { at.blur = 0.012; }),
            row("noise and JPEG", [](Condition& at) { at.noise = 20, at.jpeg_quality = 25; })};
}

std::vector<Row> scene_rows() {
    return {row("half outside", [](Condition& at) { at.outside = 0.5; }),
            row("30 % hidden", [](Condition& at) { at.hidden = 0.3; }),
            row("two distractors", [](Condition& at) { at.distractors = 2; }),
            row("printed on paper", [](Condition& at) { at.print = true; }),
            Row{"all mixed", RowKind::single, {}, true},
            Row{"untouched photograph", RowKind::photograph, {}, false},
            row(
                "absent", [](Condition& at) { at.objects = 0, at.distractors = 2; }, RowKind::absent),
            row(
                "two objects", [](Condition& at) { at.objects = 2; }, RowKind::two)};
}

/// Every factor at once, none at the extremes where the object itself could not be seen.
Condition mixed(Random& random) {
    constexpr double kAspects[] = {1, 4.0 / 3, 3.0 / 4, 16.0 / 9, 9.0 / 16};
    Condition at;
    at.aspect = kAspects[random.below(5)];
    at.size_low = at.size_high = 0.12 * std::pow(0.8 / 0.12, random.unit());
    at.turn = random.between(-60, 60);
    at.mirrored = random.chance(0.5);
    at.hidden = random.chance(0.3) ? random.between(0, 0.3) : 0;
    at.outside = at.hidden <= 0 && random.chance(0.2) ? random.between(0, 0.4) : 0;
    at.distractors = random.below(3);
    const double light = std::exp2(random.between(-1, 0.3));
    at.object_gain = {light, light, light};
    const double exposure = std::exp2(random.between(-1, 0.3));
    for (double& channel : at.gain) channel = exposure * random.between(0.8, 1.2);
    at.contrast = random.between(0.5, 1.1);
    at.grey = random.chance(0.1);
    at.blur = random.chance(0.3) ? random.between(0, 0.008) : 0;
    at.noise = random.between(0, 12);
    at.jpeg_quality = 30 + random.below(65);
    return at;
}

}  // namespace

double Random::normal() {
    const double radius = std::sqrt(-2 * std::log(1 - unit()));
    return radius * std::cos(2 * std::numbers::pi * unit());
}

std::vector<Row> all_rows() {
    std::vector<Row> rows = geometry_rows();
    append(rows, camera_rows());
    append(rows, scene_rows());
    return rows;
}

Condition draw_condition(const Row& row, Random& random) {
    return row.mixed ? mixed(random) : row.condition;
}

}  // namespace objloc::conditions
