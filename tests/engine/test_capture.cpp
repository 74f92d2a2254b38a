// A captured step does at each call what the step itself would do, and keeps its memory to itself.
#include <doctest/doctest.h>

#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/error.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

constexpr int64_t kCount = 300;

std::vector<float> values_of(Backend& backend, const Tensor& tensor) {
    std::vector<float> values(static_cast<size_t>(tensor.count()));
    backend.download(tensor, values.data());
    return values;
}

/// x = 2 x - x^2, by way of temporaries that it frees.
void logistic_map(Backend& backend, const Tensor& x, const Tensor& minus_one) {
    const Tensor square = backend.allocate(x.shape());
    backend.mul(x, x, square);
    backend.mul(square, minus_one, square);
    const Tensor twice = backend.allocate(x.shape());
    backend.add(x, x, twice);
    backend.add(twice, square, x);
}

}  // namespace

TEST_SUITE_BEGIN("capture");

TEST_CASE("each call of a captured step is one run of the step") {
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        const Tensor x = backend->allocate({kCount}), plain = backend->allocate({kCount});
        const Tensor minus_one = backend->allocate({kCount}), counter = backend->allocate({1}, DType::i64);
        int64_t count = 5;
        backend->upload(&count, counter);
        backend->fill(x, 0.25f);
        backend->fill(plain, 0.25f);
        backend->fill(minus_one, -1);
        const auto step = backend->capture([&] {
            logistic_map(*backend, x, minus_one);
            backend->advance(counter, 2);
        });
        for (int64_t calls = 1; calls <= 5; ++calls) {
            step();
            logistic_map(*backend, plain, minus_one);
            CHECK(values_of(*backend, x) == values_of(*backend, plain));
            backend->download(counter, &count);
            CHECK(count == 5 + 2 * calls);
        }
    }
}

TEST_CASE("what is uploaded between calls is what the next call sees") {
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        const Tensor rate = backend->allocate({1}), total = backend->allocate({1});
        backend->fill(total, 0);
        const auto step = backend->capture([&] { backend->add(total, rate, total); });
        float expected = 0;
        for (float value = 1; value <= 64; value *= 2) {
            float buffer = value;
            backend->upload(&buffer, rate);
            buffer = -1;  // the host's buffer may be used again at once
            step();
            expected += value;
        }
        CHECK(values_of(*backend, total)[0] == expected);
    }
}

TEST_CASE("nobody gets memory that the next call of a captured step writes") {
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        const Tensor x = backend->allocate({kCount}), minus_one = backend->allocate({kCount});
        backend->fill(x, 0.5f);
        backend->fill(minus_one, -1);
        const auto step = backend->capture([&] { logistic_map(*backend, x, minus_one); });
        step();
        step();
        const Tensor held[] = {backend->allocate({kCount}), backend->allocate({kCount})};
        for (const Tensor& tensor : held) backend->fill(tensor, 7);
        backend->allocator().trim();
        step();
        for (const Tensor& tensor : held) {
            CHECK(values_of(*backend, tensor) == std::vector<float>(kCount, 7));
        }
        CHECK(values_of(*backend, x)[0] == 1 - 1.0f / 256);  // 1 - x is squared by each call: (1/2)^8
    }
}

TEST_CASE("a step that waits for the device cannot be captured, and its backend goes on") {
    for (const auto& backend : test_backends()) {
        if (backend->name() == "cpu") continue;  // runs the step as it is
        CAPTURE(backend->name());
        const Tensor x = backend->allocate({kCount});
        backend->fill(x, 3);
        const auto step = backend->capture([&] { values_of(*backend, x); });
        step();
        CHECK_THROWS_WITH_AS(step(), doctest::Contains("download was called inside a step"), Error);
        CHECK(values_of(*backend, x)[0] == 3);
    }
}

TEST_SUITE_END();

}  // namespace objloc
