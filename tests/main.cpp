// The one test program. A filter that selects no test case is a mistake in the filter, so it fails.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <string>

#include "tests/test_backends.h"

namespace {

unsigned selected_test_cases = 0;

struct SelectionCounter : doctest::IReporter {
    explicit SelectionCounter(const doctest::ContextOptions& /*options*/) {}

    void test_run_end(const doctest::TestRunStats& stats) override {
        selected_test_cases = stats.numTestCasesPassingFilters;
    }
    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_case_start(const doctest::TestCaseData&) override {}
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_end(const doctest::CurrentTestCaseStats&) override {}
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}
};

DOCTEST_REGISTER_LISTENER("selection", 1, SelectionCounter);

}  // namespace

/// What the op suite runs on here; those it cannot run on are printed, with the reason, as they are looked
/// for.
int list_backends() {
    for (const objloc::OpBackend& on : objloc::op_backends()) {
        std::printf("Tested:  %s: %s\n", on.label.c_str(), on.backend->description().c_str());
    }
    return 0;
}

int main(int argc, char** argv) {
    if (argc == 2 && std::string(argv[1]) == "--backends") return list_backends();
    doctest::Context context(argc, argv);
    const int failures = context.run();
    if (context.shouldExit()) return failures;
    if (selected_test_cases == 0) {
        std::fprintf(stderr, "objloc_tests: no test case was selected\n");
        return 1;
    }
    return failures;
}
