// The named weights of a model: (name, shape, trainable, value, gradient). Names are Keras's, in Keras's
// order.
//
// All trainable values lie in one flat buffer and their gradients in another, so that an optimizer updates
// them in one launch and a global norm is one reduction. Frozen values lie in a third and have no gradient.
// Where the backend stores activations in bf16, each value has a bf16_copy: itself rounded to that, for
// convolutions to read. `place` rounds all values once, and an update writes a value and its bf16_copy together,
// so the two agree between any two steps.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/tape.h"

namespace objloc {

struct Parameter {
    std::string name;  // "block1_conv1/kernel"
    Shape shape;
    std::vector<float> initial;  // on the host; emptied by ParameterSet::to_device
    bool trainable = true;
    // Views into the flat buffers. The gradient is empty when frozen, the bf16_copy where nobody wants it.
    Tensor value, gradient, bf16_copy;

    std::string layer() const { return name.substr(0, name.find('/')); }
};

class ParameterSet {
  public:
    /// `initial` may be empty: zeros, as biases start.
    void add(const std::string& name, const Shape& shape, std::vector<float> initial = {});

    std::vector<Parameter>& all() { return parameters_; }
    const std::vector<Parameter>& all() const { return parameters_; }
    /// Throws Error when there is no such parameter.
    Parameter& find(const std::string& name);
    int64_t count() const;
    int64_t trainable_count() const;

    /// Freezes every parameter that `frozen` picks. Before `place`.
    void freeze(const std::function<bool(const Parameter&)>& frozen);

    /// Moves the initial values into the backend's memory. Once; freezing is settled from here on.
    void to_device(Backend& backend);
    /// The parameter as the tape sees it: a leaf that writes to its gradient, or a constant when frozen.
    Variable on(const Tape& tape, const std::string& name);

    /// All trainable values and gradients. Views start at multiples of 64 bytes; gaps between them stay zero.
    const Tensor& flat_values() const { return flat_values_; }
    const Tensor& flat_gradients() const { return flat_gradients_; }
    /// The trainable values' bf16_copies, laid out as they are; empty where nobody wants them.
    const Tensor& flat_bf16_copies() const { return flat_bf16_copies_; }
    /// Stretches of the flat buffer, one a parameter, with what `configure` makes of each.
    std::vector<OptimizerSegment> segments(
        const std::function<void(const Parameter&, OptimizerSegment&)>& configure) const;

    /// The value of one parameter, copied to the host.
    std::vector<float> download(const Parameter& parameter) const;

  private:
    std::vector<Parameter> parameters_;
    Backend* backend_ = nullptr;
    Tensor flat_values_, flat_gradients_, flat_frozen_, flat_bf16_copies_;
};

}  // namespace objloc
