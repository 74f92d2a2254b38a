#include "tools/bench/timed_backend.h"

#include <initializer_list>
#include <utility>

#include "tools/bench/sizes.h"
#include "tools/bench/timing.h"

namespace objloc::bench {

struct TimedBackend::Call {
    const char* op;
    std::initializer_list<Tensor> tensors;  // read or written, twice when both; empty ones do not count
    std::string shape = "";                 // empty: the first tensor's
    double flops = 0;
};

TimedBackend::TimedBackend(Backend& inner) : Backend(inner), inner_(inner) {
}

std::vector<TimedOp> TimedBackend::take() {
    return std::exchange(ops_, {});
}

void TimedBackend::name_tensor(const Tensor& tensor, const std::string& layer) {
    layers_[{tensor.raw(), tensor.bytes()}] = layer;
}

TimedOp TimedBackend::described(const Call& call) const {
    TimedOp op;
    op.op = call.op;
    op.shape = call.shape.empty() ? sizes_text(call.tensors.begin()->shape()) : call.shape;
    op.flops = call.flops;
    for (const Tensor& tensor : call.tensors) {
        if (!tensor) continue;
        op.bytes += static_cast<double>(tensor.bytes());
        const auto named = layers_.find({tensor.raw(), tensor.bytes()});
        if (op.layer.empty() && named != layers_.end()) op.layer = named->second;
    }
    return op;
}

template <typename Work>
void TimedBackend::timed(const Call& call, const Work& work) {
    if (!recording_) return work();
    inner_.synchronize();
    const Clock::time_point begin = Clock::now();
    work();
    inner_.synchronize();
    const double seconds = seconds_since(begin);
    ops_.push_back(described(call));
    ops_.back().seconds = seconds;
}

void TimedBackend::upload(const void* host, const Tensor& to) {
    timed({"upload", {to}}, [&] { inner_.upload(host, to); });
}

void TimedBackend::download(const Tensor& from, void* host) {
    timed({"download", {from}}, [&] { inner_.download(from, host); });
}

void TimedBackend::copy(const Tensor& from, const Tensor& to) {
    timed({"copy", {from, to}}, [&] { inner_.copy(from, to); });
}

void TimedBackend::copy_columns(const Tensor& from, int64_t from_column, const Tensor& to, int64_t to_column,
                                int64_t columns) {
    timed({"copy_columns", {from, to}},
          [&] { inner_.copy_columns(from, from_column, to, to_column, columns); });
}

void TimedBackend::convert(const Tensor& from, const Tensor& to) {
    timed({"convert", {from, to}}, [&] { inner_.convert(from, to); });
}

void TimedBackend::fill(const Tensor& y, float value) {
    timed({"fill", {y}}, [&] { inner_.fill(y, value); });
}

void TimedBackend::conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                  const Tensor& bias, const Tensor& y, const Tensor& codes) {
    timed({"conv2d_forward", {x, w, bias, y, codes}, sizes_text(problem), problem.flops()},
          [&] { inner_.conv2d_forward(problem, x, w, bias, y, codes); });
}

void TimedBackend::conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                        const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    timed({"conv2d_backward_data",
           {gradient.dy, gradient.codes, w, relu_source, dx},
           sizes_text(problem),
           problem.flops()},
          [&] { inner_.conv2d_backward_data(problem, gradient, w, relu_source, dx); });
}

void TimedBackend::conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                           const Conv2dGradient& gradient, const Tensor& dw) {
    timed({"conv2d_backward_weights",
           {x, gradient.dy, gradient.codes, dw},
           sizes_text(problem),
           problem.flops()},
          [&] { inner_.conv2d_backward_weights(problem, x, gradient, dw); });
}

void TimedBackend::conv2d_backward_bias(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                        const Tensor& db) {
    timed({"conv2d_backward_bias", {gradient.dy, gradient.codes, db}, sizes_text(problem)},
          [&] { inner_.conv2d_backward_bias(problem, gradient, db); });
}

