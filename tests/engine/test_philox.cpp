// Philox4x32-10 against Random123's published vectors (kat_vectors), and what is made of its words.
#include "objloc/engine/philox.h"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>

namespace objloc {
namespace {

std::array<uint32_t, 4> words(const Philox4& random) {
    return {random.word[0], random.word[1], random.word[2], random.word[3]};
}

}  // namespace

TEST_CASE("philox4x32_10 gives Random123's known answers") {
    CHECK(words(philox4x32_10({{0, 0, 0, 0}}, 0, 0)) ==
          std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    const uint32_t ones = 0xffffffff;
    CHECK(words(philox4x32_10({{ones, ones, ones, ones}}, ones, ones)) ==
          std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(words(philox4x32_10({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0)) ==
          std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("philox_at puts index, block and stream in the counter and the seed in the key, all 64 bits") {
    // The third known answer again: the counter's words are (index low, index high, block, stream).
    CHECK(words(philox_at(0x299f31d0'a4093822, 0x03707344, 0x85a308d3'243f6a88, 0x13198a2e)) ==
          std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("randint reaches both ends of its range and nothing else") {
    CHECK(randint(0, 8, 120) == 8);
    CHECK(randint(0xffffffff, 8, 120) == 119);
    CHECK(randint(0xffffffff, 5, 6) == 5);
    CHECK(randint(0, -4, 4) == -4);
    CHECK(randint(0x80000000, -4, 4) == 0);

    std::array<int, 10> counts{};
    for (uint64_t index = 0; index < 10'000; ++index) {
        const int32_t value = randint(philox_at(1, 0, index, 0).word[0], 20, 30);
        REQUIRE(value >= 20);
        REQUIRE(value < 30);
        ++counts[static_cast<std::size_t>(value - 20)];
    }
    for (const int count : counts) CHECK(count == doctest::Approx(1000).epsilon(0.15));  // five sigma
}

TEST_CASE("uniform01 lies in [0, 1)") {
    CHECK(uniform01(0) == 0);
    CHECK(uniform01(0xffffffff) == 1.0f - 0x1p-24f);
    CHECK(uniform01(0x80000000) == 0.5f);
    double sum = 0;
    for (uint64_t index = 0; index < 10'000; ++index)
        sum += double{uniform01(philox_at(1, 0, index, 0).word[3])};
    CHECK(sum / 10'000 == doctest::Approx(0.5).epsilon(0.03));  // five sigma
}

TEST_CASE("streams, seeds, indices and blocks never share their words") {
    const auto first = words(philox_at(1, 0, 0, 0));
    CHECK(words(philox_at(2, 0, 0, 0)) != first);
    CHECK(words(philox_at(1, 1, 0, 0)) != first);
    CHECK(words(philox_at(1, 0, 1, 0)) != first);
    CHECK(words(philox_at(1, 0, 0, 1)) != first);
    CHECK(words(philox_at(1, 0, uint64_t{1} << 32, 0)) != first);
    CHECK(words(philox_at(1 + (uint64_t{1} << 32), 0, 0, 0)) != first);
}

}  // namespace objloc
