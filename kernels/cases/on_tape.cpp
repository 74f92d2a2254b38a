#include "objloc/kernels/cases/on_tape.h"

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc {

BackwardOp on_tape(const TapeOp& op) {
    return [op](Backend& backend, const std::vector<Tensor>& in, const Tensor& dy) {
        Tape tape(backend);
        std::vector<Variable> leaves;
        for (const Tensor& input : in) leaves.push_back(tape.leaf(input));
        const Variable y = op(tape, leaves);
        if (y.shape().count() != dy.count()) {
            throw Error("op test",
                        "the tape's result is " + y.shape().text() + ", the case's " + dy.shape().text());
        }
        tape.backward(ops::sum(tape, ops::mul(tape, y, tape.constant(dy.reshaped(y.shape())))));
        std::vector<Tensor> gradients;
        for (const Variable& leaf : leaves) gradients.push_back(leaf.gradient());
        return gradients;
    };
}

}  // namespace objloc
