// Which operand of maximum gets the gradient, and what the tape's functions refuse. The cases are
// kernels/cases/ops/elementwise.cpp.
#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/test_backends.h"

namespace objloc {

TEST_CASE("maximum: of two that are equal a gets the whole gradient") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const Tensor ones = backend->allocate({3});
        backend->fill(ones, 1);
        const Variable a = tape.leaf(ones), b = tape.leaf(ones);
        tape.backward(ops::sum(tape, ops::maximum(tape, a, b)));
        std::vector<float> of_a(3), of_b(3);
        backend->download(a.gradient(), of_a.data());
        backend->download(b.gradient(), of_b.data());
        CHECK(of_a == std::vector<float>{1, 1, 1});
        CHECK(of_b == std::vector<float>{0, 0, 0});
    }
}

TEST_CASE("functions of two operands refuse shapes that do not fit, and types that differ") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const auto of = [&](const Shape& shape) { return zeros(tape, shape); };
        CHECK_THROWS_WITH_AS(ops::sub(tape, of({2, 3}), of({3, 2})), doctest::Contains("(2, 3) and (3, 2)"),
                             Error);
        CHECK_THROWS_AS(ops::mul(tape, of({4, 3}), of({4})), Error);
        CHECK(ops::add(tape, of({4, 1}), of({2, 1, 3})).shape() == Shape{2, 4, 3});
        CHECK_THROWS_AS(ops::add(tape, of({2}), tape.constant(backend->allocate({2}, DType::i32))), Error);
    }
}

}  // namespace objloc
