// One op on one shape, as data: what goes in, what comes out, how a backend runs it, what the reference says.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"
#include "objloc/kernels/reference/op_case_inputs.h"

namespace objloc::bench {

struct KernelOutput {
    Shape shape;
    DType type = DType::f32;
    int updates = -1;  // the input whose values it holds before the op, for what is read and written
};

struct KernelCase {
    std::string op;     // the function of Backend
    std::string layer;  // "2_2" of VGG16, or empty
    std::string shape;  // for people
    std::vector<Input> inputs;
    std::vector<KernelOutput> outputs;
    std::function<void(Backend&, const std::vector<Tensor>& in, const std::vector<Tensor>& out)> run;
    /// Sets every element of all outputs, which hold what the op finds there ...
    std::function<void(const Arrays& in, Arrays& out)> reference = nullptr;
    /// ... or, where that takes too long, gives one element of one output.
    std::function<double(const Arrays& in, size_t output, int64_t element)> reference_at = nullptr;
    double flops = 0;
    int64_t terms = 1;               // of its longest sum: rounding errors grow with the square root
    Conv2dProblem problem{};         // of convolutions
    size_t read_in_full = SIZE_MAX;  // so many inputs are; of further ones too little to count

    /// Of convolutions, but for the bias's gradient, which is a sum.
    std::optional<ConvPass> pass() const;
    /// "2_2 64x64x128->128".
    std::string label() const { return layer.empty() ? shape : layer + " " + shape; }
    /// Of all that is read and all that is written: the least that must move.
    double bytes() const;
};

/// A case's tensors on a backend.
struct KernelBuffers {
    std::vector<Tensor> in, out;
};

/// Inputs as drawn; outputs poisoned, so that what stays unwritten shows.
KernelBuffers upload(const KernelCase& op, Backend& backend, const Arrays& in);
/// The same contents elsewhere in memory.
KernelBuffers clone(Backend& backend, const KernelBuffers& buffers);

Arrays draw_inputs(const KernelCase& op);

/// What outputs should be, at the elements that are checked: all, or every corner and a random 300.
struct Expectation {
    std::vector<std::vector<int64_t>> elements;  // of each output
    Arrays values;
};
Expectation expect(const KernelCase& op, const Arrays& in);

/// The reference's verdict.
struct Correctness {
    double error = 0;  // of f32 outputs, the worst: root mean square, relative to the reference's
    bool passed = true;
};

/// The case with its activations in bf16; what belongs to parameters, and biases, stay f32.
KernelCase in_bf16(KernelCase op);

/// Runs the op once on fresh buffers. `error_scale` widens what rounding of f32 sums explains; `rounding` is
/// the relative error of a factor or a result that is rounded to less than f32. Chosen places (pooling codes)
/// may differ in 1 of 100, and by `rounding` more, where two values of a window are nearly equal.
Correctness check(const KernelCase& op, Backend& backend, const Arrays& in, const Expectation& expected,
                  double error_scale, double rounding);

}  // namespace objloc::bench
