// The table of convolution versions by shape: as text, what may stand in it, and how measurements become lines.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "objloc/engine/error.h"
#include "objloc/kernels/backends.h"
#include "objloc/kernels/cases/conv2d_shapes.h"
#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"
#include "tests/tools/tool.h"
#include "tools/bench/conv_tuning.h"

using namespace objloc;
using namespace objloc::bench;

namespace {

constexpr ConvPass kPasses[] = {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights};

/// Descriptors that tell apart what was measured; nothing runs them.
const Conv2dVersion* version(const std::string& name) {
    static const Conv2dVersion versions[] = {{.name = "tiled"},
                                             {.name = "mma_wide"},
                                             {.name = "mma_tall"},
                                             {.name = "hopper", .needs = {.hopper = true}}};
    const auto same = [&](const Conv2dVersion& at) { return name == at.name; };
    return &*std::find_if(std::begin(versions), std::end(versions), same);
}

/// Results of one pass as if measured: seconds of each version, and whether it was right.
struct Measured {
    const char* version;
    double seconds;
    bool right = true;
};

/// Cases and variants that results point to.
struct Results {
    std::vector<OpCase> cases;
    std::vector<KernelVariant> variants;
    std::vector<KernelResult> list;

    Results(const Conv2dProblem& problem, const std::vector<std::vector<Measured>>& layers) {
        for (size_t layer = 0; layer < layers.size(); ++layer) {
            cases.push_back(conv2d_cases({{"", problem}}).front());
            for (const Measured& at : layers[layer]) {
                variants.emplace_back();
                variants.back().precision = Precision::bf16, variants.back().version = version(at.version);
            }
        }
        size_t variant = 0;
        for (size_t layer = 0; layer < layers.size(); ++layer) {
            for (const Measured& at : layers[layer]) {
                KernelResult result;
                result.op = &cases[layer], result.variant = &variants[variant++];
                result.correctness.passed = at.right;
                result.seconds = at.right ? at.seconds : 0;
                list.push_back(result);
            }
        }
    }
};

ConvTableEntry winner(const std::vector<std::vector<Measured>>& layers) {
    const Results results(convolution({2, 4, 4, 64}, 64), layers);
    const std::vector<ConvTableEntry> entries = fastest_kernels(90, results.list);
    REQUIRE(entries.size() == 1);
    return entries[0];
}

}  // namespace

TEST_SUITE_BEGIN("conv_table");

TEST_CASE("in the table that is committed, versions for Hopper stand only where they were measured") {
    const std::string text = contents(committed_conv_table_path());
    const ConvTable table = parse_conv_table(text, "table");
    CHECK(conv_table_text(table) == text);
    size_t lines = 0;
    for (const ConvTableSection& section : table) {
        for (const ConvTableEntry& entry : section.entries) {
            REQUIRE(lines < conv_table().size());
            const ConvTableLine& built = conv_table()[lines++];
            for (const ConvPass pass : kPasses) {
                CHECK(built.version(pass) == entry.line.version(pass));
                if (!entry.line.version(pass).starts_with("hopper")) continue;
                CHECK(section.sm / 10 == 9);
                CHECK_FALSE(entry.note.empty());
                CHECK(section.origin.find("commit") != std::string::npos);
            }
        }
    }
    CHECK(lines == conv_table().size());
}

