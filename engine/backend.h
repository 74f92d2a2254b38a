// The one seam: what a device must be able to do. One function per primitive op, forward and its backwards.
//
// Above the seam (engine/ops, models, tools) everything is written once and shapes are checked; below it
// (kernels/*) nothing knows autograd, and shapes may be trusted. All tensors live in this backend's memory.
// Outputs are overwritten, never added to, unless a function says so. Work may be queued: results are there
// after `synchronize` or `download`. The references that define each op to the bit of doubt are in
// kernels/reference/.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "objloc/engine/allocator.h"
#include "objloc/engine/problem.h"
#include "objloc/engine/scene.h"
#include "objloc/engine/tensor.h"

namespace objloc {

/// The gradient of a convolution's output before its activation. When the problem pools, `dy` is the gradient
/// of the pooled output (N, P/2, Q/2, K) and `codes` (u8, same shape) says which of the four each one goes
/// to; else `dy` is (N, P, Q, K), already zero where ReLU clipped, and `codes` is empty.
struct Conv2dGradient {
    Tensor dy, codes;
    /// Where a backend that wants a pooled gradient spread over all pixels, (N, P, Q, K), may keep it for the
    /// next pass with the same gradient. Null: there is none.
    std::shared_ptr<Tensor> unpooled = nullptr;
};

/// The pictures that scenes are drawn from.
struct SceneAssets {
    Tensor sprites;      // i32 (sprites, 3): SpriteEntry
    Tensor atlas;        // u8 (bytes): RGBA
    Tensor backgrounds;  // u8 (B, side, side, 3)
};

/// Adam over all parameters at once, Keras's form: moments m and v, then
/// value -= rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon).
/// Source: Kingma, Ba, "Adam", ICLR 2015, section 2's efficient form; keras.optimizers.Adam.
struct AdamSettings {
    float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-7f;
};

/// SGD with momentum, Keras's form: velocity = momentum * velocity - rate * g; value += velocity, or with
/// Nesterov value += momentum * velocity - rate * g.
struct SgdSettings {
    float momentum = 0.9f;
    bool nesterov = false;
};

/// What changes from step to step, kept on the device so that a captured step can be replayed. f32 (kCount).
struct StepControl {
    enum : int { kRate, kCorrectedRate, kClipNorm, kCount };  // kClipNorm <= 0: no clipping
};

/// What `box_metrics` adds up over a log interval; f32 (kCount), all zero at the start.
struct BoxMetrics {
    enum : int {
        kSteps,        // calls
        kFiniteSteps,  // calls before the first loss that is not finite
        kImages,       // boxes
        kLoss,         // sum over calls of the loss given
        kFloor,        // sum over boxes of the targets' mean entropy: the least cross-entropy there is
        kIoU,          // sum over boxes
        kIoUOver50,    // boxes with IoU >= 0.5
        kIoUOver75,
        kCentreError,  // sum over boxes of the distance between centres, in fractions of the side
        kSizeError,    // sum over boxes of |width - true width| + |height - true height|, halved
        kPredicted,    // 4 sums of the predicted outputs (square boxes leave the fourth 0)
        kPredictedSquared = kPredicted + 4,  // 4 sums of their squares: variance shows collapse
        kCount = kPredictedSquared + 4
    };
};

class Backend {
  public:
    virtual ~Backend() = default;

    /// "cpu", "cuda", "cudnn", "cuda-host".
    virtual std::string name() const = 0;
    /// One line for people: processor or GPU, memory, driver, threads.
    virtual std::string description() const = 0;
    /// What activations and their gradients should be stored in: f32, or bf16 when this backend was asked to
    /// compute in that (engine/precision.h) and can.
    virtual DType activation_type() const { return DType::f32; }

