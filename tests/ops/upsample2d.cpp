// What the tape's upsample2d refuses. Its cases are kernels/cases/ops/upsample2d.cpp.
#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/test_backends.h"

namespace objloc {
TEST_CASE("upsample2d refuses sizes that are not twice its input's") {
    const auto backend = test_backends().front();
    Tape tape(*backend);
    const Variable x = tape.constant(backend->allocate({1, 3, 4, 2}));
    CHECK(ops::upsample2d(tape, x, 5, 8).shape() == Shape{1, 5, 8, 2});
    CHECK_THROWS_AS(ops::upsample2d(tape, x, 7, 8), Error);
    CHECK_THROWS_AS(ops::upsample2d(tape, x, 6, 4), Error);
    CHECK_THROWS_AS(ops::upsample2d(tape, tape.constant(backend->allocate({3, 4})), 6, 8), Error);
}

}  // namespace objloc
