// softmax_cross_entropy as a training loss, and what the tape's functions refuse. The cases are
// kernels/cases/ops/softmax.cpp.
#include <doctest/doctest.h>

#include <cmath>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/test_backends.h"

namespace objloc {

TEST_CASE(
    "softmax_cross_entropy of equal logits is the logarithm of their number, and its mean a training loss") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const Tensor z = backend->allocate({2, 4}), labels = backend->allocate({2}, DType::i32);
        const int32_t numbers[] = {0, 3};
        backend->fill(z, 1000);
        backend->upload(numbers, labels);
        const Variable logits = tape.leaf(z);
        const Variable loss =
            ops::mean(tape, ops::softmax_cross_entropy(tape, logits, tape.constant(labels)));
        float value = 0;
        backend->download(loss.value(), &value);
        CHECK(value == doctest::Approx(std::log(4.0)));
        tape.backward(loss);
        std::vector<float> gradient(8);
        backend->download(logits.gradient(), gradient.data());
        CHECK(gradient ==
              std::vector<float>{-0.375f, 0.125f, 0.125f, 0.125f, 0.125f, 0.125f, 0.125f, -0.375f});
    }
}

TEST_CASE("softmax and softmax_cross_entropy refuse other shapes and types") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const auto of = [&](const Shape& shape, DType type = DType::f32) {
            return tape.constant(backend->allocate(shape, type));
        };
        CHECK_THROWS_AS(ops::softmax(tape, of({2, 3}, DType::bf16)), Error);
        CHECK_THROWS_AS(ops::softmax_cross_entropy(tape, of({2, 3}), of({3}, DType::i32)), Error);
        CHECK_THROWS_AS(ops::softmax_cross_entropy(tape, of({2, 3}), of({2})), Error);
        CHECK_THROWS_AS(ops::softmax_cross_entropy(tape, of({3}), of({}, DType::i32)), Error);
    }
}

}  // namespace objloc