    // ---- Memory -----------------------------------------------------------------------------------------
    /// Elements are not initialised. Throws Error when memory runs out: what was asked, what is free.
    Tensor allocate(const Shape& shape, DType type = DType::f32);
    CachingAllocator& allocator() const { return *allocator_; }
    /// Copies `bytes()` of the tensor from or to host memory. `download` waits for all queued work.
    virtual void upload(const void* host, const Tensor& to) = 0;
    virtual void download(const Tensor& from, void* host) = 0;
    virtual void copy(const Tensor& from, const Tensor& to) = 0;
    /// Of matrices (N, everything else), f32: to[n, to_column + j] = from[n, from_column + j] for j <
    /// columns.
    virtual void copy_columns(const Tensor& from, int64_t from_column, const Tensor& to, int64_t to_column,
                              int64_t columns) = 0;
    virtual void fill(const Tensor& y, float value) = 0;  // f32
    /// to = from in another type: f32 to bf16 rounds to nearest, ties to even; bf16 to f32 is exact.
    virtual void convert(const Tensor& from, const Tensor& to) = 0;
    virtual void synchronize() = 0;

    /// Makes `step`, whose shapes and addresses are the same each time, cheap to repeat: CUDA captures it
    /// once into a graph. The base class returns it as it is.
    virtual std::function<void()> capture(std::function<void()> step);

    // Types. Tensors are f32, except that activations and their gradients (x, y, dx, dy, relu_source), and
    // with them w, may all be bf16 on a backend whose `activation_type` is that, in: convolutions,
    // max_pool2d, relu, add, mul. bias, dw, db stay f32.

