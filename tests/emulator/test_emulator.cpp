// The runtime that runs CUDA kernels on the CPU: it must find every fault that is planted for it, stay silent
// on each one's correct twin, and do what the instructions mean.
#include "objloc/kernels/emulator/emulator.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <string>
#include <utility>

#include "objloc/engine/error.h"
#include "tests/emulator/planted_faults.h"

namespace objloc {
namespace {

/// What the fault says, or "" when there was none.
std::string complaint(const PlantedFault& fault, bool faulty) {
    try {
        fault.run(faulty);
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

/// Whole numbers of at most 8 bits: exact in bf16 and tf32, and so are their products' sums.
std::vector<float> small_integers(size_t count, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 17) - 8);
    return values;
}

/// c + a * b. a (rows, depth), b (depth, columns), c (rows, columns).
std::vector<float> plain_product(const std::vector<float>& a, const std::vector<float>& b,
                                 std::vector<float> c, size_t rows, size_t columns) {
    const size_t depth = a.size() / rows;
    for (size_t i = 0; i < rows; ++i) {
        for (size_t j = 0; j < columns; ++j) {
            for (size_t k = 0; k < depth; ++k) c[i * columns + j] += a[i * depth + k] * b[k * columns + j];
        }
    }
    return c;
}

std::vector<PlantedFault> all_faults() {
    std::vector<PlantedFault> all = planted_faults();
    all.insert(all.end(), planted_hopper_faults().begin(), planted_hopper_faults().end());
    all.insert(all.end(), planted_cluster_faults().begin(), planted_cluster_faults().end());
    all.insert(all.end(), planted_wgmma_faults().begin(), planted_wgmma_faults().end());
    return all;
}

/// x (rows, columns) as (columns, rows).
std::vector<float> transposed(const std::vector<float>& x, size_t columns) {
    const size_t rows = x.size() / columns;
    std::vector<float> result(x.size());
    for (size_t i = 0; i < x.size(); ++i) result[i % columns * rows + i / columns] = x[i];
    return result;
}

/// x (rows, columns) at a place that may lie outside, where it is 0.
float padded(const std::vector<float>& x, int rows, int columns, int row, int column) {
    const bool inside = row >= 0 && row < rows && column >= 0 && column < columns;
    return inside ? x[static_cast<size_t>(row * columns + column)] : 0.0f;
}

constexpr uint64_t kSeeds[] = {0, 1, 2};

}  // namespace

TEST_CASE("each planted fault is found and named, in any order of threads") {
    for (const PlantedFault& fault : all_faults()) {
        for (const uint64_t seed : kSeeds) {
            const HostRuntimeScope scope({.checks = true, .adversarial_seed = seed, .threads = 1});
            const std::string name = fault.name;
            CAPTURE(name);
            CAPTURE(seed);
            const std::string text = complaint(fault, true);
            CAPTURE(text);
            CHECK(!text.empty());
            CHECK(text.find(fault.message) != std::string::npos);
        }
    }
}

TEST_CASE("the correct twin of each fault passes, in any order of threads and on several cores") {
    for (const PlantedFault& fault : all_faults()) {
        for (const uint64_t seed : kSeeds) {
            for (const int threads : {1, 3}) {
                const HostRuntimeScope scope({.checks = true, .adversarial_seed = seed, .threads = threads});
                const std::string name = fault.name;
                CAPTURE(name);
                CAPTURE(seed);
                CHECK(complaint(fault, false) == "");
            }
        }
    }
}

TEST_CASE("a fault says which kernel, block, thread and line") {
    const HostRuntimeScope scope({.checks = true, .adversarial_seed = 0, .threads = 1});
    for (const PlantedFault& fault : all_faults()) {
        if (std::string(fault.name) != "read past the end of global memory") continue;
        const std::string text = complaint(fault, true);
        CHECK(text.find("kernel global_read_kernel, block (0,0,0), thread (127,0,0): ") == 0);
        CHECK(text.find("planted_faults.cu:") != std::string::npos);
        return;
    }
    FAIL("the fault is not in the list");
}

TEST_CASE("with checks off barriers and shuffles are still checked, memory is not") {
    const HostRuntimeScope scope({.checks = false, .adversarial_seed = 0, .threads = 1});
    for (const PlantedFault& fault : all_faults()) {
        const std::string name = fault.name;
        CAPTURE(name);
        CHECK(complaint(fault, false) == "");
        if (fault.rendezvous) CHECK(complaint(fault, true).find(fault.message) != std::string::npos);
    }
}

TEST_CASE("right kernels give the same results in any order, with and without checks") {
    const std::vector<float> x = small_integers(1024, 7);
    std::vector<float> expected(8, 0.0f);
    for (size_t i = 0; i < x.size(); ++i) expected[i / 128] += x[i] * x[i];
    for (const bool checks : {true, false}) {
        for (const uint64_t seed : kSeeds) {
            const HostRuntimeScope scope({.checks = checks, .adversarial_seed = seed, .threads = 2});
            CHECK(run_block_sums(x) == expected);
        }
    }
}

TEST_CASE("mma and ldmatrix equal plain loops") {
    const auto a16 = small_integers(256, 1), a8 = small_integers(128, 2), b16 = small_integers(128, 3),
               b8 = small_integers(64, 4), c = small_integers(128, 5);
    for (const uint64_t seed : kSeeds) {
        const HostRuntimeScope scope({.checks = true, .adversarial_seed = seed, .threads = 1});
        CHECK(run_mma_bf16(a16, b16, c) == plain_product(a16, b16, c, 16, 8));
        CHECK(run_mma_tf32(a8, b8, c) == plain_product(a8, b8, c, 16, 8));
    }
}

TEST_CASE("wgmma equals plain loops, whichever way its operands lie") {
    for (const size_t columns : {size_t{64}, size_t{128}, size_t{256}}) {
        const auto a = small_integers(64 * 64, 6), b = small_integers(columns * 64, 7);
        const std::vector<float> zero(64 * columns, 0.0f), b_down = transposed(b, 64);
        const auto expected = plain_product(a, b_down, zero, 64, columns);
        for (const uint64_t seed : kSeeds) {
            const HostRuntimeScope scope({.checks = true, .adversarial_seed = seed, .threads = 1});
            CHECK(run_wgmma_bf16(a, b, false, false) == expected);
            CHECK(run_wgmma_bf16(transposed(a, 64), b, true, false) == expected);
            CHECK(run_wgmma_bf16(a, b_down, false, true) == expected);
            CHECK(run_wgmma_bf16(transposed(a, 64), b_down, true, true) == expected);
        }
        const auto a32 = small_integers(64 * 32, 8), b32 = small_integers(columns * 32, 9);
        const auto expected32 = plain_product(a32, transposed(b32, 32), zero, 64, columns);
        CHECK(run_wgmma_tf32(a32, b32) == expected32);
        if (columns <= 128) CHECK(run_wgmma_tf32_registers(a32, b32) == expected32);
    }
}

TEST_CASE("tf32 operands are rounded to ten bits, ties away from zero") {
    std::vector<float> a(128, 0.0f), b(64, 0.0f);
    const std::vector<float> c(128, 0.0f);
    b[0] = 1;
    a[0] = 1 + 0x1p-11f;             // half a unit
    a[8] = 1 + 0x1p-11f - 0x1p-20f;  // less
    a[16] = -1 - 0x1p-11f;
    const std::vector<float> d = run_mma_tf32(a, b, c);
    CHECK(d[0] == 1 + 0x1p-10f);
    CHECK(d[8] == 1);
    CHECK(d[16] == -1 - 0x1p-10f);
}

TEST_CASE("cp.async copies in a pipeline and fills with zeros") {
    const std::vector<float> x = small_integers(128 * 7, 11);
    for (const int valid : {0, 4, 12, 16}) {
        std::vector<float> expected = x;
        for (size_t piece = 0; piece < x.size() / 4; piece += 5) {
            for (size_t i = static_cast<size_t>(valid) / 4; i < 4; ++i) expected[4 * piece + i] = 0;
        }
        for (const uint64_t seed : kSeeds) {
            const HostRuntimeScope scope({.checks = true, .adversarial_seed = seed, .threads = 1});
            CHECK(run_copy_pipeline(x, valid) == expected);
        }
    }
}

TEST_CASE("boxes of a tensor arrive swizzled, with zeros outside") {
    const std::vector<float> x = small_integers(40 * 70, 13);
    std::vector<float> tiles;
    for (int i = 0; i < 3 * 32 * 32; ++i) {
        tiles.push_back(padded(x, 40, 70, i / 32 % 32 - 3, i / 1024 * 32 - 5 + i % 32));
    }
    for (const uint64_t seed : kSeeds) {
        const HostRuntimeScope scope({.checks = true, .adversarial_seed = seed, .threads = 1});
        CHECK(run_tile_pipeline(x) == tiles);
    }
}

TEST_CASE("what one block of a cluster fetches for both arrives in both") {
    const std::vector<float> x = small_integers(4 * 32 * 32, 19);
    std::vector<float> twice = x;
    twice.insert(twice.end(), x.begin(), x.end());
    for (const uint64_t seed : kSeeds) {
        const HostRuntimeScope scope({.checks = true, .adversarial_seed = seed, .threads = 1});
        CHECK(run_multicast_pipeline(x) == twice);
    }
}

TEST_CASE("a convolution's patch arrives with its padding") {
    const std::vector<float> x = small_integers(2 * 5 * 6 * 8, 17);
    for (const auto& [top, left] : {std::pair(-1, -1), std::pair(1, 1), std::pair(3, 4), std::pair(-3, 0)}) {
        for (const int n : {0, 1}) {
            const std::vector<float> image(x.begin() + n * 240, x.begin() + (n + 1) * 240);
            std::vector<float> patch;
            for (int i = 0; i < 3 * 4 * 8; ++i) {
                const int row = top + i / 32, column = left + i / 8 % 4;
                patch.push_back(column < 0 || column >= 6 ? 0
                                                          : padded(image, 5, 48, row, column * 8 + i % 8));
            }
            CHECK(run_patch(x, n, top, left) == patch);
        }
    }
}

TEST_CASE("shuffles and votes follow the CUDA programming guide") {
    std::vector<int> x(32);
    for (int i = 0; i < 32; ++i) x[static_cast<size_t>(i)] = 100 + 7 * i;
    const auto at = [&](int lane) { return x[static_cast<size_t>(lane)]; };
    unsigned ballot = 0;
    for (int lane = 0; lane < 32; ++lane) ballot |= at(lane) % 3 == 0 ? 1u << lane : 0u;
    for (const uint64_t seed : kSeeds) {
        const HostRuntimeScope scope({.checks = true, .adversarial_seed = seed, .threads = 1});
        const std::vector<int> y = run_warp_functions(x);
        for (int lane = 0; lane < 32; ++lane) {
            const int of8 = lane / 8 * 8, in4 = lane % 4;
            const std::vector<int> expected = {at(5),
                                               at(of8 + (lane + 3) % 8),
                                               at(lane ^ 9),
                                               at(lane ^ 3),
                                               at(lane + 7 < 32 ? lane + 7 : lane),
                                               at(in4 + 2 < 4 ? lane + 2 : lane),
                                               at(lane >= 7 ? lane - 7 : lane),
                                               at(in4 >= 2 ? lane - 2 : lane),
                                               static_cast<int>(ballot),
                                               0,
                                               1,
                                               lane % 2 == 0 ? at(lane ^ 2) : 0};
            CAPTURE(lane);
            CHECK(std::vector<int>(y.begin() + 12 * lane, y.begin() + 12 * lane + 12) == expected);
        }
    }
}

}  // namespace objloc
