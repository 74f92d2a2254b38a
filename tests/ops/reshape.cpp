// reshape: the same memory under another shape, and its gradient.
#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/op_case_gradient.h"
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
    GradientCase gradient;
    gradient.name = "reshape of a square";
    gradient.inputs = {{.name = "x", .shape = {2, 6}}};
    gradient.output = {3, 4};
    gradient.forward = [](const Arrays& in) {
        Array y(Shape{3, 4});
        for (int64_t i = 0; i < y.count(); ++i) y[i] = in[0][i] * in[0][i];
        return y;
    };
    gradient.backward = on_tape([](Tape& tape, const auto& in) {
        const Variable y = ops::reshape(tape, in[0], {3, 4});
        return ops::mul(tape, y, y);
    });
    check(gradient);
}

}  // namespace objloc