void TimedBackend::max_pool2d_forward(const MaxPool2dProblem& problem, const Tensor& x, const Tensor& y,
                                      const Tensor& positions) {
    timed({"max_pool2d_forward", {x, y, positions}},
          [&] { inner_.max_pool2d_forward(problem, x, y, positions); });
}

void TimedBackend::max_pool2d_backward(const MaxPool2dProblem& problem, const Tensor& dy,
                                       const Tensor& positions, const Tensor& dx) {
    timed({"max_pool2d_backward", {dx, dy, positions}},
          [&] { inner_.max_pool2d_backward(problem, dy, positions, dx); });
}

void TimedBackend::dense_forward(const DenseProblem& problem, const Tensor& x, const Tensor& w,
                                 const Tensor& bias, const Tensor& y) {
    timed({"dense_forward", {x, w, bias, y}, sizes_text(problem), flops(problem)},
          [&] { inner_.dense_forward(problem, x, w, bias, y); });
}

void TimedBackend::dense_backward_data(const DenseProblem& problem, const Tensor& dy, const Tensor& w,
                                       const Tensor& dx) {
    timed({"dense_backward_data", {dy, w, dx}, sizes_text(problem), flops(problem)},
          [&] { inner_.dense_backward_data(problem, dy, w, dx); });
}

void TimedBackend::dense_backward_weights(const DenseProblem& problem, const Tensor& x, const Tensor& dy,
                                          const Tensor& dw) {
    timed({"dense_backward_weights", {x, dy, dw}, sizes_text(problem), flops(problem)},
          [&] { inner_.dense_backward_weights(problem, x, dy, dw); });
}

void TimedBackend::dense_backward_bias(const DenseProblem& problem, const Tensor& dy, const Tensor& db) {
    timed({"dense_backward_bias", {dy, db}, sizes_text(problem)},
          [&] { inner_.dense_backward_bias(problem, dy, db); });
}

void TimedBackend::relu_forward(const Tensor& x, const Tensor& y) {
    timed({"relu_forward", {x, y}}, [&] { inner_.relu_forward(x, y); });
}

void TimedBackend::relu_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) {
    timed({"relu_backward", {dy, y, dx}}, [&] { inner_.relu_backward(dy, y, dx); });
}

void TimedBackend::sigmoid_forward(const Tensor& x, const Tensor& y) {
    timed({"sigmoid_forward", {x, y}}, [&] { inner_.sigmoid_forward(x, y); });
}

void TimedBackend::sigmoid_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) {
    timed({"sigmoid_backward", {dy, y, dx}}, [&] { inner_.sigmoid_backward(dy, y, dx); });
}

void TimedBackend::add(const Tensor& a, const Tensor& b, const Tensor& y) {
    timed({"add", {a, b, y}}, [&] { inner_.add(a, b, y); });
}

void TimedBackend::mul(const Tensor& a, const Tensor& b, const Tensor& y) {
    timed({"mul", {a, b, y}}, [&] { inner_.mul(a, b, y); });
}

void TimedBackend::mean_forward(const Tensor& x, const Tensor& y) {
    timed({"mean_forward", {x, y}}, [&] { inner_.mean_forward(x, y); });
}

void TimedBackend::mean_backward(const Tensor& dy, const Tensor& dx) {
    timed({"mean_backward", {dx, dy}}, [&] { inner_.mean_backward(dy, dx); });
}

void TimedBackend::bce_forward(const Tensor& p, const Tensor& t, const Tensor& loss) {
    timed({"bce_forward", {p, t, loss}}, [&] { inner_.bce_forward(p, t, loss); });
}

void TimedBackend::bce_backward(const Tensor& p, const Tensor& t, const Tensor& dloss, const Tensor& dp) {
    timed({"bce_backward", {p, t, dloss, dp}}, [&] { inner_.bce_backward(p, t, dloss, dp); });
}

