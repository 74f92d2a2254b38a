// Which convolution kernel runs when: the table's lines, who may stand in them, and how measurements become
// lines.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/kernels/backends.h"
#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"
#include "objloc/models/vgg16.h"
#include "tests/ops/conv2d_shapes.h"
#include "tests/tools/tool.h"
#include "tools/bench/conv_tuning.h"
#include "tools/bench/kernel_cases.h"
#if defined(OBJLOC_WITH_CUDA_HOST)
#include "objloc/kernels/cuda/runtime/cuda_backend.h"
#endif

using namespace objloc;
using namespace objloc::bench;

namespace {

constexpr ConvPass kPasses[] = {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights};
const CudaDevice kAmpere = {80, false}, kHopper = {90, true}, kBlackwell = {100, false};

/// What the backend chose before there was a table: the largest tile that is not half empty and of which
/// there are enough for a large GPU.
CudaConv chosen_by_sizes(ConvPass pass, const Conv2dProblem& g) {
    if (cuda_conv_applies(CudaConv::first_layer, pass, g, Precision::bf16)) return CudaConv::first_layer;
    if (g.C % 8 != 0 || g.K % 8 != 0) return CudaConv::tiled;
    const bool weights = pass == ConvPass::backward_weights;
    const int64_t rows = pass == ConvPass::forward         ? g.N * g.P() * g.Q()
                         : pass == ConvPass::backward_data ? g.N * g.H * g.W
                                                           : g.R * g.S * g.C;
    const int64_t columns = pass == ConvPass::backward_data ? g.C : g.K;
    const auto tiles = [&](int64_t m, int64_t n) { return (rows + m - 1) / m * ((columns + n - 1) / n); };
    if (columns > 64) return weights || tiles(128, 128) >= 96 ? CudaConv::mma_wide : CudaConv::mma_small;
    return tiles(256, 64) >= (weights ? 2 : 96) ? CudaConv::mma_tall : CudaConv::mma_small;
}

std::vector<Conv2dProblem> models_convolutions() {
    std::vector<Conv2dProblem> list;
    for (const double width : {1.0, 0.5, 0.25}) {
        for (const int64_t batch : {1, 2, 4, 8, 16, 32, 64, 128}) {
            for (const Vgg16Conv& conv : vgg16_convolutions(width, 128)) {
                list.push_back(convolution({batch, conv.side, conv.side, conv.in}, conv.out));
                list.back().pool = conv.last_in_block();
            }
        }
    }
    return list;
}

CudaConv chosen(const Conv2dProblem& problem, const CudaDevice& device,
                const std::vector<ConvTableLine>& table, CudaConv asked = CudaConv::automatic) {
    return choose_conv2d(ConvPass::forward, problem, Precision::bf16, asked, device, table);
}

/// Whom times favour that are halved from kernel to kernel.
[[maybe_unused]] CudaConv last_that_applies(ConvPass pass, const Conv2dProblem& problem,
                                            Precision precision) {
    CudaConv last = CudaConv::automatic;
    for (const CudaConv kernel : cuda_conv_kernels()) {
        if (cuda_conv_applies(kernel, pass, problem, precision)) last = kernel;
    }
    return last;
}

/// A line for bf16 that knows the forward pass.
ConvTableLine line(int sm, const Conv2dProblem& g, CudaConv forward) {
    return {sm, Precision::bf16, g.N * g.P() * g.Q(), g.C, g.K, g.R * g.S, forward};
}

}  // namespace

TEST_SUITE_BEGIN("conv_choice");

TEST_CASE("where the table is reasoned, it says what the sizes say") {
    std::vector<Conv2dProblem> problems = models_convolutions();
    for (const auto& more : {small_convolutions(), tensor_core_convolutions(), vgg16_convolutions()}) {
        problems.insert(problems.end(), more.begin(), more.end());
    }
    ConvTable table = parse_conv_table(contents(committed_conv_table_path()), "table");
    std::vector<ConvTableLine> reasoned;
    for (const ConvTableSection& section : table) {
        for (const ConvTableEntry& entry : section.entries) {
            if (entry.note.empty()) reasoned.push_back(entry.line);
        }
    }
    for (const Conv2dProblem& problem : problems) {
        CAPTURE(name_of("", problem));
        for (const ConvPass pass : kPasses) {
            const CudaConv want = chosen_by_sizes(pass, problem);
            for (const Precision precision : {Precision::tf32, Precision::bf16}) {
                for (const CudaDevice& device : {kAmpere, kBlackwell}) {
                    CHECK(choose_conv2d(pass, problem, precision, CudaConv::automatic, device, reasoned) ==
                          want);
                }
            }
            CHECK(choose_conv2d(pass, problem, Precision::fp32, CudaConv::automatic, kAmpere) ==
                  CudaConv::tiled);
        }
    }
}

