// objloc_weights as a person meets it: what it says of good files, and that it names what is wrong with bad
// ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/file.h"
#include "models/keras_weights.h"
#include "models/safetensors.h"
#include "tests/tool.h"

namespace objloc {
namespace {

namespace fs = std::filesystem;

std::string fixture(const std::string& name) {
    return (fs::path(__FILE__).parent_path() / "fixtures" / name).string();
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

TEST_CASE("verify names the fault: cut short, flipped bits, transposed, not finite, missing, never written") {
    const ScratchFolder folder;
    const std::vector<uint8_t> whole = read_file(fixture("keras2_weights.h5"));
    std::vector<uint8_t> cut(whole.begin(), whole.begin() + std::ssize(whole) / 2);
    write_file_atomically(folder.file("cut.h5"), cut);
    check_fault(folder, "cut.h5", "is cut short");

    const auto write = [&](const char* name, const WeightFile& file) {
        write_keras_weights(folder.file(name), file.arrays, {});
    };
    WeightFile file = sound();
    write("flipped.h5", file);
    std::vector<uint8_t> bytes = read_file(folder.file("flipped.h5"));
    const auto* first = reinterpret_cast<const uint8_t*>(file.arrays[8].values.data());
    const auto at = std::search(bytes.begin(), bytes.end(), first, first + 64);
    REQUIRE(at != bytes.end());
    *at ^= 4;
    write_file_atomically(folder.file("flipped.h5"), bytes);
    check_fault(folder, "flipped.h5", file.arrays[8].name + ":0: could not be read");

    swap_axes(named(file, "block3_conv1/kernel"));
    write("transposed.h5", file);
    check_fault(folder, "transposed.h5",
                "block3_conv1/kernel should have the shape (3, 3, 2, 4), has (4, 2, 3, 3)");
    check_fault(folder, "transposed.h5", "PyTorch's order");

    file = sound();
    named(file, "block4_conv2/kernel").values[5] = NAN;
    named(file, "block2_conv2/bias").values[1] = 3e30F;
    write("nan.h5", file);
    check_fault(folder, "nan.h5",
                "block4_conv2/kernel: 1 of 576 values are not finite; the first is nan at (0, 0, 0, 5)");
    check_fault(folder, "nan.h5", "block2_conv2/bias holds 3e+30 at its element 1");

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
    refuses("in.h5 model.h5", "disagree");
    CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);  // in.h5
}

}  // namespace
}  // namespace objloc
