// The convolutions that the op tests try, as data, and how they are named.
#pragma once

#include <string>
#include <vector>

#include "engine/problem.h"
#include "tests/op_case_inputs.h"

namespace objloc {

/// Odd and extreme sizes; each costs below a million multiply-adds or so.
inline std::vector<Conv2dProblem> small_convolutions() {
    std::vector<Conv2dProblem> list = {
        {.N = 1, .H = 1, .W = 1, .C = 1, .K = 1, .R = 1, .S = 1},
        {.N = 2,
         .H = 1,
         .W = 1,
         .C = 3,
         .K = 5,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
        {.N = 1,
         .H = 7,
         .W = 5,
         .C = 1,
         .K = 1,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
        {.N = 2, .H = 6, .W = 9, .C = 3, .K = 4, .R = 1, .S = 1},
        {.N = 1,
         .H = 9,
         .W = 8,
         .C = 3,
         .K = 64,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
        {.N = 2,
         .H = 7,
         .W = 11,
         .C = 7,
         .K = 5,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
        {.N = 1,
         .H = 5,
         .W = 6,
         .C = 17,
         .K = 33,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
        {.N = 3,
         .H = 8,
         .W = 8,
         .C = 16,
         .K = 8,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
        {.N = 2, .H = 8, .W = 7, .C = 5, .K = 6},  // no padding
        {.N = 1,
         .H = 9,
         .W = 10,
         .C = 4,
         .K = 3,
         .R = 5,
         .S = 3,
         .pad_top = 2,
         .pad_left = 1,
         .pad_bottom = 2,
         .pad_right = 1},
        {.N = 1, .H = 10, .W = 9, .C = 3, .K = 7, .R = 3, .S = 5, .pad_left = 2, .pad_bottom = 1},
        {.N = 2,
         .H = 9,
         .W = 7,
         .C = 3,
         .K = 6,
         .stride_h = 2,
         .stride_w = 2,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
        {.N = 1,
         .H = 11,
         .W = 13,
         .C = 2,
         .K = 5,
         .stride_h = 3,
         .stride_w = 2,
         .pad_top = 0,
         .pad_left = 1,
         .pad_bottom = 2,
         .pad_right = 0},
        {.N = 1, .H = 8, .W = 8, .C = 4, .K = 4, .R = 1, .S = 1, .stride_h = 3, .stride_w = 3},
        {.N = 1,
         .H = 2,
         .W = 3,
         .C = 3,
         .K = 4,
         .R = 5,
         .S = 5,
         .pad_top = 2,
         .pad_left = 2,
         .pad_bottom = 2,
         .pad_right = 2},  // the kernel is larger than the image
        {.N = 1, .H = 8, .W = 9, .C = 3, .K = 4, .R = 2, .S = 2, .pad_bottom = 1, .pad_right = 1},
        {.N = 1,
         .H = 4,
         .W = 50,
         .C = 8,
         .K = 16,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
        {.N = 5,
         .H = 4,
         .W = 4,
         .C = 9,
         .K = 9,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
    };
    return list;
}

/// VGG16's thirteen layers for images of 128 pixels, with their pooling.
inline std::vector<Conv2dProblem> vgg16_convolutions() {
    std::vector<Conv2dProblem> list;
    const auto layer = [&list](int64_t side, int64_t channels, int64_t filters, bool pool) {
        list.push_back({.N = 1,
                        .H = side,
                        .W = side,
                        .C = channels,
                        .K = filters,
                        .pad_top = 1,
                        .pad_left = 1,
                        .pad_bottom = 1,
                        .pad_right = 1,
                        .relu = true,
                        .pool = pool});
    };
    layer(128, 3, 64, false), layer(128, 64, 64, true);
    layer(64, 64, 128, false), layer(64, 128, 128, true);
    layer(32, 128, 256, false), layer(32, 256, 256, false), layer(32, 256, 256, true);
    layer(16, 256, 512, false), layer(16, 512, 512, false), layer(16, 512, 512, true);
    layer(8, 512, 512, false), layer(8, 512, 512, false), layer(8, 512, 512, true);
    return list;
}

/// The same convolutions with and without ReLU and pooling, as far as a 2x2 window fits.
inline std::vector<Conv2dProblem> with_epilogues(const std::vector<Conv2dProblem>& plain) {
    std::vector<Conv2dProblem> list;
    for (Conv2dProblem problem : plain) {
        for (const bool pool : {false, true}) {
            if (pool && (problem.P() < 2 || problem.Q() < 2)) continue;
            for (const bool relu : {false, true}) {
                problem.relu = relu;
                problem.pool = pool;
                list.push_back(problem);
            }
        }
    }
    return list;
}

/// Cheap enough for an emulated backend.
inline bool is_tiny(const Conv2dProblem& problem) {
    return problem.flops() < 1e6;
}

/// "conv2d_forward N2 H5 W7 C3 K4 3x3 stride 2,2 pad 1,1,1,1 relu pool"; pads: top, left, bottom, right.
inline std::string name_of(const std::string& op, const Conv2dProblem& g) {
    const auto text = [](int64_t number) { return std::to_string(number); };
    std::string name = op + " N" + text(g.N) + " H" + text(g.H) + " W" + text(g.W) + " C" + text(g.C) + " K" +
                       text(g.K) + " " + text(g.R) + "x" + text(g.S) + " stride " + text(g.stride_h) + "," +
                       text(g.stride_w) + " pad " + text(g.pad_top) + "," + text(g.pad_left) + "," +
                       text(g.pad_bottom) + "," + text(g.pad_right);
    return name + (g.relu ? " relu" : "") + (g.pool ? " pool" : "");
}

inline Shape shape_of_x(const Conv2dProblem& g) {
    return {g.N, g.H, g.W, g.C};
}

inline Shape shape_of_w(const Conv2dProblem& g) {
    return {g.R, g.S, g.C, g.K};
}

inline Shape shape_of_y(const Conv2dProblem& g) {
    return {g.N, g.out_rows(), g.out_columns(), g.K};
}

/// The position of element `i` in a dense array of rank 4.
struct Place {
    int64_t a, b, c, d;
};

inline Place place_in(const Shape& shape, int64_t i) {
    return {i / (shape[1] * shape[2] * shape[3]), i / (shape[2] * shape[3]) % shape[1],
            i / shape[3] % shape[2], i % shape[3]};
}

/// The gradient that the backward ops are given: dy, and with pooling random codes.
inline void add_gradient(const Conv2dProblem& g, std::vector<Input>& inputs) {
    inputs.push_back({.name = "dy", .shape = shape_of_y(g)});
    if (!g.pool) return;
    const Fill codes = integers(0, g.relu ? kPoolClipped : 3);
    inputs.push_back(
        {.name = "codes", .shape = shape_of_y(g), .fill = codes, .whole = codes, .type = DType::u8});
}

}  // namespace objloc
