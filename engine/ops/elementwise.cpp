#include "engine/error.h"
#include "engine/ops/ops.h"

namespace objloc::ops {
namespace {

void require_equal_shapes(const char* op, const Variable& a, const Variable& b) {
    if (a.shape() == b.shape()) return;
    throw Error(op, "shapes differ: " + a.shape().text() + " and " + b.shape().text());
}

}  // namespace

Variable add(Tape& tape, const Variable& a, const Variable& b) {
    require_equal_shapes("add", a, b);
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(a.shape());
    backend.add(a.value(), b.value(), y);
    return tape.record(y, {a, b}, [&tape, &backend, a, b](const Tensor& dy) {
        // Each input gets its own copy: gradients are added to and masked in place.
        tape.send(a, [&](const Tensor& da) { backend.copy(dy, da); });
        tape.send(b, [&](const Tensor& db) { backend.copy(dy, db); });
    });
}

Variable mul(Tape& tape, const Variable& a, const Variable& b) {
    require_equal_shapes("mul", a, b);
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(a.shape());
    backend.mul(a.value(), b.value(), y);
    return tape.record(y, {a, b}, [&tape, &backend, a, b](const Tensor& dy) {
        tape.send(a, [&](const Tensor& da) { backend.mul(dy, b.value(), da); });
        tape.send(b, [&](const Tensor& db) { backend.mul(dy, a.value(), db); });
    });
}

}  // namespace objloc::ops
