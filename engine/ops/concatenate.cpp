#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable concatenate(Tape& tape, const std::vector<Variable>& parts) {
    if (parts.empty()) throw Error("concatenate", "there is nothing to join");
    const Shape& first = parts[0].shape();
    const int64_t N = first[0], features = first[first.rank() - 1];
    int64_t columns = 0;
    for (const Variable& part : parts) {
        const Shape& shape = part.shape();
        if (shape.rank() < 2 || shape[0] != N || shape[shape.rank() - 1] != features) {
            throw Error("concatenate", "cannot join " + shape.text() + " to " + first.text());
        }
        columns += shape.count() / N;
    }
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate({N, columns / features, features});
    int64_t at = 0;
    for (const Variable& part : parts) {
        const int64_t width = part.shape().count() / N;
        backend.copy_columns(part.value(), 0, y, at, width);
        at += width;
    }
    return tape.record(y, parts, [&tape, &backend, parts, N](const Tensor& dy) {
        int64_t from = 0;
        for (const Variable& part : parts) {
            const int64_t width = part.shape().count() / N;
            tape.accumulate_gradient(part,
                                     [&](const Tensor& dx) { backend.copy_columns(dy, from, dx, 0, width); });
            from += width;
        }
    });
}

}  // namespace objloc::ops