void TimedBackend::sigmoid_bce_forward(const Tensor& z, const Tensor& t, const Tensor& loss) {
    timed({"sigmoid_bce_forward", {z, t, loss}}, [&] { inner_.sigmoid_bce_forward(z, t, loss); });
}

void TimedBackend::sigmoid_bce_backward(const Tensor& z, const Tensor& t, const Tensor& dloss,
                                        const Tensor& dz) {
    timed({"sigmoid_bce_backward", {z, t, dloss, dz}}, [&] { inner_.sigmoid_bce_backward(z, t, dloss, dz); });
}

void TimedBackend::giou_loss_forward(const Tensor& predicted, const Tensor& truth, const Tensor& loss) {
    timed({"giou_loss_forward", {predicted, truth, loss}},
          [&] { inner_.giou_loss_forward(predicted, truth, loss); });
}

void TimedBackend::giou_loss_backward(const Tensor& predicted, const Tensor& truth, const Tensor& dloss,
                                      const Tensor& dpredicted) {
    timed({"giou_loss_backward", {predicted, truth, dloss, dpredicted}},
          [&] { inner_.giou_loss_backward(predicted, truth, dloss, dpredicted); });
}

void TimedBackend::cell_boxes_forward(const CellBoxesProblem& problem, const Tensor& votes,
                                      const Tensor& attention, const Tensor& boxes) {
    timed({"cell_boxes_forward", {votes, attention, boxes}},
          [&] { inner_.cell_boxes_forward(problem, votes, attention, boxes); });
}

void TimedBackend::cell_boxes_backward(const CellBoxesProblem& problem, const Tensor& votes,
                                       const Tensor& attention, const Tensor& dboxes, const Tensor& dvotes) {
    timed({"cell_boxes_backward", {votes, attention, dboxes, dvotes}},
          [&] { inner_.cell_boxes_backward(problem, votes, attention, dboxes, dvotes); });
}

void TimedBackend::sum_squares(const Tensor& x, const Tensor& y) {
    timed({"sum_squares", {x, y}}, [&] { inner_.sum_squares(x, y); });
}

void TimedBackend::adam_update(const AdamSettings& settings, const std::vector<OptimizerSegment>& segments,
                               const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                               const Tensor& m, const Tensor& v, const Tensor& value,
                               const Tensor& bf16_copy) {
    timed({"adam_update", {gradient, m, m, v, v, value, value, bf16_copy}}, [&] {
        inner_.adam_update(settings, segments, control, squared_norm, gradient, m, v, value, bf16_copy);
    });
}

void TimedBackend::sgd_update(const SgdSettings& settings, const std::vector<OptimizerSegment>& segments,
                              const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                              const Tensor& velocity, const Tensor& value, const Tensor& bf16_copy) {
    timed({"sgd_update", {gradient, velocity, velocity, value, value, bf16_copy}}, [&] {
        inner_.sgd_update(settings, segments, control, squared_norm, gradient, velocity, value, bf16_copy);
    });
}

void TimedBackend::draw_scenes(const SceneSpec& spec, const SceneAssets& assets, const Tensor& first_index,
                               const Tensor& images, const Tensor& boxes) {
    timed({"draw_scenes", {images, boxes}},
          [&] { inner_.draw_scenes(spec, assets, first_index, images, boxes); });
}

void TimedBackend::box_metrics(const Tensor& predicted, const Tensor& truth, const Tensor& loss,
                               const Tensor& sums) {
    timed({"box_metrics", {predicted, truth, loss, sums, sums}},
          [&] { inner_.box_metrics(predicted, truth, loss, sums); });
}

void TimedBackend::advance(const Tensor& counter, int64_t amount) {
    timed({"advance", {counter, counter}}, [&] { inner_.advance(counter, amount); });
}

}  // namespace objloc::bench
