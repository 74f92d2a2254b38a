#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {
namespace {

void require_alike(const char* op, const Variable& a, const Variable& b) {
    if (a.shape() != b.shape()) {
        throw Error(op, "shapes differ: " + a.shape().text() + " and " + b.shape().text());
    }
    if (a.value().type() != b.value().type()) throw Error(op, "types differ", "Use ops::convert.");
}

}  // namespace

Variable add(Tape& tape, const Variable& a, const Variable& b) {
    require_alike("add", a, b);
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(a.shape(), a.value().type());
    backend.add(a.value(), b.value(), y);
    return tape.record(y, {a, b}, [&tape, &backend, a, b](const Tensor& dy) {
        // Each input gets its own copy: gradients are added to and masked in place.
        tape.accumulate_gradient(a, [&](const Tensor& da) { backend.copy(dy, da); });
        tape.accumulate_gradient(b, [&](const Tensor& db) { backend.copy(dy, db); });
    });
}

Variable mul(Tape& tape, const Variable& a, const Variable& b) {
    require_alike("mul", a, b);
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(a.shape(), a.value().type());
    backend.mul(a.value(), b.value(), y);
    return tape.record(y, {a, b}, [&tape, &backend, a, b](const Tensor& dy) {
        tape.accumulate_gradient(a, [&](const Tensor& da) { backend.mul(dy, b.value(), da); });
        tape.accumulate_gradient(b, [&](const Tensor& db) { backend.mul(dy, a.value(), db); });
    });
}

}  // namespace objloc::ops
