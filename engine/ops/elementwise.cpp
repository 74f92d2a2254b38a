#include <algorithm>

#include "objloc/engine/elementwise.h"
#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {
namespace {

template <typename... Parameters>
using Forward = void (Backend::*)(const Tensor& x, const Tensor& y, Parameters...);
template <typename... Parameters>
using Backward = void (Backend::*)(const Tensor& dy, const Tensor& read, const Tensor& dx, Parameters...);

template <typename... Parameters>
Variable unary(Tape& tape, const Variable& x, UnaryReads reads, Forward<Parameters...> forward,
               Backward<Parameters...> backward, Parameters... parameters) {
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(x.shape(), x.value().type());
    (backend.*forward)(x.value(), y, parameters...);
    Tensor read;
    if (reads == UnaryReads::input) read = x.value();
    if (reads == UnaryReads::output) read = y;
    return tape.record(y, {x}, [&tape, &backend, x, read, backward, parameters...](const Tensor& dy) {
        tape.accumulate_gradient(x,
                                 [&](const Tensor& dx) { (backend.*backward)(dy, read, dx, parameters...); });
    });
}

/// The shape that a and b broadcast to.
Shape common_shape(const char* op, const Shape& a, const Shape& b) {
    const int rank = std::max(a.rank(), b.rank());
    Shape shape;
    for (int axis = 0; axis < rank; ++axis) {
        const int64_t extent_a = a.aligned(axis, rank), extent_b = b.aligned(axis, rank);
        if (extent_a != extent_b && extent_a != 1 && extent_b != 1) {
            throw Error(op, "shapes do not fit: " + a.text() + " and " + b.text(),
                        "Aligned at their last axes, each pair must be equal, or one of it 1.");
        }
        shape.push_back(extent_a == 1 ? extent_b : extent_a);
    }
    return shape;
}

/// Leading axes of 1 until there are `rank`.
Shape with_rank(const Shape& shape, int rank) {
    Shape longer;
    for (int axis = 0; axis < rank; ++axis) longer.push_back(shape.aligned(axis, rank));
    return longer;
}

/// Accumulates an operand's gradient. `write` computes it in the shape of the result; it is then summed over the axes
/// along which the operand was broadcast.
void accumulate_broadcast(Tape& tape, const Variable& to, const Shape& shape,
                          const std::function<void(const Tensor& gradient)>& write) {
    if (!to.needs_gradient()) return;
    if (to.shape() == shape) return tape.accumulate_gradient(to, write);
    Backend& backend = tape.backend();
    const Tensor whole = backend.allocate(shape, to.value().type());
    write(whole);
    tape.accumulate_gradient(to, [&](const Tensor& gradient) {
        backend.sum(whole, gradient.reshaped(with_rank(gradient.shape(), shape.rank())), 1);
    });
}

/// What one operand's gradient is made of.
struct OperandGradient {
    BinaryReads reads;
    void (Backend::*backward)(const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& gradient);
};

Variable binary(Tape& tape, const char* op, const Variable& a, const Variable& b,
                void (Backend::*forward)(const Tensor& a, const Tensor& b, const Tensor& y),
                const OperandGradient& of_a, const OperandGradient& of_b) {
    if (a.value().type() != b.value().type()) throw Error(op, "types differ", "Use ops::convert.");
    const Shape shape = common_shape(op, a.shape(), b.shape());
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(shape, a.value().type());
    (backend.*forward)(a.value(), b.value(), y);
    return tape.record(y, {a, b}, [&tape, &backend, a, b, of_a, of_b, shape](const Tensor& dy) {
        const auto accumulate_into = [&](const Variable& to, const OperandGradient& of) {
            const Tensor read_a = reads_a(of.reads) ? a.value() : Tensor();
            const Tensor read_b = reads_b(of.reads) ? b.value() : Tensor();
            accumulate_broadcast(tape, to, shape, [&](const Tensor& gradient) {
                (backend.*of.backward)(dy, read_a, read_b, gradient);
            });
        };
        accumulate_into(a, of_a);
        accumulate_into(b, of_b);
    });
}

}  // namespace

#define OBJLOC_UNARY(name, reads, ...)                                             \
    Variable name(Tape& tape, const Variable& x __VA_OPT__(, float __VA_ARGS__)) { \
        return unary(tape, x, UnaryReads::reads, &Backend::name##_forward,         \
                     &Backend::name##_backward __VA_OPT__(, __VA_ARGS__));         \
    }
#define OBJLOC_BINARY(name, for_a, for_b)                                                                   \
    Variable name(Tape& tape, const Variable& a, const Variable& b) {                                       \
        return binary(tape, #name, a, b, &Backend::name, {BinaryReads::for_a, &Backend::name##_backward_a}, \
                      {BinaryReads::for_b, &Backend::name##_backward_b});                                   \
    }
#include "objloc/engine/elementwise_ops.inc"

}  // namespace objloc::ops
