// The CUDA backend: each op is a hand-written kernel in the file of its name. All work goes to one stream, so
// it runs in the order it was asked for, and memory that is freed may be handed out again at once.
//
// IEEE division and square root, no atomics on floats: in fp32 two runs give the same bits, on one GPU model
// and on another. With tf32 or bf16 (engine/precision.h) convolutions run on tensor cores: two runs give the
// same bits on one GPU model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/registry.h"
#include "objloc/kernels/cuda/runtime/handles.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// What the choice of kernels asks about the device. Throws Error where there is none.
CudaDevice current_device();

class CudaBackend : public Backend {
  public:
    /// `reuse` false gives freed memory back at once (see CachingAllocator).
    explicit CudaBackend(std::string name, const BackendOptions& options, Reuse reuse = Reuse::always);
    ~CudaBackend() override;

    std::string name() const override { return name_; }
    std::string description() const override;
    DType activation_type() const override {
        return options_.precision == Precision::bf16 ? DType::bf16 : DType::f32;
    }
    cudaStream_t stream() const { return stream_.get(); }

    /// The host's buffer may be used again when this returns; the copy takes its turn among the queued work.
    /// Not part of a captured step: what changes from step to step is uploaded between replays.
    void upload(const void* host, const Tensor& to) override;
    void download(const Tensor& from, void* host) override;
    void copy(const Tensor& from, const Tensor& to) override;
    void copy_columns(const Tensor& from, int64_t from_column, const Tensor& to, int64_t to_column,
                      int64_t columns) override;
    void fill(const Tensor& y, float value) override;
    void convert(const Tensor& from, const Tensor& to) override;
    void synchronize() override;

    /// The first call runs `step` as it is, the second captures it into a CUDA graph, and that one and all
    /// further ones launch the graph. The graph keeps the memory it was captured with to itself, for as long
    /// as the result lives; the backend must outlive it.
    std::function<void()> capture(std::function<void()> step) override;

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
    class CapturedStep;

    CudaBackend(std::string name, const BackendOptions& options, std::shared_ptr<CachingAllocator> memory);
    void refuse_while_capturing(const char* what) const;

    std::string name_;
    BackendOptions options_;
    CudaDevice device_;
    std::shared_ptr<CachingAllocator> memory_;  // the base class's own, for captured steps to share
    Stream stream_;
    bool capturing_ = false;
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
