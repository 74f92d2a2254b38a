// Which version of the convolution runs when: the nearest line of the table, what was asked for, and what tuning writes.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "objloc/engine/error.h"
#include "objloc/kernels/cases/conv2d_shapes.h"
#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"
#include "objloc/kernels/cuda/runtime/cuda_backend.h"
#include "objloc/models/vgg16.h"
#include "tests/tools/tool.h"
#include "tools/bench/conv_tuning.h"

using namespace objloc;
using namespace objloc::bench;

namespace {

constexpr ConvPass kPasses[] = {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights};
const CudaDevice kAmpere = {80, false}, kHopper = {90, true}, kBlackwell = {100, false};

const Conv2dVersions& versions() {
    static const Conv2dVersions list = cuda_host_backend_entry().conv2d_versions;
    return list;
}

bool applies(const std::string& name, ConvPass pass, const Conv2dProblem& problem, Precision precision) {
    return find_version(versions(), name)->applies(pass, problem, precision);
}

std::string name_of_chosen(ConvPass pass, const Conv2dProblem& problem, Precision precision,
                           const CudaDevice& device, const std::vector<ConvTableLine>& table,
                           const std::string& asked = kAutomatic) {
    return choose_conv2d(versions(), pass, problem, precision, asked, device, table).name;
}

/// What the backend chose before there was a table: the largest tile that is not half empty and of which
/// there are enough for a large GPU.
std::string chosen_by_sizes(ConvPass pass, const Conv2dProblem& g) {
    if (applies("first_layer", pass, g, Precision::bf16)) return "first_layer";
    if (g.C % 8 != 0 || g.K % 8 != 0) return "tiled";
    const bool weights = pass == ConvPass::backward_weights;
    const int64_t rows = pass == ConvPass::forward         ? g.N * g.P() * g.Q()
                         : pass == ConvPass::backward_data ? g.N * g.H * g.W
                                                           : g.R * g.S * g.C;
    const int64_t columns = pass == ConvPass::backward_data ? g.C : g.K;
    const auto tiles = [&](int64_t m, int64_t n) { return (rows + m - 1) / m * ((columns + n - 1) / n); };
    if (columns > 64) return weights || tiles(128, 128) >= 96 ? "mma_wide" : "mma_small";
    return tiles(256, 64) >= (weights ? 2 : 96) ? "mma_tall" : "mma_small";
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

std::string chosen(const Conv2dProblem& problem, const CudaDevice& device,
                   const std::vector<ConvTableLine>& table, const std::string& asked = kAutomatic) {
    return name_of_chosen(ConvPass::forward, problem, Precision::bf16, device, table, asked);
}

/// What times favour that are halved from version to version.
std::string last_that_applies(ConvPass pass, const Conv2dProblem& problem, Precision precision) {
    std::string last = kAutomatic;
    for (const Conv2dVersion* version : versions()) {
        if (version->applies(pass, problem, precision)) last = version->name;
    }
    return last;
}

/// A line for bf16 that knows the forward pass.
ConvTableLine line(int sm, const Conv2dProblem& g, const std::string& forward) {
    return {sm, Precision::bf16, g.N * g.P() * g.Q(), g.C, g.K, g.R * g.S, forward};
}

}  // namespace

TEST_SUITE_BEGIN("conv_choice");

TEST_CASE("where the table is reasoned, it says what the sizes say") {
    std::vector<Conv2dProblem> problems = models_convolutions();
    std::vector<Conv2dProblem> vgg16;
    for (const ConvLayer& layer : vgg16_layers(1, 128)) vgg16.push_back(layer.problem);
    for (const auto& more : {small_convolutions(), tensor_core_convolutions(), vgg16}) {
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
        CAPTURE(text_of(problem));
        for (const ConvPass pass : kPasses) {
            const std::string want = chosen_by_sizes(pass, problem);
            for (const Precision precision : {Precision::tf32, Precision::bf16}) {
                for (const CudaDevice& device : {kAmpere, kBlackwell}) {
                    CHECK(name_of_chosen(pass, problem, precision, device, reasoned) == want);
                }
            }
            CHECK(name_of_chosen(pass, problem, Precision::fp32, kAmpere, {}) == "tiled");
        }
    }
}

TEST_CASE("a problem takes the nearest line of its precision and of the newest architecture it may") {
    const Conv2dProblem problem = convolution({8, 16, 16, 64}, 64), half = convolution({4, 16, 16, 64}, 64),
                        near = convolution({6, 16, 16, 64}, 64), nearer = convolution({7, 16, 16, 64}, 64);
    CHECK(chosen(problem, kAmpere, {}) == "mma_small");  // what the sizes say
    CHECK(chosen(problem, kAmpere, {line(80, problem, "tiled")}) == "tiled");
    CHECK(chosen(problem, kAmpere, {line(80, half, "tiled")}) == "mma_small");
    CHECK(chosen(problem, kAmpere, {line(80, near, "tiled")}) == "tiled");
    CHECK(chosen(problem, kAmpere, {line(80, near, "tiled"), line(80, nearer, "mma_wide")}) == "mma_wide");
    CHECK(chosen(problem, kAmpere, {line(80, problem, kAutomatic)}) == "mma_small");
    ConvTableLine other = line(80, problem, "tiled");
    other.precision = Precision::tf32;
    CHECK(chosen(problem, kAmpere, {other}) == "mma_small");

    const std::vector<ConvTableLine> ages = {line(80, problem, "mma_wide"), line(86, near, "tiled"),
                                             line(90, problem, "mma_tall")};
    CHECK(chosen(problem, {75, false}, ages) == "mma_small");
    CHECK(chosen(problem, kAmpere, ages) == "mma_wide");
    CHECK(chosen(problem, {89, false}, ages) == "tiled");
    CHECK(chosen(problem, kHopper, ages) == "mma_tall");
    CHECK(chosen(problem, kBlackwell, ages) == "tiled");
}

TEST_CASE(
    "a kernel that is asked for is taken where it applies; one for Hopper comes unasked from a line alone") {
    const Conv2dProblem problem = convolution({8, 16, 16, 64}, 64), odd = convolution({8, 16, 16, 5}, 64);
    const std::vector<ConvTableLine> lines = {line(90, problem, "hopper"), line(90, odd, "hopper")};
    for (const Conv2dVersion* version : versions()) {
        const std::string name = version->name;
        CAPTURE(name);
        const bool applies = name != "first_layer";
        CHECK(chosen(problem, kAmpere, {}, name) == (applies ? name : "mma_small"));
        CHECK(chosen(odd, kAmpere, {}, name) == "tiled");
        CHECK_NOTHROW(check_version_name(versions(), name));
    }
    CHECK_THROWS_AS(check_version_name(versions(), "fastest"), Error);
    CHECK(chosen(problem, kHopper, {}) == "mma_small");
    CHECK(chosen(problem, kHopper, lines) == "hopper");
    CHECK(chosen(odd, kHopper, lines) == "tiled");
    CHECK(chosen(problem, {90, false}, lines) == "mma_small");  // a build without its instructions
    CHECK(chosen(problem, kHopper, lines, "mma") == "mma_small");
    CHECK(chosen(problem, kHopper, {line(90, problem, "mma_wide")}, "mma") == "mma_wide");
}

TEST_CASE("tuning from end to end on the host runtime, with times that are made up") {
    const BackendEntry entry = cuda_host_backend_entry();
    REQUIRE(entry.device.sm == 90);
    REQUIRE(entry.device.hopper);
    const Conv2dProblem problem = convolution({1, 4, 4, 64}, 64);
    ConvTable before = parse_conv_table(contents(committed_conv_table_path()), "table");
    std::erase_if(before, [](const ConvTableSection& at) { return at.sm >= 90; });
    double seconds = 1;
    const auto quicker_each_time = [&](const OpCase&, Backend&, const Arrays&, int) {
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
        CHECK(bf16.version(pass) == last_that_applies(pass, problem, Precision::bf16));
        CHECK(tf32.version(pass) == last_that_applies(pass, problem, Precision::tf32));
        CHECK(name_of_chosen(pass, problem, Precision::bf16, entry.device, {bf16, tf32}) ==
              bf16.version(pass));
    }
    CHECK(bf16.backward_weights == "hopper");
}

TEST_CASE("tuning times no kernel that is wrong, and says which ones are") {
    BackendEntry entry = cuda_host_backend_entry();
    entry.device.hopper = false;
    const OpCase op = conv2d_cases({{"", convolution({1, 4, 4, 8}, 8)}}).front();
    OpCase never_right = op;
    never_right.reference_at = [](const Arrays&, size_t, int64_t) { return 1e6; };
    const auto timed = [](const OpCase&, Backend&, const Arrays&, int) { return 1.0; };
    const ConvTuning tuning = tune_convolutions(
        entry, {never_right}, {}, 1, [](const ConvTable&) {}, timed);
    CHECK(tuning.wrong.find("mma_wide bf16") != std::string::npos);
    REQUIRE(tuning.table.size() == 1);
    for (const ConvTableEntry& at : tuning.table[0].entries) {
        CHECK(at.line.forward == kAutomatic);
        CHECK(at.note == "- - - us");
    }
    CHECK(tune_convolutions(
              entry, {op}, {}, 1, [](const ConvTable&) {}, timed)
              .wrong.empty());
}

TEST_SUITE_END();
