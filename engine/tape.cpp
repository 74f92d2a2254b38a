#include "objloc/engine/tape.h"

#include <algorithm>
#include <utility>

#include "objloc/engine/error.h"

namespace objloc {

Variable Tape::leaf(Tensor value, Tensor target, Tensor bf16_copy) const {
    if (!recording_) return constant(std::move(value), std::move(bf16_copy));
    auto slot = std::make_shared<GradientSlot>();
    slot->target = std::move(target);
    return {std::move(value), std::move(slot), std::move(bf16_copy)};
}

Variable Tape::record(Tensor value, const std::vector<Variable>& inputs,
                      std::function<void(const Tensor& dy)> backward) {
    return record(std::move(value), inputs, std::move(backward), false);
}

Variable Tape::record_after_relu(Tensor value, const std::vector<Variable>& inputs,
                                 std::function<void(const Tensor& dy)> backward) {
    return record(std::move(value), inputs, std::move(backward), true);
}

Variable Tape::record(Tensor value, const std::vector<Variable>& inputs,
                      std::function<void(const Tensor& dy)> backward, bool after_relu) {
    const bool needed = std::any_of(inputs.begin(), inputs.end(),
                                    [](const Variable& input) { return input.needs_gradient(); });
    if (!needed) return constant(std::move(value));
    auto slot = std::make_shared<GradientSlot>();
    slot->after_relu = after_relu;
    records_.push_back({slot, after_relu ? value : Tensor(), std::move(backward)});
    return {std::move(value), std::move(slot)};
}

void Tape::accumulate_gradient(const Variable& to, const std::function<void(const Tensor& dx)>& write,
                               bool masked) const {
    if (!to.needs_gradient()) return;
    GradientSlot& slot = to.slot();
    if (!slot.gradient) {
        Tensor share = slot.target ? slot.target : backend_.allocate(to.shape(), to.value().type());
        write(share);
        slot.gradient = share;
        slot.masked = masked;
        return;
    }
    const Tensor share = backend_.allocate(to.shape(), to.value().type());
    write(share);
    backend_.add(slot.gradient, share, slot.gradient);
    slot.masked = slot.masked && masked;
}

void Tape::accumulate_gradient(const Variable& to, const Tensor& share) const {
    if (!to.needs_gradient()) return;
    GradientSlot& slot = to.slot();
    if (slot.gradient) {
        backend_.add(slot.gradient, share, slot.gradient);
        slot.masked = false;
    } else if (slot.target) {
        backend_.copy(share, slot.target);
        slot.gradient = slot.target;
    } else {
        slot.gradient = share;
    }
}

void Tape::backward(const Variable& loss) {
    if (!loss.needs_gradient()) {
        throw Error("backward", "the loss depends on nothing that is trainable", "Unfreeze a layer.");
    }
    if (loss.value().count() != 1) throw Error("backward", "the loss has the shape " + loss.shape().text());
    accumulate_gradient(loss, [this](const Tensor& one) { backend_.fill(one, 1.0f); });
    while (!records_.empty()) {
        const Record record = std::move(records_.back());
        records_.pop_back();
        const Tensor dy = std::exchange(record.slot->gradient, Tensor());
        if (!dy) continue;  // the loss does not depend on this value
        if (record.slot->after_relu && !record.slot->masked) {
            backend_.relu_backward(dy, record.relu_output, dy);
        }
        record.backward(dy);
    }
}

}  // namespace objloc
