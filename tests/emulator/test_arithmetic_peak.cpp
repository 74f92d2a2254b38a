// The loops that measure a GPU's arithmetic, on the host runtime: they must do the products that they are
// credited with.
#include <doctest/doctest.h>

#include <algorithm>

#include "objloc/kernels/emulator/emulator.h"
#include "tests/emulator/arithmetic_loops.h"

namespace objloc {
namespace {

constexpr int kUnits = 3;

}  // namespace

TEST_CASE("each round of an arithmetic loop adds the same products") {
    for (int unit = 0; unit < kUnits; ++unit) {
        for (const Precision precision : {Precision::tf32, Precision::bf16}) {
            const HostRuntimeScope scope({.checks = true, .adversarial_seed = 1});
            CAPTURE(unit);
            CAPTURE(name_of(precision));
            const ArithmeticLoop once = run_arithmetic_loop(unit, precision, 2, 1);
            const ArithmeticLoop thrice = run_arithmetic_loop(unit, precision, 2, 3);
            CHECK(thrice.operations == 3 * once.operations);
            bool all_thrice = true;
            for (size_t i = 0; i < once.sums.size(); ++i) {
                all_thrice = all_thrice && thrice.sums[i] == 3 * once.sums[i];
            }
            CHECK(all_thrice);
            const auto nothing = std::count(once.sums.begin(), once.sums.end(), 0.0f);
            CHECK(nothing < static_cast<std::ptrdiff_t>(once.sums.size() / 16));
        }
    }
}

TEST_CASE("the operations of an arithmetic loop are counted from its products' sizes") {
    // A thread's 16 multiply-adds; 8 warps' 8 products of 16 x 8; 2 warpgroups' 4 products of 64 x 256.
    CHECK(run_arithmetic_loop(0, Precision::fp32, 1, 1).operations == 2.0 * 256 * 16);
    CHECK(run_arithmetic_loop(1, Precision::bf16, 1, 1).operations == 2.0 * 8 * 8 * 16 * 8 * 16);
    CHECK(run_arithmetic_loop(1, Precision::tf32, 1, 1).operations == 2.0 * 8 * 8 * 16 * 8 * 8);
    CHECK(run_arithmetic_loop(2, Precision::bf16, 1, 1).operations == 2.0 * 2 * 4 * 64 * 256 * 16);
    CHECK(run_arithmetic_loop(2, Precision::tf32, 1, 1).operations == 2.0 * 2 * 4 * 64 * 256 * 8);
}

}  // namespace objloc
