// What the tape's matmul refuses. Its cases are kernels/cases/ops/matmul.cpp.
#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/test_backends.h"

namespace objloc {

TEST_CASE("matmul refuses shapes that do not fit") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const auto of = [&](const Shape& shape) { return zeros(tape, shape); };
        CHECK_THROWS_WITH_AS(ops::matmul(tape, of({2, 3}), of({4, 5})), doctest::Contains("3 and 4"), Error);
        CHECK_THROWS_AS(ops::matmul(tape, of({3}), of({3, 5})), Error);
        CHECK_THROWS_AS(ops::matmul(tape, of({2, 4, 3}), of({5, 3, 6})), Error);
        CHECK_THROWS_AS(ops::matmul(tape, of({4, 3}), of({5, 3, 6})), Error);
        CHECK_THROWS_AS(ops::matmul(tape, of({2, 3, 4}), of({3, 6}), {.transpose_a = true}), Error);
        CHECK(ops::matmul(tape, of({2, 3, 4}), of({2, 3, 6}), {.transpose_a = true}).shape() ==
              Shape{2, 4, 6});
    }
}

}  // namespace objloc
