// The convolutions that the cases try, as data, and what the four ops' cases have in common.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "objloc/engine/problem.h"
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"

namespace objloc {

/// A convolution as one line of a table: x (N, H, W, C), K filters, kernel (R, S), pads (top, left, bottom,
/// right).
inline Conv2dProblem convolution(std::array<int64_t, 4> x, int64_t filters,
                                 std::array<int64_t, 2> kernel = {3, 3},
                                 std::array<int64_t, 4> pad = {1, 1, 1, 1},
                                 std::array<int64_t, 2> stride = {1, 1}) {
    Conv2dProblem problem;
    problem.N = x[0], problem.H = x[1], problem.W = x[2], problem.C = x[3], problem.K = filters;
    problem.R = kernel[0], problem.S = kernel[1];
    problem.pad_top = pad[0], problem.pad_left = pad[1], problem.pad_bottom = pad[2],
    problem.pad_right = pad[3];
    problem.stride_h = stride[0], problem.stride_w = stride[1];
    return problem;
}

/// 'Same' padding at stride 1, and a ReLU, as VGG16 has them.
inline Conv2dProblem same_convolution(std::array<int64_t, 4> x, int64_t filters,
                                      std::array<int64_t, 2> kernel = {3, 3}) {
    const int64_t top = (kernel[0] - 1) / 2, left = (kernel[1] - 1) / 2;
    Conv2dProblem problem =
        convolution(x, filters, kernel, {top, left, kernel[0] - 1 - top, kernel[1] - 1 - left});
    problem.relu = true;
    return problem;
}

/// Odd and extreme sizes; each costs below a million multiply-adds or so.
inline std::vector<Conv2dProblem> small_convolutions() {
    return {
        convolution({1, 1, 1, 1}, 1, {1, 1}, {0, 0, 0, 0}),
        convolution({2, 1, 1, 3}, 5),
        convolution({1, 7, 5, 1}, 1),
        convolution({2, 6, 9, 3}, 4, {1, 1}, {0, 0, 0, 0}),
        convolution({1, 9, 8, 3}, 64),
        convolution({2, 7, 11, 7}, 5),
        convolution({1, 5, 6, 17}, 33),
        convolution({3, 8, 8, 16}, 8),
        convolution({5, 4, 4, 9}, 9),
        convolution({1, 4, 50, 8}, 16),
        convolution({1, 3, 2, 10}, 24),
        convolution({2, 8, 7, 5}, 6, {3, 3}, {0, 0, 0, 0}),
        convolution({2, 7, 6, 8}, 8, {3, 3}, {2, 0, 1, 2}),
        convolution({1, 9, 10, 4}, 3, {5, 3}, {2, 1, 2, 1}),
        convolution({1, 10, 9, 3}, 7, {3, 5}, {0, 2, 1, 0}),
        convolution({1, 9, 6, 2}, 32, {5, 3}, {2, 0, 2, 0}),
        convolution({1, 8, 9, 3}, 4, {2, 2}, {0, 0, 1, 1}),
        convolution({1, 2, 3, 3}, 4, {5, 5}, {2, 2, 2, 2}),  // the kernel is larger than the image
        convolution({2, 9, 7, 3}, 6, {3, 3}, {1, 1, 1, 1}, {2, 2}),
        convolution({2, 7, 9, 4}, 16, {3, 3}, {0, 1, 0, 0}, {2, 2}),
        convolution({1, 11, 13, 2}, 5, {3, 3}, {0, 1, 2, 0}, {3, 2}),
        convolution({1, 8, 8, 4}, 4, {1, 1}, {0, 0, 0, 0}, {3, 3}),  // pixels that no window reads
    };
}

/// Sizes that tensor cores take, for every part of a tile: one that is mostly empty, more than one along each
/// axis with a rest on every side, slices of depth that end within one or cross from tap to tap, pixels split
/// among blocks.
inline std::vector<Conv2dProblem> tensor_core_convolutions() {
    return {
        convolution({1, 1, 1, 8}, 8, {1, 1}, {0, 0, 0, 0}),
        convolution({1, 4, 4, 8}, 8),
        convolution({2, 7, 5, 24}, 40),                               // channels that do not fill a slice
        convolution({1, 18, 16, 16}, 8),                              // more pixels than a tile of 256
        convolution({3, 11, 9, 8}, 136, {1, 1}, {0, 0, 0, 0}),        // more filters than a tile of 128
        convolution({1, 5, 4, 136}, 16, {1, 1}, {0, 0, 0, 0}),        // and channels
        convolution({1, 6, 6, 64}, 72),                               // VGG16's kind
        convolution({1, 9, 10, 8}, 16, {5, 3}, {2, 1, 0, 2}),         // 120 values under a kernel
        convolution({2, 9, 8, 16}, 8, {3, 3}, {1, 1, 1, 1}, {2, 2}),  // a stride
        convolution({1, 8, 7, 8}, 8, {2, 2}, {0, 1, 1, 0}, {3, 2}),   // and one that skips pixels
        convolution({1, 2, 3, 8}, 16, {5, 5}, {2, 2, 2, 2}),          // the kernel is larger than the image
    };
}

/// First layers, of 1 to 4 channels and at most 32 values under the kernel: images narrower than a span of 16
/// pixels, of 1, 2, 4 and 8 spans and more than 8 with rests on both sides, rows that are whole pieces of 16
/// bytes and others, filters that do not fill 64 (or 32) and that fill more.
inline std::vector<Conv2dProblem> first_layer_convolutions() {
    return {
        convolution({1, 1, 1, 3}, 8),
        convolution({2, 5, 7, 3}, 16),
        convolution({1, 17, 9, 3}, 24),
        convolution({1, 37, 16, 3}, 8),                       // two strips below each other
        convolution({2, 9, 24, 3}, 8),                        // whole pieces, two spans
        convolution({1, 6, 40, 3}, 8),                        // four
        convolution({1, 5, 136, 3}, 8),                       // two strips side by side
        convolution({1, 3, 130, 1}, 8),                       // one channel
        convolution({2, 6, 8, 3}, 64),                        // VGG16's kind
        convolution({1, 4, 6, 3}, 72),                        // more than a block's filters
        convolution({1, 7, 5, 2}, 40),                        // two channels
        convolution({1, 6, 9, 4}, 16, {2, 4}, {1, 2, 0, 1}),  // four, 32 values under a kernel
        convolution({2, 5, 6, 4}, 8, {1, 1}, {0, 0, 0, 0}),
        convolution({1, 9, 8, 1}, 8, {5, 5}, {2, 2, 2, 2}),
        convolution({1, 8, 17, 2}, 8, {5, 3}, {0, 3, 1, 0}),
        convolution({1, 8, 33, 3}, 32, {3, 3}, {0, 0, 1, 1}),
        convolution({1, 3, 20, 1}, 8, {1, 32}, {0, 15, 0, 16}),  // 32 values in a row
        convolution({1, 2, 3, 1}, 8, {5, 5}, {2, 2, 2, 2}),      // the kernel is larger than the image
    };
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

/// Any sizes, kernels, pads and strides with which a window fits, and any epilogue.
inline std::vector<Conv2dProblem> random_convolutions(Random& random) {
    const auto size = [&random](int64_t low, int64_t high) { return draw(random, low, high); };
    std::vector<Conv2dProblem> list;
    while (list.size() < kRandomShapes) {
        Conv2dProblem g;
        g.N = size(1, 3), g.H = size(1, 12), g.W = size(1, 12), g.C = size(1, 17), g.K = size(1, 17);
        g.R = size(1, 5), g.S = size(1, 5), g.stride_h = size(1, 3), g.stride_w = size(1, 3);
        g.pad_top = size(0, g.R - 1), g.pad_bottom = size(0, g.R - 1);
        g.pad_left = size(0, g.S - 1), g.pad_right = size(0, g.S - 1);
        if (g.H + g.pad_top + g.pad_bottom < g.R || g.W + g.pad_left + g.pad_right < g.S) continue;
        g.relu = size(0, 1) == 1;
        g.pool = size(0, 1) == 1 && g.P() > 1 && g.Q() > 1;
        list.push_back(g);
    }
    return list;
}

/// Cheap enough for an emulated backend.
inline bool is_tiny(const Conv2dProblem& problem) {
    return problem.flops() < 1e6;
}

/// "N2 H5 W7 C3 K4 3x3 stride 2,2 pad 1,1,1,1 relu pool"; pads: top, left, bottom, right.
inline std::string text_of(const Conv2dProblem& g) {
    const auto text = [](int64_t number) { return std::to_string(number); };
    return "N" + text(g.N) + " H" + text(g.H) + " W" + text(g.W) + " C" + text(g.C) + " K" + text(g.K) + " " +
           text(g.R) + "x" + text(g.S) + " stride " + text(g.stride_h) + "," + text(g.stride_w) + " pad " +
           text(g.pad_top) + "," + text(g.pad_left) + "," + text(g.pad_bottom) + "," + text(g.pad_right) +
           (g.relu ? " relu" : "") + (g.pool ? " pool" : "");
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

/// A case as the benchmark names it.
inline OpCase of_layer(OpCase op, const ConvLayer& layer) {
    op.layer = layer.layer;
    op.shape = sizes_text(layer.problem);
    return op;
}

}  // namespace objloc
