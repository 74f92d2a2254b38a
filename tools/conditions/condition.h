// The conditions under which a localizer is judged. Each row of the table is one way of taking a picture: its shape,
// the object's size and pose, light, colour, camera, what hides the object and what stands beside it.
//
// The pictures are drawn by code that training does not use (compositor.h), so that a model cannot learn the judge's
// habits.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace objloc::conditions {

/// Random numbers that are the same with every standard library.
class Random {
  public:
    explicit Random(uint64_t seed) : engine_(seed) {}

    double unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }  // [0, 1)
    double between(double low, double high) { return low + (high - low) * unit(); }
    int below(int count) { return static_cast<int>(unit() * count); }
    bool chance(double probability) { return unit() < probability; }
    double normal();  // mean 0, standard deviation 1

  private:
    std::mt19937_64 engine_;
};

/// How one picture is made. Lengths are shares of the picture's shorter side, gains factors of channels.
struct Condition {
    double aspect = 4.0 / 3;  // of the picture: width over height
    double size_low = 0.25;   // of the object's longer side before it is turned
    double size_high = 0.5;
    int objects = 1;
    double turn = 0;  // degrees
    bool mirrored = false;
    double outside = 0;   // share of the object that lies beyond one side of the picture
    double hidden = 0;    // share of the object that something else covers
    int distractors = 0;  // other things in the picture
    bool print = false;   // the object is printed on paper, which is seen at an angle
    std::array<double, 3> object_gain = {1, 1, 1}, gain = {1, 1, 1};
    double contrast = 1;  // about the picture's mean
    bool grey = false;
    double blur = 0;       // standard deviation
    double noise = 0;      // standard deviation, in bytes
    int jpeg_quality = 0;  // 1 to 100; 0: not compressed
};

/// What a row measures: the box of one object, pictures without any, or whether both of two are found.
enum class RowKind { single, absent, two, photograph };

struct Row {
    std::string name;
    RowKind kind = RowKind::single;
    Condition condition;
    bool mixed = false;  // each picture has a condition of its own, all factors at once
};

/// The table, in the order in which it is printed.
std::vector<Row> all_rows();

/// The condition of the row's next picture.
Condition draw_condition(const Row& row, Random& random);

}  // namespace objloc::conditions
