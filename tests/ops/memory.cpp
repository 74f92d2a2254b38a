// upload, download, copy, fill and advance.
#include <doctest/doctest.h>

#include <limits>

#include "objloc/kernels/cases/inputs.h"
#include "tests/test_backends.h"

namespace objloc {

TEST_CASE("upload, copy and download keep every bit of every type") {
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        for (const DType type : {DType::f32, DType::bf16, DType::u8, DType::i32, DType::i64}) {
            const Tensor first = backend->allocate({3, 7}, type), second = backend->allocate({21}, type);
            std::vector<std::byte> bytes(first.bytes());
            for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 37 + 11);
            backend->upload(bytes.data(), first);
            backend->copy(first, second);
            CHECK(download_bytes(*backend, second) == bytes);
        }
    }
}

TEST_CASE("copy and fill stay inside of a slice") {
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        const GuardedTensor guarded = upload_guarded(*backend, poison({19}, DType::f32), {19}, DType::f32);
        const Array before = array_of(download_bytes(*backend, guarded.tensor), {19}, DType::f32);
        backend->fill(guarded.tensor.slice(3, {5}), -1.5f);
        const Tensor source = backend->allocate({4});
        backend->fill(source, 2.25f);
        backend->copy(source, guarded.tensor.slice(15, {4}));
        const Array after = array_of(download_bytes(*backend, guarded.tensor), {19}, DType::f32);
        for (int64_t i = 0; i < 19; ++i) {
            if (i >= 3 && i < 8) {
                CHECK(after[i] == -1.5);
            } else if (i >= 15) {
                CHECK(after[i] == 2.25);
            } else {
                CHECK(std::isnan(after[i]));
            }
        }
        CHECK(guards_intact(*backend, guarded));
    }
}

TEST_CASE("an upload into a parameter's memory makes what backends derived from it stale") {
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        const Tensor weights = backend->allocate({2});
        const std::vector<float> values = {1, 2};
        backend->upload(values.data(), weights);
        const uint64_t version = weights.storage().version();
        backend->upload(values.data(), weights);
        CHECK(weights.storage().version() > version);
    }
}

TEST_CASE("advance counts in 64 bits") {
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        const Tensor counter = backend->allocate({1}, DType::i64);
        int64_t value = (int64_t{1} << 40) - 1;
        backend->upload(&value, counter);
        backend->advance(counter, 64);
        backend->advance(counter, 1);
        backend->download(counter, &value);
        CHECK(value == (int64_t{1} << 40) + 64);
    }
}

}  // namespace objloc
