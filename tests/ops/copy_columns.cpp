// The tape's concatenate, which is made of copy_columns, whose cases are kernels/cases/ops/copy_columns.cpp.
#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/test_backends.h"

namespace objloc {
TEST_CASE("concatenate joins rows image by image and gives each part its gradient") {
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        const Tensor a = backend->allocate({2, 2, 1, 2}), b = backend->allocate({2, 1, 2});
        const std::vector<float> a_values = {1, 2, 3, 4, 5, 6, 7, 8}, b_values = {9, 10, 11, 12};
        backend->upload(a_values.data(), a);
        backend->upload(b_values.data(), b);
        Tape tape(*backend);
        const Variable first = tape.leaf(a), second = tape.leaf(b);
        const Variable joined = ops::concatenate(tape, {first, second});
        REQUIRE(joined.shape() == Shape{2, 3, 2});
        const std::vector<float> expected = {1, 2, 3, 4, 9, 10, 5, 6, 7, 8, 11, 12};
        std::vector<float> found(12);
        backend->download(joined.value(), found.data());
        CHECK(found == expected);
        // The loss is the mean of squares, so the gradient is a sixth of the value: exact for none, near for
        // all.
        tape.backward(ops::mean(tape, ops::mul(tape, joined, joined)));
        std::vector<float> da(8), db(4);
        backend->download(first.gradient(), da.data());
        backend->download(second.gradient(), db.data());
        for (size_t i = 0; i < da.size(); ++i) CHECK(da[i] == doctest::Approx(a_values[i] / 6));
        for (size_t i = 0; i < db.size(); ++i) CHECK(db[i] == doctest::Approx(b_values[i] / 6));
    }
}

TEST_CASE("concatenate refuses parts that do not go together") {
    const auto backend = test_backends().front();
    Tape tape(*backend);
    const Variable part = tape.constant(backend->allocate({2, 3, 4}));
    CHECK_THROWS_AS(ops::concatenate(tape, {}), Error);
    CHECK_THROWS_AS(ops::concatenate(tape, {part, tape.constant(backend->allocate({1, 3, 4}))}), Error);
    CHECK_THROWS_AS(ops::concatenate(tape, {part, tape.constant(backend->allocate({2, 3, 5}))}), Error);
}

}  // namespace objloc
