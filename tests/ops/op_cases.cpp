// Every case in kernels/cases/ops on every backend, two test cases for each file there. They count as that file's own:
// `objloc_tests --source-file='*/ops/NAME.cpp'` runs them, and with them tests/ops/NAME.cpp where there is one.
// OBJLOC_SHAPE_SEED=N draws the random shapes of an earlier run again.
#include "objloc/kernels/cases/op_cases.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "tests/check_op.h"

namespace objloc {
namespace {

/// What random shapes are drawn from: another number in each run, unless one is given.
uint64_t shape_seed() {
    static const uint64_t seed = [] {
        const char* given = std::getenv("OBJLOC_SHAPE_SEED");
        const uint64_t drawn = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
        std::printf("Random shapes: OBJLOC_SHAPE_SEED=%llu\n", static_cast<unsigned long long>(drawn));
        return drawn;
    }();
    return seed;
}

void check_cases(const OpCases& of) {
    CAPTURE(shape_seed());
    for (const OpCase& op : test_cases(of, shape_seed())) check(op);
}

void check_gradients(const OpCases& of) {
    CAPTURE(shape_seed());
    for (const OpCase& op : test_cases(of, shape_seed())) {
        if (op.gradient.backward) check_gradient(op);
    }
}

}  // namespace

TEST_CASE("every op has a case") {
    std::set<std::string> known;
#define OBJLOC_OP_CASES(name) \
    for (const OpCase& op : test_cases(op_cases::name, 1)) known.insert(op.op);
#include "op_cases.inc"
    known.insert("compose_scenes");  // tests/generators/test_compositions.cpp
    for (const std::string& name : op_names()) {
        CAPTURE(name);
        CHECK(known.count(name) == 1);
    }
}

#define OBJLOC_OP_CASES(name)                                   \
    TEST_CASE(#name ": every case on every backend") {          \
        check_cases(op_cases::name);                            \
    }                                                           \
    TEST_CASE(#name ": gradients against finite differences") { \
        check_gradients(op_cases::name);                        \
    }
#include "op_cases.inc"

}  // namespace objloc
