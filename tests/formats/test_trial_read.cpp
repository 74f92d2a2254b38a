// Files damaged so that the library which reads them crashes: an Error here, whatever becomes of the child.
#include "objloc/models/formats/trial_read.h"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "objloc/engine/error.h"

namespace objloc {
namespace {

TEST_CASE("a read that succeeds lets the caller read; one that throws throws the same here") {
    CHECK_NOTHROW(trial_read("some.h5", [] {}));
    const Error failure("some.h5", "is no weight file", "Take another.");
    CHECK_THROWS_WITH_AS(trial_read("some.h5", [&] { throw failure; }), failure.what(), Error);
    CHECK_THROWS_WITH_AS(trial_read("some.h5", [] { throw std::runtime_error("no luck"); }),
                         "some.h5: no luck", Error);
    const std::string long_text(3000, 'x');
    CHECK_THROWS_WITH_AS(trial_read("some.h5", [&] { throw Error("some.h5", long_text); }),
                         doctest::Contains(long_text.c_str()), Error);
}

TEST_CASE("what the child does to its memory does not reach the caller") {
    int value = 1;
    trial_read("some.h5", [&] { value = 2; });
    CHECK(value == 1);
}

TEST_CASE("a read that ends its process is an Error") {
    const std::pair<int, const char*> ends[] = {
        {SIGSEGV, "some.h5: its structure is damaged: the HDF5 library crashes"},
        {SIGABRT, "the HDF5 library crashes"},
        {SIGKILL, "the HDF5 library crashes"}};
    for (const auto& [signal, message] : ends) {
        CAPTURE(signal);
        const auto end = [number = signal] { std::raise(number); };
        CHECK_THROWS_WITH_AS(trial_read("some.h5", end), doctest::Contains(message), Error);
    }
    CHECK_THROWS_WITH_AS(trial_read("some.h5", [] { std::_Exit(3); }), doctest::Contains("crashes"), Error);
}

TEST_CASE("a read that comes to no end is an Error") {
    const auto endless = [] {
        for (volatile unsigned turns = 0;;) turns = turns + 1;
    };
    CHECK_THROWS_WITH_AS(trial_read("some.h5", endless, 1), doctest::Contains("comes to no end"), Error);
}

TEST_CASE("a read that takes memory without measure is an Error") {
    std::vector<std::vector<char>> kept;
    const auto hungry = [&] {
        for (;;) kept.emplace_back(size_t{1} << 28);
    };
    CHECK_THROWS_WITH_AS(trial_read("some.h5", hungry), doctest::Contains("its structure is damaged"), Error);
}

}  // namespace
}  // namespace objloc
