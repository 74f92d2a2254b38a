// What bf16_copy holds after an update. The cases are kernels/cases/ops/optimizers.cpp.
#include <doctest/doctest.h>

#include "objloc/engine/bf16.h"
#include "objloc/kernels/cases/inputs.h"
#include "tests/test_backends.h"

namespace objloc {

TEST_CASE("adam_update and sgd_update: a bf16_copy holds each changed value's own rounding, to the bit") {
    constexpr int64_t kCount = 203, kFirst = 2, kLast = 197;
    const std::vector<OptimizerSegment> segments = {{kFirst, kLast, 1, 0.25f}};
    Random random(1);
    Array drawn({kCount});
    uniform(0.5, 1)(random, drawn);
    const std::vector<std::byte> numbers = bytes_of(drawn, DType::f32);
    for (const OpBackend& on : op_backends()) {
        if (!on.only.empty()) continue;
        for (const bool adam : {true, false}) {
            CAPTURE(on.label);
            CAPTURE(adam);
            Backend& backend = *on.backend;
            const auto placed = [&](const std::vector<float>& values) {
                const Tensor tensor = backend.allocate({static_cast<int64_t>(values.size())});
                backend.upload(values.data(), tensor);
                return tensor;
            };
            const Tensor control = placed({0.01f, 0.02f, 0}), norm = placed({4});
            std::vector<Tensor> state;
            for (int i = 0; i < 4; ++i) {
                state.push_back(backend.allocate({kCount}));
                backend.upload(numbers.data(), state.back());
            }
            const Tensor &value = state[3], bf16_copy = backend.allocate({kCount}, DType::bf16);
            const std::vector<uint16_t> nothing(kCount, 0x1234);
            backend.upload(nothing.data(), bf16_copy);
            if (adam) {
                backend.adam_update({}, segments, control, norm, state[0], state[1], state[2], value,
                                    bf16_copy);
            } else {
                backend.sgd_update({}, segments, control, norm, state[0], state[1], value, bf16_copy);
            }
            std::vector<float> values(kCount);
            std::vector<uint16_t> rounded(kCount);
            backend.download(value, values.data());
            backend.download(bf16_copy, rounded.data());
            int64_t wrong = 0;
            for (int64_t i = 0; i < kCount; ++i) {
                const auto at = static_cast<size_t>(i);
                const bool changed = i >= kFirst && i < kLast;
                wrong += rounded[at] != (changed ? to_bf16(values[at]) : nothing[at]);
            }
            CHECK(wrong == 0);
        }
    }
}

}  // namespace objloc
