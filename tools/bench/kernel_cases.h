// The cases that kernel_bench knows, family by family, for sizes that the caller gives.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/kernel_case.h"

namespace objloc::bench {

/// A convolution of a model.
struct ConvLayer {
    std::string layer;  // "2_2", or empty
    Conv2dProblem problem;
    bool relu_input = false;  // its input came out of a ReLU, so its data gradient is masked
    bool first = false;       // its input are the images, so nobody asks for a data gradient
};

/// Forward with bias, and the three gradients.
std::vector<KernelCase> conv2d_cases(const std::vector<ConvLayer>& layers);
std::vector<KernelCase> max_pool2d_cases(const std::vector<Pool2dProblem>& problems);
std::vector<KernelCase> dense_cases(const DenseProblem& problem);
/// fill, copy, relu, sigmoid, add, mul, and their gradients.
std::vector<KernelCase> elementwise_cases(const Shape& shape);
/// mean, bce, sigmoid_bce, giou_loss with their gradients, of boxes (N, outputs); box_metrics.
std::vector<KernelCase> loss_cases(int64_t N, int64_t outputs);
/// copy_columns, as concatenating joins the votes of four grids; cell_boxes and its gradient, of N images of
/// `side` pixels.
std::vector<KernelCase> cell_cases(int64_t N, int64_t side, int64_t outputs);
/// sum_squares, adam_update, sgd_update over so many parameters.
std::vector<KernelCase> update_cases(int64_t parameters);
/// draw_scenes of N images of `side` pixels, with the pictures that come with the program.
std::vector<KernelCase> scene_cases(int64_t N, int32_t side);

}  // namespace objloc::bench
