// reshape: the same memory under another shape, and its gradient.
#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "objloc/kernels/cases/on_tape.h"
#include "tests/check_op.h"
#include "tests/test_backends.h"

namespace objloc {

TEST_CASE("reshape moves no data and refuses another count") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const Variable x = tape.constant(backend->allocate({2, 3, 4}));
        const Variable y = ops::reshape(tape, x, {6, 4});
        CHECK(y.shape() == Shape{6, 4});
        CHECK(y.value().raw() == x.value().raw());
        CHECK_THROWS_WITH_AS(ops::reshape(tape, x, {5, 5}), doctest::Contains("(2, 3, 4)"), Error);
    }
}

TEST_CASE("reshape: the gradient takes x's shape") {
    OpCase op{.op = "mul", .shape = "of a reshaped square"};
    op.inputs = {{.name = "x", .shape = {2, 6}}};
    op.outputs = {{.name = "y", .shape = {3, 4}}};
    op.reference_at = [](const Arrays& in, size_t, int64_t i) { return in[0][i] * in[0][i]; };
    op.gradient.backward = on_tape([](Tape& tape, const auto& in) {
        const Variable y = ops::reshape(tape, in[0], {3, 4});
        return ops::mul(tape, y, y);
    });
    check_gradient(op);
}

}  // namespace objloc
