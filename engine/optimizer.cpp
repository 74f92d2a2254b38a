#include "objloc/engine/optimizer.h"

#include <array>
#include <cmath>

#include "objloc/engine/error.h"

namespace objloc {
namespace {

Tensor zeros_like(Backend& backend, const Tensor& like) {
    const Tensor zeros = backend.allocate(like.shape());
    backend.fill(zeros, 0.0f);
    return zeros;
}

bool is_kernel(const Parameter& parameter) {
    return parameter.shape.rank() > 1;
}

}  // namespace

Optimizer::Optimizer(Backend& backend, const ParameterSet& parameters, const OptimizerOptions& options,
                     const std::function<bool(const Parameter&)>& in_backbone)
    : backend_(backend), parameters_(parameters), options_(options) {
    if (!parameters.flat_values()) {
        throw Error("optimizer", "there is no trainable parameter", "Unfreeze a layer.");
    }
    segments_ = parameters.segments([&](const Parameter& parameter, OptimizerSegment& segment) {
        segment.rate_multiplier = in_backbone(parameter) ? options.backbone_rate : 1.0f;
        segment.weight_decay = is_kernel(parameter) ? options.weight_decay : 0.0f;
    });
    control_ = backend.allocate({StepControl::kCount});
    squared_norm_ = backend.allocate({1});
    first_moment_ = zeros_like(backend, parameters.flat_values());
    if (std::holds_alternative<AdamSettings>(options.rule)) {
        second_moment_ = zeros_like(backend, parameters.flat_values());
    }
}

void Optimizer::begin_step(double rate) {
    ++steps_;
    double corrected = rate;
    if (const auto* adam = std::get_if<AdamSettings>(&options_.rule)) {
        const double t = static_cast<double>(steps_);
        corrected =
            rate * std::sqrt(1 - std::pow(double{adam->beta2}, t)) / (1 - std::pow(double{adam->beta1}, t));
    }
    std::array<float, StepControl::kCount> control{};
    control[StepControl::kRate] = static_cast<float>(rate);
    control[StepControl::kCorrectedRate] = static_cast<float>(corrected);
    control[StepControl::kClipNorm] = options_.clip_norm;
    backend_.upload(control.data(), control_);
}

void Optimizer::update() {
    const Tensor& gradient = parameters_.flat_gradients();
    const Tensor &value = parameters_.flat_values(), &bf16_copy = parameters_.flat_bf16_copies();
    backend_.sum_squares(gradient, squared_norm_);
    if (const auto* adam = std::get_if<AdamSettings>(&options_.rule)) {
        backend_.adam_update(*adam, segments_, control_, squared_norm_, gradient, first_moment_,
                             second_moment_, value, bf16_copy);
    } else {
        backend_.sgd_update(std::get<SgdSettings>(options_.rule), segments_, control_, squared_norm_,
                            gradient, first_moment_, value, bf16_copy);
    }
}

double Optimizer::gradient_norm() const {
    float squared = 0;
    backend_.download(squared_norm_, &squared);
    return std::sqrt(double{squared});
}

}  // namespace objloc
