#include <array>
#include <string>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {
namespace {

/// A reduction's result as the backend sees it, with all axes, and as the tape does.
struct ReducedShape {
    Shape kept, result;
    int64_t terms = 1;  // elements that become one
};

ReducedShape reduced_shape(const char* op, const Shape& x, const Axes& over) {
    std::array<bool, Shape::kMaxRank> reduced{};
    for (const int axis : over.axes) {
        const int counted = axis < 0 ? axis + x.rank() : axis;
        if (counted < 0 || counted >= x.rank()) {
            throw Error(op, "x " + x.text() + " has no axis " + std::to_string(axis));
        }
        bool& here = reduced[static_cast<size_t>(counted)];
        if (here) throw Error(op, "axis " + std::to_string(axis) + " is named twice");
        here = true;
    }
    if (over.axes.empty()) reduced.fill(true);
    ReducedShape shape;
    for (int axis = 0; axis < x.rank(); ++axis) {
        const bool gone = reduced[static_cast<size_t>(axis)];
        shape.kept.push_back(gone ? 1 : x[axis]);
        if (gone) shape.terms *= x[axis];
        if (!gone || over.keep_dims) shape.result.push_back(shape.kept[axis]);
    }
    if (shape.result.rank() == 0) shape.result.push_back(1);
    if (shape.terms == 0) throw Error(op, "x " + x.text() + " has no elements along these axes");
    return shape;
}

Variable scaled_sum(const char* op, Tape& tape, const Variable& x, const Axes& over, bool mean) {
    const ReducedShape shape = reduced_shape(op, x.shape(), over);
    const double factor = mean ? 1.0 / static_cast<double>(shape.terms) : 1.0;
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(shape.result, x.value().type());
    backend.sum(x.value(), y.reshaped(shape.kept), factor);
    return tape.record(y, {x}, [&tape, &backend, x, kept = shape.kept, factor](const Tensor& dy) {
        tape.accumulate_gradient(x, [&](const Tensor& dx) {
            backend.scale_forward(dy.reshaped(kept), dx, static_cast<float>(factor));
        });
    });
}

}  // namespace

Variable sum(Tape& tape, const Variable& x, const Axes& over) {
    return scaled_sum("sum", tape, x, over, false);
}

Variable mean(Tape& tape, const Variable& x, const Axes& over) {
    return scaled_sum("mean", tape, x, over, true);
}

Variable max(Tape& tape, const Variable& x, const Axes& over) {
    const ReducedShape shape = reduced_shape("max", x.shape(), over);
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(shape.result, x.value().type());
    const Tensor positions = backend.allocate(shape.kept, DType::i32);
    backend.max_forward(x.value(), y.reshaped(shape.kept), positions);
    return tape.record(y, {x}, [&tape, &backend, x, positions](const Tensor& dy) {
        tape.accumulate_gradient(x, [&](const Tensor& dx) {
            backend.max_backward(dy.reshaped(positions.shape()), positions, dx);
        });
    });
}

}  // namespace objloc::ops
