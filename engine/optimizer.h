// Adam and SGD over all trainable parameters at once, with Keras's semantics, global-norm clipping, and a
// rate and decay for each part of the model.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "objloc/engine/parameters.h"

namespace objloc {

struct OptimizerOptions {
    std::variant<AdamSettings, SgdSettings> rule = AdamSettings{};
    /// Gradients are scaled down to this global norm (all parameters together); 0: never. As Keras's
    /// global_clipnorm. Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent networks",
    /// 2013.
    float clip_norm = 0;
    /// Decoupled weight decay of kernels (never of biases), as keras.optimizers.AdamW. 0: none.
    float weight_decay = 0;
    /// Multiplies the learning rate of every parameter of the backbone.
    float backbone_rate = 1;
};

class Optimizer {
  public:
    /// `in_backbone` says which parameters `backbone_rate` concerns.
    Optimizer(Backend& backend, const ParameterSet& parameters, const OptimizerOptions& options,
              const std::function<bool(const Parameter&)>& in_backbone);

    /// Sends the rate of the coming step to the device. Not part of a captured step.
    void begin_step(double rate);
    /// Updates the parameters from their gradients; part of the captured step. A gradient that is not finite
    /// changes nothing.
    void update();
    /// The global norm of the last step's gradients, before clipping. Waits for the device.
    double gradient_norm() const;
    /// Steps begun.
    int64_t steps() const { return steps_; }

  private:
    Backend& backend_;
    const ParameterSet& parameters_;
    OptimizerOptions options_;
    std::vector<OptimizerSegment> segments_;
    Tensor control_, squared_norm_;
    Tensor first_moment_, second_moment_;  // of SGD only the first, its velocity
    int64_t steps_ = 0;
};

}  // namespace objloc
