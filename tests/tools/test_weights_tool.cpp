// objloc_weights as a person meets it: what it says of good files, and that it names what is wrong with bad
// ones.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/models/formats/safetensors.h"
#include "objloc/models/model_file.h"
#include "tests/source_path.h"
#include "tests/tools/tool.h"

namespace objloc {
namespace {

namespace fs = std::filesystem;

std::string fixture(const std::string& name) {
    return source_path("fixtures/" + name);
}

/// A whole, sound model: VGG16 at width 1/64 with a head of three outputs.
WeightFile sound() {
    return read_keras_weights(fixture("keras2_weights.h5"));
}

NamedArray& named(WeightFile& file, const std::string& name) {
    return *std::find_if(file.arrays.begin(), file.arrays.end(),
                         [&](const auto& a) { return a.name == name; });
}

void swap_axes(NamedArray& kernel) {  // (R, S, C, K) -> (K, C, R, S), in name only
    kernel.shape = {kernel.shape[3], kernel.shape[2], kernel.shape[0], kernel.shape[1]};
}

void check_fault(const ScratchFolder& folder, const std::string& file, const std::string& fault) {
    const ToolResult result = run_tool_line("objloc_weights verify " + file, folder.path());
    CAPTURE(result.out);
    CAPTURE(result.err);
    CHECK(result.exit_code == 1);
    CHECK(result.err.find(fault) != std::string::npos);
    CHECK(result.err.find("should not happen") == std::string::npos);
}

TEST_CASE("inspect names the form, the attributes and every tensor") {
    const ScratchFolder folder;
    const ToolResult result =
        run_tool_line("objloc_weights inspect " + fixture("keras2_model.h5"), folder.path());
    REQUIRE(result.exit_code == 0);
    CHECK(result.out.find("Keras HDF5 model (model_weights)") != std::string::npos);
    CHECK(result.out.find("keras_version: 2.") != std::string::npos);
    CHECK(result.out.find(
              "block1_conv1/kernel      (3, 3, 3, 1)                  -2     -0.5781      0.8438") !=
          std::string::npos);
    CHECK(result.out.find("28 tensors, 3711 values") != std::string::npos);
}

TEST_CASE("verify passes sound files of every kind and says what they are") {
    const ScratchFolder folder;
    for (const char* name :
         {"keras1_notop.h5", "keras1_top.h5", "keras2_dense_2.h5", "keras3_nested.weights.h5"}) {
        CAPTURE(name);
        const ToolResult result = run_tool_line("objloc_weights verify " + fixture(name), folder.path());
        CHECK(result.exit_code == 0);
        CHECK(result.out.find("no fault found") != std::string::npos);
    }
    const ToolResult head =
        run_tool_line("objloc_weights verify " + fixture("keras2_weights.h5"), folder.path());
    CHECK(head.out.find("a localizer for 32x32 pixels, 3 outputs") != std::string::npos);
}

/// Cuts the file at some of its lengths.
void check_truncations(const ScratchFolder& folder, const std::string& whole_file, const std::string& ending,
                       const std::vector<std::string>& faults) {
    const std::vector<uint8_t> whole = read_file(whole_file);
    const std::vector<double> kept = {0.001, 0.3, 0.7, 0.999};
    for (size_t i = 0; i < kept.size(); ++i) {
        CAPTURE(kept[i]);
        const auto length = static_cast<ptrdiff_t>(kept[i] * static_cast<double>(whole.size()));
        write_file_atomically(folder.file("cut" + ending), {whole.begin(), whole.begin() + length});
        check_fault(folder, "cut" + ending, faults[i]);
    }
}

TEST_CASE("verify names the fault: cut short") {
    const ScratchFolder folder;
    const std::string cut = "is cut short", not_all_there = "lie beyond the file's";
    check_truncations(folder, fixture("keras2_weights.h5"), ".h5", {cut, cut, cut, cut});
    check_truncations(folder, fixture("keras3.weights.h5"), ".h5", {cut, cut, cut, cut});
    REQUIRE(run_tool_line("objloc_weights convert " + fixture("keras2_weights.h5") + " whole.safetensors",
                          folder.path())
                .exit_code == 0);
    check_truncations(folder, folder.file("whole.safetensors"), ".safetensors",
                      {"is cut short within its header", not_all_there, not_all_there, not_all_there});
}

/// Turns one bit of the element's four bytes, wherever in the file they lie.
void flip_bit(const std::string& path, const NamedArray& array, size_t element, int bit) {
    std::vector<uint8_t> bytes = read_file(path);
    const auto* first = reinterpret_cast<const uint8_t*>(array.values.data());
    const auto* last = first + array.values.size() * sizeof(float);
    const auto at = std::search(bytes.begin(), bytes.end(), first, last);
    REQUIRE(at != bytes.end());
    at[static_cast<ptrdiff_t>(element * sizeof(float)) + bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    write_file_atomically(path, bytes);
}

TEST_CASE("verify names the fault: any flipped bit of a tensor in our files, for they carry checksums") {
    const ScratchFolder folder;
    const WeightFile file = sound();
    const NamedArray& array = file.arrays[8];
    for (const int bit : {0, 13, 22, 23, 30, 31}) {
        CAPTURE(bit);
        write_keras_weights(folder.file("flipped.h5"), file.arrays, {});
        flip_bit(folder.file("flipped.h5"), array, 17, bit);
        check_fault(folder, "flipped.h5", array.name + ":0: could not be read");
    }
}

TEST_CASE("verify names the fault: an exponent's highest bit in files without checksums") {
    const ScratchFolder folder;
    const NamedArray array = sound().arrays[8];
    const auto find = [&](auto is_it) {
        return static_cast<size_t>(std::find_if(array.values.begin(), array.values.end(), is_it) -
                                   array.values.begin());
    };
    const size_t small = find([](float v) { return 0 < v && v < 1; });
    const size_t large = find([](float v) { return 1 < v && v < 2; });
    REQUIRE(std::max(small, large) < array.values.size());
    REQUIRE(run_tool_line("objloc_weights convert " + fixture("keras2_weights.h5") + " flipped.safetensors",
                          folder.path())
                .exit_code == 0);
    fs::copy(fixture("keras2_weights.h5"), folder.file("flipped.h5"));
    flip_bit(folder.file("flipped.h5"), array, small, 30);  // becomes 2^128 times larger
    check_fault(folder, "flipped.h5", array.name + " holds ");
    check_fault(folder, "flipped.h5",
                fmt::format("at its element {}; no trained weight is that large", small));
    fs::copy(fixture("keras2_weights.h5"), folder.file("flipped_again.h5"));
    flip_bit(folder.file("flipped_again.h5"), array, large, 30);  // becomes nan
    check_fault(folder, "flipped_again.h5", array.name + ": 1 of ");
    const NamedArray bias =
        sound().arrays[1];  // of one axis, so that its bytes are the same in PyTorch's order
    flip_bit(folder.file("flipped.safetensors"), bias, 0, 30);
    check_fault(folder, "flipped.safetensors", bias.name);
}

TEST_CASE("a flipped bit anywhere in our file is seen, or changes no number") {
    const ScratchFolder folder;
    const std::string path = folder.file("model.h5");
    const WeightFile good = sound();
    std::vector<WantedArray> wanted;
    for (const NamedArray& array : good.arrays) wanted.push_back({array.name, array.shape});
    write_keras_weights(path, good.arrays, {});
    const std::vector<uint8_t> whole = read_file(path);
    size_t seen = 0;
    for (size_t i = 0; i < whole.size(); i += 307) {
        CAPTURE(i);
        std::vector<uint8_t> bytes = whole;
        bytes[i] ^= static_cast<uint8_t>(1 << i % 8);
        write_file_atomically(path, bytes);
        try {
            const WeightFile file = read_keras_weights(path);
            const MatchedArrays matched = match_arrays(path, file, wanted);
            if (!matched.report.missing.empty()) ++seen;
            for (size_t k = 0; k < wanted.size(); ++k) {
                if (matched.arrays[k] != nullptr) CHECK(matched.arrays[k]->values == good.arrays[k].values);
            }
        } catch (const Error&) {
            ++seen;
        }
    }
    CHECK(seen > 0);
}

TEST_CASE(
    "verify names the fault: transposed, not finite, senseless, never written, missing, something else") {
    const ScratchFolder folder;
    const auto write = [&](const char* name, const WeightFile& file) {
        write_keras_weights(folder.file(name), file.arrays, {});
    };
    WeightFile file = sound();
    swap_axes(named(file, "block3_conv1/kernel"));
    write("transposed.h5", file);
    check_fault(folder, "transposed.h5",
                "block3_conv1/kernel should have the shape (3, 3, 2, 4), has (4, 2, 3, 3)");
    check_fault(folder, "transposed.h5", "PyTorch's order");

    file = sound();
    named(file, "dense/kernel").shape = {3, 8};
    write("transposed_head.h5", file);
    check_fault(folder, "transposed_head.h5",
                "dense/kernel should have the shape (8, 3), has (3, 8)\n  It is transposed");

    file = sound();
    named(file, "block4_conv2/kernel").values[5] = NAN;
    named(file, "block2_conv2/bias").values[1] = 3e30F;
    write("nan.h5", file);
    check_fault(folder, "nan.h5",
                "block4_conv2/kernel: 1 of 576 values are not finite; the first is nan at (0, 0, 0, 5)");
    check_fault(folder, "nan.h5", "block2_conv2/bias holds 3e+30 at its element 1");
    REQUIRE(run_tool_line("objloc_weights inspect nan.h5", folder.path()).exit_code == 0);

    file = sound();
    std::fill(named(file, "block5_conv1/kernel").values.begin(),
              named(file, "block5_conv1/kernel").values.end(), 0.0F);
    write("zero.h5", file);
    check_fault(folder, "zero.h5", "block5_conv1/kernel is zero everywhere");

    file = sound();
    file.arrays.erase(file.arrays.begin() + 3);
    write("missing.h5", file);
    check_fault(folder, "missing.h5", "block1_conv2/bias is missing");

    folder.write("page.h5", "<html>404</html>");
    check_fault(folder, "page.h5", "is not an HDF5 file: it begins with \"<html>404</html>\"");
    check_fault(folder, "absent.h5", "cannot be opened");
}

TEST_CASE("files on which the HDF5 library crashes are refused by every command") {
    // Bytes that crash HDF5 1.10 when one bit of them is turned: where texts of variable length lie.
    const std::pair<const char*, size_t> places[] = {
        {"keras2_model.h5", 902}, {"keras2_model.h5", 975}, {"keras3.weights.h5", 2335}};
    const ScratchFolder folder;
    for (const auto& [name, at] : places) {
        CAPTURE(name);
        CAPTURE(at);
        std::vector<uint8_t> bytes = read_file(fixture(name));
        bytes[at] ^= 1;
        write_file_atomically(folder.file("damaged.h5"), bytes);
        for (const char* command :
             {"objloc_weights inspect damaged.h5", "objloc_weights verify damaged.h5",
              "objloc_weights convert damaged.h5 model.h5", "objloc_predict --model damaged.h5 x.png",
              "objloc_train --device cpu --model vgg16-slim --weights damaged.h5 --side 32 --out run"}) {
            const ToolResult result = run_tool_line(command, folder.path());
            CAPTURE(command);
            CAPTURE(result.err);
            CHECK(result.exit_code == 1);
            CHECK(result.err.find("damaged.h5: ") != std::string::npos);
            CHECK(result.err.find("should not happen") == std::string::npos);
        }
    }
}

TEST_CASE("a file of the official file's size but other bytes fails its checksum") {
    const ScratchFolder folder;
    folder.write("vgg16.h5", std::string(58889256, 'x'));
    check_fault(folder, "vgg16.h5", "its MD5 is ");
    check_fault(folder, "vgg16.h5", "not 6d6bbae143d832006294945121d1f1fc");
}

TEST_CASE("convert goes to safetensors and back without a change, and keeps the configuration") {
    const ScratchFolder folder;
    WeightFile file = sound();
    const std::string config =
        R"({"architecture":"vgg16","width":0.015625,"side":40,"box":"square","head":"flatten","preprocess":"caffe"})";
    write_keras_weights(folder.file("model.h5"), file.arrays, {{"objloc_config", config}});
    REQUIRE(run_tool_line("objloc_weights convert model.h5 model.safetensors", folder.path()).exit_code == 0);
    REQUIRE(run_tool_line("objloc_weights convert model.safetensors back.h5", folder.path()).exit_code == 0);
    CHECK(read_safetensors(folder.file("model.safetensors")).arrays[0].name == "features.0.weight");
    CHECK(read_file(folder.file("back.h5")) == read_file(folder.file("model.h5")));  // byte for byte
}

TEST_CASE("convert keeps every layer of a head of votes") {
    const ScratchFolder folder;
    LocalizerConfig config;
    config.width = 1.0 / 64;
    config.side = 32;
    config.box = BoxForm::rect;
    config.head = HeadForm::cells;
    const Localizer localizer(config, 7);
    save_model(folder.file("model.h5"), localizer);
    const auto tool = [&](const std::string& line) {
        return run_tool_line("objloc_weights " + line, folder.path());
    };
    CHECK(tool("verify model.h5").out.find("no fault found") != std::string::npos);
    const ToolResult converted = tool("convert model.h5 model.safetensors");
    CAPTURE(converted.err);
    const std::string taken = std::to_string(localizer.parameters().all().size()) + " tensors taken";
    CHECK(converted.out.find(taken + ", 0 missing, 0 left over") != std::string::npos);
    REQUIRE(tool("convert model.safetensors back.h5").exit_code == 0);
    CHECK(read_file(folder.file("back.h5")) == read_file(folder.file("model.h5")));  // byte for byte

    WeightFile file = read_keras_weights(folder.file("model.h5"));
    file.arrays.pop_back();  // a part of the head
    write_keras_weights(folder.file("part.h5"), file.arrays, file.attributes);
    check_fault(folder, "part.h5", "is missing");
    CHECK(tool("convert part.h5 whole.h5").err.find("is incomplete") != std::string::npos);
}

TEST_CASE("convert takes a head that Keras numbered, and tells the model from the shapes") {
    const ScratchFolder folder;
    const ToolResult result = run_tool_line(
        "objloc_weights convert --preprocess caffe " + fixture("keras2_dense_2.h5") + " model.h5",
        folder.path());
    CHECK(result.out.find("28 tensors taken, 0 missing, 0 left over") != std::string::npos);
    const WeightFile file = read_keras_weights(folder.file("model.h5"));
    CHECK(file.arrays.back().name == "dense/bias");
    CHECK(
        file.attributes.at("objloc_config") ==
        R"({"architecture":"vgg16","width":0.015625,"side":32,"box":"square","head":"flatten","preprocess":"caffe"})");
}

TEST_CASE("convert writes ONNX that says what it is, or names the packages to build with") {
    const ScratchFolder folder;
    const ToolResult result = run_tool_line(
        "objloc_weights convert " + fixture("keras2_weights.h5") + " model.onnx", folder.path());
    if (result.exit_code != 0) {
        CHECK(result.err.find("apt-get install libonnx-dev") != std::string::npos);
        return;
    }
    const std::string bytes = contents(folder.file("model.onnx"));
    for (const char* text :
         {"objloc_config", "preprocessing", "x, y, size", "NHWC", "Transpose", "Sigmoid"}) {
        CAPTURE(text);
        CHECK(bytes.find(text) != std::string::npos);
    }
}

TEST_CASE("convert refuses what it cannot do, and leaves no file") {
    const ScratchFolder folder;
    const auto refuses = [&](const std::string& arguments, const std::string& message) {
        const ToolResult result = run_tool_line("objloc_weights convert " + arguments, folder.path());
        CAPTURE(result.err);
        CHECK(result.exit_code == 1);
        CHECK(result.err.find(message) != std::string::npos);
    };
    refuses(fixture("keras1_notop.h5") + " model.onnx", "no localizer's head");
    refuses(fixture("keras2_weights.h5") + " model.bin", "Use .h5, .safetensors or .onnx");
    refuses("model.pth model.h5", "weights/README.md");
    refuses(fixture("keras_vgg16_width16th.h5") + " model.h5", "not Keras's");
    WeightFile file = sound();
    write_keras_weights(
        folder.file("in.h5"), file.arrays,
        {{"objloc_config",
          R"({"architecture":"vgg16","width":0.015625,"side":128,"box":"square","preprocess":"unit"})"}});
    refuses("in.h5 model.h5", "dense/kernel should have the shape (128, 3), has (8, 3)");
    for (const char* absurd : {R"("width":3,"side":32)", R"("width":1e300,"side":32)",
                               R"("width":0.015625,"side":1000000)", R"("width":0.015625,"side":-32)"}) {
        write_keras_weights(folder.file("in.h5"), file.arrays,
                            {{"objloc_config", std::string(R"({"architecture":"vgg16",)") + absurd +
                                                   R"(,"box":"square","preprocess":"unit"})"}});
        refuses("in.h5 model.h5", "disagree");
        CHECK_THROWS_WITH_AS(load_model(folder.file("in.h5")), doctest::Contains("disagree"), Error);
    }
    CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);  // in.h5
}

}  // namespace
}  // namespace objloc
