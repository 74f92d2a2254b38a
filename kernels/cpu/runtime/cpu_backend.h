// The backend that is always there: every op on the processor's cores, through OpenMP. Convolutions are our
// own Winograd F(4x4, 3x3) where it applies, and oneDNN's direct sums elsewhere.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/registry.h"

namespace objloc {
namespace cpu {
class Convolutions;
}

/// Work is done when a call returns. Results have the same bits for any number of threads.
class CpuBackend : public Backend {
  public:
    explicit CpuBackend(const BackendOptions& options);
    ~CpuBackend() override;

    std::string name() const override { return "cpu"; }
    std::string description() const override;

    void upload(const void* host, const Tensor& to) override;
    void download(const Tensor& from, void* host) override;
    void copy(const Tensor& from, const Tensor& to) override;
    void copy_columns(const Tensor& from, int64_t from_column, const Tensor& to, int64_t to_column,
                      int64_t columns) override;
    void fill(const Tensor& y, float value) override;
    void convert(const Tensor& from, const Tensor& to) override;
    void synchronize() override {}

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
    CpuBackend(const BackendOptions& options, const std::shared_ptr<CachingAllocator>& allocator);

    int threads_;
    Precision asked_, used_;
    std::unique_ptr<cpu::Convolutions> convolutions_;
};

/// Throws Error when `options` asks for a number of threads that makes no sense.
std::unique_ptr<Backend> make_cpu_backend(const BackendOptions& options);

}  // namespace objloc