TEST_CASE("in the table that is committed, kernels for Hopper stand only where they were measured") {
    const std::string text = contents(committed_conv_table_path());
    const ConvTable table = parse_conv_table(text, "table");
    CHECK(conv_table_text(table) == text);
    size_t lines = 0;
    for (const ConvTableSection& section : table) {
        for (const ConvTableEntry& entry : section.entries) {
            REQUIRE(lines < conv_table().size());
            const ConvTableLine& built = conv_table()[lines++];
            for (const ConvPass pass : kPasses) {
                CHECK(built.kernel(pass) == entry.line.kernel(pass));
                if (!needs_hopper(entry.line.kernel(pass))) continue;
                CHECK(section.sm / 10 == 9);
                CHECK_FALSE(entry.note.empty());
                CHECK(section.origin.find("commit") != std::string::npos);
            }
        }
    }
    CHECK(lines == conv_table().size());
}

TEST_CASE("a problem takes the nearest line of its precision and of the newest architecture it may") {
    const Conv2dProblem problem = convolution({8, 16, 16, 64}, 64), half = convolution({4, 16, 16, 64}, 64),
                        near = convolution({6, 16, 16, 64}, 64), nearer = convolution({7, 16, 16, 64}, 64);
    CHECK(chosen(problem, kAmpere, {}) == CudaConv::mma_small);  // what the sizes say
    CHECK(chosen(problem, kAmpere, {line(80, problem, CudaConv::tiled)}) == CudaConv::tiled);
    CHECK(chosen(problem, kAmpere, {line(80, half, CudaConv::tiled)}) == CudaConv::mma_small);
    CHECK(chosen(problem, kAmpere, {line(80, near, CudaConv::tiled)}) == CudaConv::tiled);
    CHECK(chosen(problem, kAmpere, {line(80, near, CudaConv::tiled), line(80, nearer, CudaConv::mma_wide)}) ==
          CudaConv::mma_wide);
    CHECK(chosen(problem, kAmpere, {line(80, problem, CudaConv::automatic)}) == CudaConv::mma_small);
    ConvTableLine other = line(80, problem, CudaConv::tiled);
    other.precision = Precision::tf32;
    CHECK(chosen(problem, kAmpere, {other}) == CudaConv::mma_small);

    const std::vector<ConvTableLine> ages = {line(80, problem, CudaConv::mma_wide),
                                             line(86, near, CudaConv::tiled),
                                             line(90, problem, CudaConv::mma_tall)};
    CHECK(chosen(problem, {75, false}, ages) == CudaConv::mma_small);
    CHECK(chosen(problem, kAmpere, ages) == CudaConv::mma_wide);
    CHECK(chosen(problem, {89, false}, ages) == CudaConv::tiled);
    CHECK(chosen(problem, kHopper, ages) == CudaConv::mma_tall);
    CHECK(chosen(problem, kBlackwell, ages) == CudaConv::tiled);
}