    // ---- Convolution: x (N,H,W,C), w (R,S,C,K), bias (K) or empty, y (N, out_rows, out_columns, K) --------
    /// `codes` (u8, y's shape) is written when the problem pools, else empty.
    virtual void conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                const Tensor& bias, const Tensor& y, const Tensor& codes) = 0;
    /// `relu_source` is empty, or x when x came out of a ReLU: dx is then zero where x <= 0.
    virtual void conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                      const Tensor& w, const Tensor& relu_source, const Tensor& dx) = 0;
    virtual void conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                         const Conv2dGradient& gradient, const Tensor& dw) = 0;
    virtual void conv2d_backward_bias(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                      const Tensor& db) = 0;

    // ---- Pooling: x (N,H,W,C), y (N,P,Q,C); positions (i32, y's shape) = r * S + s of the maximum ---------
    virtual void max_pool2d_forward(const MaxPool2dProblem& problem, const Tensor& x, const Tensor& y,
                                    const Tensor& positions) = 0;
    virtual void max_pool2d_backward(const MaxPool2dProblem& problem, const Tensor& dy,
                                     const Tensor& positions, const Tensor& dx) = 0;

    // ---- Dense: x (N, inputs), w (inputs, outputs), bias (outputs) or empty, y (N, outputs) --------------
    virtual void dense_forward(const DenseProblem& problem, const Tensor& x, const Tensor& w,
                               const Tensor& bias, const Tensor& y) = 0;
    virtual void dense_backward_data(const DenseProblem& problem, const Tensor& dy, const Tensor& w,
                                     const Tensor& dx) = 0;
    virtual void dense_backward_weights(const DenseProblem& problem, const Tensor& x, const Tensor& dy,
                                        const Tensor& dw) = 0;
    virtual void dense_backward_bias(const DenseProblem& problem, const Tensor& dy, const Tensor& db) = 0;

    // ---- Elementwise; outputs may be the same memory as an input ------------------------------------------
    virtual void relu_forward(const Tensor& x, const Tensor& y) = 0;
    virtual void relu_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) = 0;
    virtual void sigmoid_forward(const Tensor& x, const Tensor& y) = 0;
    virtual void sigmoid_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) = 0;
    virtual void add(const Tensor& a, const Tensor& b, const Tensor& y) = 0;  // y = a + b
    virtual void mul(const Tensor& a, const Tensor& b, const Tensor& y) = 0;  // y = a * b

    // ---- Boxes from cells: votes (N, cells, 1 + outputs), attention (N, cells), boxes (N, outputs)
    // ---------
    /// One box from many votes, see CellBoxesProblem. `attention` is written for the backward.
    virtual void cell_boxes_forward(const CellBoxesProblem& problem, const Tensor& votes,
                                    const Tensor& attention, const Tensor& boxes) = 0;
    virtual void cell_boxes_backward(const CellBoxesProblem& problem, const Tensor& votes,
                                     const Tensor& attention, const Tensor& dboxes, const Tensor& dvotes) = 0;

    // ---- Reductions and losses: loss, mean and their gradients are f32 (1) --------------------------------
    virtual void mean_forward(const Tensor& x, const Tensor& y) = 0;
    virtual void mean_backward(const Tensor& dy, const Tensor& dx) = 0;
    /// Mean binary cross-entropy of probabilities p against targets t, p clipped to [1e-7, 1 - 1e-7] as in
    /// keras.losses.binary_crossentropy; no gradient where it clips.
    virtual void bce_forward(const Tensor& p, const Tensor& t, const Tensor& loss) = 0;
    virtual void bce_backward(const Tensor& p, const Tensor& t, const Tensor& dloss, const Tensor& dp) = 0;
    /// The same of sigmoid(z), exact for any z: max(z, 0) - z t + log(1 + exp(-|z|)), as
    /// tf.nn.sigmoid_cross_entropy_with_logits.
    virtual void sigmoid_bce_forward(const Tensor& z, const Tensor& t, const Tensor& loss) = 0;
    virtual void sigmoid_bce_backward(const Tensor& z, const Tensor& t, const Tensor& dloss,
                                      const Tensor& dz) = 0;
    /// Mean of 1 - GIoU of boxes predicted and true (N, 3 or 4), as (x, y, size) or (x, y, w, h); a predicted
    /// side below kMinBoxSide counts as that and gets no gradient. Source: Rezatofighi et al., "Generalized
    /// intersection over union", CVPR 2019.
    virtual void giou_loss_forward(const Tensor& predicted, const Tensor& truth, const Tensor& loss) = 0;
    virtual void giou_loss_backward(const Tensor& predicted, const Tensor& truth, const Tensor& dloss,
                                    const Tensor& dpredicted) = 0;
    /// y (1) = sum of x^2: the squared global norm of the gradients.
    virtual void sum_squares(const Tensor& x, const Tensor& y) = 0;

    // ---- Updates of the flat parameter buffer -------------------------------------------------------------
    /// `control` holds StepControl, `squared_norm` (1) the gradients' sum of squares. Gradients are scaled by
    /// min(1, clip / norm); when the norm is not finite nothing is changed, so the last good state survives.
    /// `bf16_copy` is empty, or of value's shape in bf16: each value that is written is written there too,
    /// rounded to nearest, ties to even. Where values stay as they are (outside of the segments, after a norm
    /// that is not finite) the bf16_copy stays too: it equals its rounded values after the call if it did
    /// before.
    virtual void adam_update(const AdamSettings& settings, const std::vector<OptimizerSegment>& segments,
                             const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                             const Tensor& m, const Tensor& v, const Tensor& value,
                             const Tensor& bf16_copy) = 0;
    virtual void sgd_update(const SgdSettings& settings, const std::vector<OptimizerSegment>& segments,
                            const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                            const Tensor& velocity, const Tensor& value, const Tensor& bf16_copy) = 0;

    // ---- Scenes and what is said about boxes --------------------------------------------------------------
    /// Images first_index[0] .. first_index[0] + N - 1 of the scene, as engine/scene.h defines them: images
    /// (N, side, side, 3) f32, each `scene_value`, boxes (N, outputs) f32, each `box_fraction`. `first_index`
    /// is i64 (1).
    virtual void draw_scenes(const SceneSpec& spec, const SceneAssets& assets, const Tensor& first_index,
                             const Tensor& images, const Tensor& boxes) = 0;
    /// Adds one batch to `sums` (BoxMetrics): boxes predicted and true (N, 3 or 4) in fractions, loss (1).
    virtual void box_metrics(const Tensor& predicted, const Tensor& truth, const Tensor& loss,
                             const Tensor& sums) = 0;
    /// counter[0] += amount, i64 (1).
    virtual void advance(const Tensor& counter, int64_t amount) = 0;

  protected:
    explicit Backend(std::shared_ptr<CachingAllocator> allocator) : allocator_(std::move(allocator)) {}

  private:
    std::shared_ptr<CachingAllocator> allocator_;
};

}  // namespace objloc
