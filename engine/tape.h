// Reverse-mode automatic differentiation: ops record how to send their gradient back, `backward` plays it.
//
// Memory follows lifetimes. The tape keeps no values: an op's backward captures what it needs and nothing
// else, so an activation goes back to the allocator when its last reader is done. Where no input needs a
// gradient nothing is recorded at all, which is how freezing (and inference) stops work, not only updates.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "objloc/engine/backend.h"

namespace objloc {

/// Where the gradient of one value gathers.
struct GradientSlot {
    Tensor gradient;  // empty until the first consumer has sent its share
    Tensor target;    // where it must be written, when a parameter owns the memory
    /// The value came out of a ReLU fused into its op, so its gradient must be zeroed where the value is 0.
    /// A consumer that does so while it writes (a convolution can) says that its share is masked already.
    bool after_relu = false;
    bool masked = false;
};

/// A tensor on the tape. Copies share the value and the gradient.
class Variable {
  public:
    Variable() = default;
    Variable(Tensor value, std::shared_ptr<GradientSlot> slot, Tensor bf16_copy = {})
        : value_(std::move(value)), bf16_copy_(std::move(bf16_copy)), slot_(std::move(slot)) {}

    explicit operator bool() const { return static_cast<bool>(value_); }
    const Tensor& value() const { return value_; }
    const Shape& shape() const { return value_.shape(); }
    /// A parameter's value rounded to bf16, where convolutions want it so; else empty (engine/precision.h).
    const Tensor& bf16_copy() const { return bf16_copy_; }
    bool needs_gradient() const { return slot_ != nullptr; }
    /// Empty before `backward`, and for values that no path connects to the loss.
    Tensor gradient() const { return slot_ ? slot_->gradient : Tensor(); }
    GradientSlot& slot() const { return *slot_; }
    /// The value when its gradient must be masked by it, else empty: what `conv2d_backward_data` asks for.
    Tensor relu_source() const { return slot_ && slot_->after_relu ? value_ : Tensor(); }

  private:
    Tensor value_, bf16_copy_;
    std::shared_ptr<GradientSlot> slot_;
};

class Tape {
  public:
    /// `recording` false: inference; every leaf counts as a constant.
    explicit Tape(Backend& backend, bool recording = true) : backend_(backend), recording_(recording) {}

    Backend& backend() const { return backend_; }

    /// A value that needs no gradient: images, targets, frozen parameters.
    Variable constant(Tensor value, Tensor bf16_copy = {}) const {
        return {std::move(value), nullptr, std::move(bf16_copy)};
    }
    /// A value whose gradient is wanted, written to `target` when that is given.
    Variable leaf(Tensor value, Tensor target = {}, Tensor bf16_copy = {}) const;

    /// The result of an op. `backward` gets the result's gradient, complete, and sends shares to the inputs
    /// with `send`; it is recorded only if an input needs a gradient.
    Variable record(Tensor value, const std::vector<Variable>& inputs,
                    std::function<void(const Tensor& dy)> backward);
    /// The same for an op that ends in a fused ReLU: its gradient arrives masked.
    Variable record_after_relu(Tensor value, const std::vector<Variable>& inputs,
                               std::function<void(const Tensor& dy)> backward);

    /// Adds a share to the gradient of `to`, if it needs one: `write` is given the tensor to overwrite.
    /// `masked` says that the share is zero wherever a fused ReLU clipped.
    void accumulate_gradient(const Variable& to, const std::function<void(const Tensor& dx)>& write,
                             bool masked = false) const;
    /// The same for a share that exists already and that nobody else will read or write.
    void accumulate_gradient(const Variable& to, const Tensor& share) const;

    /// Sends 1 to `loss` (one element) and plays the tape backwards, then forgets it. Throws Error when the
    /// loss depends on nothing that needs a gradient.
    void backward(const Variable& loss);

  private:
    struct Record {
        std::shared_ptr<GradientSlot> slot;
        Tensor relu_output;  // the value, kept only where its ReLU masks the gradient
        std::function<void(const Tensor& dy)> backward;
    };
    Variable record(Tensor value, const std::vector<Variable>& inputs,
                    std::function<void(const Tensor& dy)> backward, bool after_relu);

    Backend& backend_;
    bool recording_;
    std::vector<Record> records_;
};

}  // namespace objloc