TEST_CASE(
    "a kernel that is asked for is taken where it applies; one for Hopper comes unasked from a line alone") {
    const Conv2dProblem problem = convolution({8, 16, 16, 64}, 64), odd = convolution({8, 16, 16, 5}, 64);
    const std::vector<ConvTableLine> lines = {line(90, problem, CudaConv::hopper),
                                              line(90, odd, CudaConv::hopper)};
    for (const CudaConv kernel : cuda_conv_kernels()) {
        CAPTURE(name_of(kernel));
        const bool applies = kernel != CudaConv::first_layer;
        CHECK(chosen(problem, kAmpere, {}, kernel) == (applies ? kernel : CudaConv::mma_small));
        CHECK(chosen(odd, kAmpere, {}, kernel) == CudaConv::tiled);
        CHECK(parse_cuda_conv(name_of(kernel)) == kernel);
    }
    CHECK_THROWS_AS(parse_cuda_conv("fastest"), Error);
    CHECK_FALSE(needs_hopper(chosen(problem, kHopper, {})));
    CHECK(chosen(problem, kHopper, lines) == CudaConv::hopper);
    CHECK(chosen(odd, kHopper, lines) == CudaConv::tiled);
    CHECK(chosen(problem, {90, false}, lines) == CudaConv::mma_small);  // a build without its instructions
    CHECK(chosen(problem, kHopper, lines, CudaConv::mma) == CudaConv::mma_small);
    CHECK(chosen(problem, kHopper, {line(90, problem, CudaConv::mma_wide)}, CudaConv::mma) ==
          CudaConv::mma_wide);
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
    CHECK(table[0].entries[0].line.backward_weights == CudaConv::automatic);
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

namespace {

/// Results of one pass as if measured: seconds of each kernel, and whether it was right.
struct Measured {
    CudaConv kernel;
    double seconds;
    bool right = true;
};

/// Cases and variants that results point to.
struct Results {
    std::vector<KernelCase> cases;
    std::vector<KernelVariant> variants;
    std::vector<KernelResult> list;

    Results(const Conv2dProblem& problem, const std::vector<std::vector<Measured>>& layers) {
        for (size_t layer = 0; layer < layers.size(); ++layer) {
            cases.push_back(conv2d_cases({{"", problem}}).front());
            for (const Measured& at : layers[layer]) {
                variants.emplace_back();
                variants.back().precision = Precision::bf16, variants.back().kernel = at.kernel;
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

TEST_CASE("the fastest kernel that is right wins, one for Hopper by more than 2%") {
    using enum CudaConv;
    const ConvTableEntry plain = winner({{{tiled, 9e-6}, {mma_wide, 3e-6}, {mma_tall, 2.5e-6}}});
    CHECK(plain.line.forward == mma_tall);
    CHECK(plain.line.backward_data == automatic);
    CHECK(plain.line.pixels == 32);
    CHECK(plain.line.taps == 9);
    CHECK(plain.note == "2.5 - - us");
    CHECK(winner({{{mma_wide, 3e-6}, {hopper, 2e-6}}}).line.forward == hopper);
    CHECK(winner({{{mma_wide, 3e-6}, {hopper, 2.95e-6}}}).line.forward == mma_wide);
    CHECK(winner({{{mma_wide, 3e-6}, {hopper, 1e-6, false}}}).line.forward == mma_wide);
    CHECK(winner({{{mma_wide, 3e-6, false}, {hopper, 1e-6, false}}}).line.forward == automatic);
    // Two layers of the same shape: the mean decides, and who is wrong in one of them is out.
    const std::vector<Measured> one = {{tiled, 5e-6}, {mma_wide, 1e-6}, {mma_tall, 2e-6}};
    CHECK(winner({one, {{tiled, 5e-6}, {mma_wide, 4e-6}, {mma_tall, 2e-6}}}).line.forward == mma_tall);
    CHECK(winner({one, {{tiled, 5e-6}, {mma_wide, 4e-6}, {mma_tall, 2e-6, false}}}).note == "2.5 - - us");
    // Nothing to choose from: no line.
    CHECK(fastest_kernels(90, Results(convolution({2, 4, 4, 3}, 5), {{{tiled, 1e-6}}}).list).empty());
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

#if defined(OBJLOC_WITH_CUDA_HOST)
TEST_CASE("tuning from end to end on the host runtime, with times that are made up") {
    const BackendEntry entry = cuda_host_backend_entry();
    REQUIRE(entry.device.sm == 90);
    REQUIRE(entry.device.hopper);
    const Conv2dProblem problem = convolution({1, 4, 4, 64}, 64);
    ConvTable before = parse_conv_table(contents(committed_conv_table_path()), "table");
    std::erase_if(before, [](const ConvTableSection& at) { return at.sm >= 90; });
    double seconds = 1;
    const auto quicker_each_time = [&](const KernelCase&, Backend&, const Arrays&, int) {
        return seconds *= 0.5;
    };
    int kept = 0;
    const auto keep = [&kept](const ConvTable&) { ++kept; };
    const ConvTuning tuning =
        tune_convolutions(entry, conv2d_cases({{"", problem}}), before, 1, keep, quicker_each_time);
    CHECK(kept == 3);  // after each pass
    CHECK(tuning.wrong.empty());

    // As text and back; the other architectures' lines are as they were.
    const std::string text = conv_table_text(tuning.table);
    const ConvTable again = parse_conv_table(text, "table");
    CHECK(conv_table_text(again) == text);
    CHECK(text.find(conv_table_text(before)) == 0);
    const ConvTableSection& section = again.back();
    CHECK(section.sm == 90);
    CHECK(section.origin.find("commit") != std::string::npos);
    REQUIRE(section.entries.size() == 2);  // in fp32 there is nothing to choose from
    const ConvTableLine &bf16 = section.entries[0].line, &tf32 = section.entries[1].line;
    CHECK(bf16.precision == Precision::bf16);
    CHECK(tf32.precision == Precision::tf32);
    for (const ConvPass pass : kPasses) {
        CHECK(bf16.kernel(pass) == last_that_applies(pass, problem, Precision::bf16));
        CHECK(tf32.kernel(pass) == last_that_applies(pass, problem, Precision::tf32));
        CHECK(choose_conv2d(pass, problem, Precision::bf16, CudaConv::automatic, entry.device,
                            std::vector{bf16, tf32}) == bf16.kernel(pass));
    }
    CHECK(needs_hopper(bf16.backward_weights));
}

TEST_CASE("tuning times no kernel that is wrong, and says which ones are") {
    BackendEntry entry = cuda_host_backend_entry();
    entry.device.hopper = false;
    const KernelCase op = conv2d_cases({{"", convolution({1, 4, 4, 8}, 8)}}).front();
    KernelCase never_right = op;
    never_right.reference_at = [](const Arrays&, size_t, int64_t) { return 1e6; };
    const auto timed = [](const KernelCase&, Backend&, const Arrays&, int) { return 1.0; };
    const ConvTuning tuning = tune_convolutions(
        entry, {never_right}, {}, 1, [](const ConvTable&) {}, timed);
    CHECK(tuning.wrong.find("mma_wide bf16") != std::string::npos);
    REQUIRE(tuning.table.size() == 1);
    for (const ConvTableEntry& at : tuning.table[0].entries) {
        CHECK(at.line.forward == CudaConv::automatic);
        CHECK(at.note == "- - - us");
    }
    CHECK(tune_convolutions(
              entry, {op}, {}, 1, [](const ConvTable&) {}, timed)
              .wrong.empty());
}
#endif

TEST_SUITE_END();
