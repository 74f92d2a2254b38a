// A backend that passes every call on to another one with a stopwatch around it, so that a training step,
// unchanged, tells where its time goes.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "objloc/engine/backend.h"

namespace objloc::bench {

/// One call of the seam. It has waited for the device, so ops that could overlap were kept from it.
struct TimedOp {
    std::string op;     // the function's name
    std::string layer;  // of the first tensor that has a name (`TimedBackend::name_tensor`), or empty
    std::string shape;  // "64x64x128->128 pool": H x W x C -> K of a convolution, else sizes
    double flops = 0;   // of convolutions and dense layers: multiply-adds times two, summed directly
    double bytes = 0;   // of all tensors read and all written: the least that must move
    double seconds = 0;
};

class TimedBackend : public Backend {
  public:
    /// `inner` must outlive this. Tensors of one are tensors of the other: they share the allocator.
    explicit TimedBackend(Backend& inner);

    /// Off (as at first), calls are passed on untimed and unrecorded.
    void record(bool on) { recording_ = on; }
    /// What was recorded since the last call, in order.
    std::vector<TimedOp> take();
    /// Calls that work on this tensor belong to `layer`.
    void name_tensor(const Tensor& tensor, const std::string& layer);

    std::string name() const override { return inner_.name(); }
    std::string description() const override { return inner_.description(); }
    DType activation_type() const override { return inner_.activation_type(); }

    void upload(const void* host, const Tensor& to) override;
    void download(const Tensor& from, void* host) override;
    void copy(const Tensor& from, const Tensor& to) override;
    void copy_columns(const Tensor& from, int64_t from_column, const Tensor& to, int64_t to_column,
                      int64_t columns) override;
    void fill(const Tensor& y, float value) override;
    void convert(const Tensor& from, const Tensor& to) override;
    void synchronize() override { inner_.synchronize(); }
    // `capture` stays the base class's: a stopwatch cannot look into a replayed graph.

    void conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                        const Tensor& y, const Tensor& codes) override;
    void conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient, const Tensor& w,
                              const Tensor& relu_source, const Tensor& dx) override;
    void conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                 const Conv2dGradient& gradient, const Tensor& dw) override;
    void conv2d_backward_bias(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                              const Tensor& db) override;

    void max_pool2d_forward(const MaxPool2dProblem& problem, const Tensor& x, const Tensor& y,
                            const Tensor& positions) override;
    void max_pool2d_backward(const MaxPool2dProblem& problem, const Tensor& dy, const Tensor& positions,
                             const Tensor& dx) override;

    void dense_forward(const DenseProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                       const Tensor& y) override;
    void dense_backward_data(const DenseProblem& problem, const Tensor& dy, const Tensor& w,
                             const Tensor& dx) override;
    void dense_backward_weights(const DenseProblem& problem, const Tensor& x, const Tensor& dy,
                                const Tensor& dw) override;
    void dense_backward_bias(const DenseProblem& problem, const Tensor& dy, const Tensor& db) override;

    void relu_forward(const Tensor& x, const Tensor& y) override;
    void relu_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) override;
    void sigmoid_forward(const Tensor& x, const Tensor& y) override;
    void sigmoid_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) override;
    void add(const Tensor& a, const Tensor& b, const Tensor& y) override;
    void mul(const Tensor& a, const Tensor& b, const Tensor& y) override;

    void mean_forward(const Tensor& x, const Tensor& y) override;
    void mean_backward(const Tensor& dy, const Tensor& dx) override;
    void bce_forward(const Tensor& p, const Tensor& t, const Tensor& loss) override;
    void bce_backward(const Tensor& p, const Tensor& t, const Tensor& dloss, const Tensor& dp) override;
    void sigmoid_bce_forward(const Tensor& z, const Tensor& t, const Tensor& loss) override;
    void sigmoid_bce_backward(const Tensor& z, const Tensor& t, const Tensor& dloss,
                              const Tensor& dz) override;
    void giou_loss_forward(const Tensor& predicted, const Tensor& truth, const Tensor& loss) override;
    void giou_loss_backward(const Tensor& predicted, const Tensor& truth, const Tensor& dloss,
                            const Tensor& dpredicted) override;
    void cell_boxes_forward(const CellBoxesProblem& problem, const Tensor& votes, const Tensor& attention,
                            const Tensor& boxes) override;
    void cell_boxes_backward(const CellBoxesProblem& problem, const Tensor& votes, const Tensor& attention,
                             const Tensor& dboxes, const Tensor& dvotes) override;
    void sum_squares(const Tensor& x, const Tensor& y) override;

    void adam_update(const AdamSettings& settings, const std::vector<OptimizerSegment>& segments,
                     const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                     const Tensor& m, const Tensor& v, const Tensor& value, const Tensor& bf16_copy) override;
    void sgd_update(const SgdSettings& settings, const std::vector<OptimizerSegment>& segments,
                    const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                    const Tensor& velocity, const Tensor& value, const Tensor& bf16_copy) override;

    void draw_scenes(const SceneSpec& spec, const SceneAssets& assets, const Tensor& first_index,
                     const Tensor& images, const Tensor& boxes) override;
    void box_metrics(const Tensor& predicted, const Tensor& truth, const Tensor& loss,
                     const Tensor& sums) override;
    void advance(const Tensor& counter, int64_t amount) override;

  private:
    struct Call;  // what `timed` is told of a call
    template <typename Work>
    void timed(const Call& call, const Work& work);
    TimedOp described(const Call& call) const;

    Backend& inner_;
    bool recording_ = false;
    std::map<std::pair<const void*, size_t>, std::string> layers_;  // by the tensor's place and bytes
    std::vector<TimedOp> ops_;
};

}  // namespace objloc::bench