TEST_CASE("the table as text: what is no line is refused with its number") {
    const std::string head = conv_table_text({});
    CHECK(parse_conv_table(head, "t").empty());
    const std::string section = head + "\n// sm 86: here\n";
    const std::string good = "{86, bf16, 64, 8, 16, 9, tiled, mma_small, automatic},  // 1.0 2.0 - us\n";
    const ConvTable table = parse_conv_table(section + good, "t");
    REQUIRE(table.size() == 1);
    REQUIRE(table[0].entries.size() == 1);
    CHECK(table[0].origin == "here");
    CHECK(table[0].entries[0].note == "1.0 2.0 - us");
    CHECK(table[0].entries[0].line.K == 16);
    CHECK(table[0].entries[0].line.backward_weights == kAutomatic);
    for (const std::string bad :
         {"{80, bf16, 64, 8, 16, 9, tiled, tiled, tiled},", "{86, bf16, 64, 8, 16, 9, tiled, tiled},",
          "{86, bf16, 64, 8, 16, 9, tiled, tiled, fastest},",
          "{86, int8, 64, 8, 16, 9, tiled, tiled, tiled},", "{86, bf16, -64, 8, 16, 9, tiled, tiled, tiled},",
          "{86, bf16, 6x, 8, 16, 9, tiled, tiled, tiled},"}) {
        CAPTURE(bad);
        try {
            parse_conv_table(section + good + bad + "\n", "t.inc");
            FAIL("was taken");
        } catch (const Error& error) {
            const auto number = std::count(section.begin(), section.end(), '\n') + 2;
            CHECK(std::string(error.what()).find("t.inc:" + std::to_string(number)) != std::string::npos);
        }
    }
}

TEST_CASE("a section takes the place of its architecture's, and leaves the others as they are") {
    const ConvTable table = {{80, "old", {}}, {90, "old", {}}};
    const ConvTable replaced = with_section(table, {80, "new", {}}),
                    more = with_section(table, {86, "new", {}});
    REQUIRE(replaced.size() == 2);
    CHECK(replaced[0].origin == "new");
    CHECK(replaced[1].origin == "old");
    REQUIRE(more.size() == 3);
    CHECK(more[1].sm == 86);
}

TEST_CASE("the fastest kernel that is right wins, one for Hopper by more than 2%") {
    const ConvTableEntry plain = winner({{{"tiled", 9e-6}, {"mma_wide", 3e-6}, {"mma_tall", 2.5e-6}}});
    CHECK(plain.line.forward == "mma_tall");
    CHECK(plain.line.backward_data == kAutomatic);
    CHECK(plain.line.pixels == 32);
    CHECK(plain.line.taps == 9);
    CHECK(plain.note == "2.5 - - us");
    CHECK(winner({{{"mma_wide", 3e-6}, {"hopper", 2e-6}}}).line.forward == "hopper");
    CHECK(winner({{{"mma_wide", 3e-6}, {"hopper", 2.95e-6}}}).line.forward == "mma_wide");
    CHECK(winner({{{"mma_wide", 3e-6}, {"hopper", 1e-6, false}}}).line.forward == "mma_wide");
    CHECK(winner({{{"mma_wide", 3e-6, false}, {"hopper", 1e-6, false}}}).line.forward == kAutomatic);
    // Two layers of the same shape: the mean decides, and who is wrong in one of them is out.
    const std::vector<Measured> one = {{"tiled", 5e-6}, {"mma_wide", 1e-6}, {"mma_tall", 2e-6}};
    CHECK(winner({one, {{"tiled", 5e-6}, {"mma_wide", 4e-6}, {"mma_tall", 2e-6}}}).line.forward ==
          "mma_tall");
    CHECK(winner({one, {{"tiled", 5e-6}, {"mma_wide", 4e-6}, {"mma_tall", 2e-6, false}}}).note ==
          "2.5 - - us");
    // Nothing to choose from: no line.
    CHECK(fastest_kernels(90, Results(convolution({2, 4, 4, 3}, 5), {{{"tiled", 1e-6}}}).list).empty());
}

TEST_CASE("tuning without a GPU is refused") {
    const Registry registry = builtin_backends();
    for (const BackendEntry& entry : registry.entries()) {
        if (entry.name != "cuda" || entry.missing.empty()) continue;
        const ScratchFolder folder;
        const ToolResult result = run_tool_line("kernel_bench --tune table.inc", folder.path());
        CHECK(result.exit_code == 1);
        CHECK(result.err.find(entry.missing) != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(folder.path() / "table.inc"));
    }
}

TEST_SUITE_END();
