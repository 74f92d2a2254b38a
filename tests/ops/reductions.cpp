// Which of equal maxima gets the gradient, and what the tape's reductions refuse. The cases are
// kernels/cases/ops/reductions.cpp.
#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/test_backends.h"

namespace objloc {

TEST_CASE("max: of equal maxima the first gets the whole gradient") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const Tensor x = backend->allocate({2, 3});
        const float values[] = {1, 5, 5, 2, 2, 2};
        backend->upload(values, x);
        const Variable leaf = tape.leaf(x);
        tape.backward(ops::sum(tape, ops::max(tape, leaf, {{1}})));
        std::vector<float> gradient(6);
        backend->download(leaf.gradient(), gradient.data());
        CHECK(gradient == std::vector<float>{0, 1, 0, 1, 0, 0});
    }
}

TEST_CASE("reductions refuse axes that there are not, and sums over nothing") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const Variable x = tape.constant(backend->allocate({2, 3}));
        CHECK_THROWS_WITH_AS(ops::sum(tape, x, {{2}}), doctest::Contains("has no axis 2"), Error);
        CHECK_THROWS_AS(ops::mean(tape, x, {{-3}}), Error);
        CHECK_THROWS_WITH_AS(ops::max(tape, x, {{1, -1}}), doctest::Contains("twice"), Error);
        CHECK_THROWS_AS(ops::max(tape, tape.constant(backend->allocate({2, 0})), {{1}}), Error);
    }
}

}  // namespace objloc
