// safetensors files, and the way between Keras's and PyTorch's names and axis orders.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/models/formats/safetensors.h"
#include "objloc/models/formats/torch_names.h"
#include "objloc/models/vgg16.h"
#include "tests/tools/tool.h"

namespace objloc {
namespace {

void write_file(const std::string& path, const std::string& header, const std::string& data) {
    const uint64_t length = header.size();
    std::string bytes(sizeof length, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    bytes += header + data;
    write_file_atomically(path, bytes);
}

NamedArray counting(const std::string& name, const Shape& shape) {
    NamedArray array{name, shape, {}};
    for (int64_t i = 0; i < shape.count(); ++i) array.values.push_back(static_cast<float>(i));
    return array;
}

/// Row-major index of (i, j, k, l) in a (.., b, c, d) array.
size_t at(const Shape& shape, int64_t i, int64_t j, int64_t k, int64_t l) {
    return static_cast<size_t>(((i * shape[1] + j) * shape[2] + k) * shape[3] + l);
}

std::vector<NamedArray> tiny_vgg16(int64_t side, int64_t outputs) {
    std::vector<NamedArray> arrays;
    int64_t channels = 0;
    for (const Vgg16Conv& convolution : vgg16_convolutions(1.0 / 32, side)) {
        arrays.push_back(counting(convolution.name + "/kernel", {3, 3, convolution.in, convolution.out}));
        arrays.push_back(counting(convolution.name + "/bias", {convolution.out}));
        channels = convolution.out;
    }
    arrays.push_back(counting("dense/kernel", {(side / 32) * (side / 32) * channels, outputs}));
    arrays.push_back(counting("dense/bias", {outputs}));
    return arrays;
}

const NamedArray& named(const std::vector<NamedArray>& arrays, const std::string& name) {
    for (const NamedArray& array : arrays) {
        if (array.name == name) return array;
    }
    throw Error("test", "no array is called " + name);
}

TEST_CASE("safetensors come back as they were written, with their metadata") {
    const ScratchFolder folder;
    const std::string path = folder.file("some.safetensors");
    const std::vector<NamedArray> arrays = {counting("b", {2, 3}), counting("a", {}), counting("c", {0, 4})};
    write_safetensors(path, arrays, {{"format", "pt"}, {"objloc_config", "{\"side\": 64}"}});
    CHECK(is_safetensors(path));
    const WeightFile file = read_safetensors(path);
    CHECK(file.attributes.at("objloc_config") == "{\"side\": 64}");
    REQUIRE(file.arrays.size() == 3);
    for (const NamedArray& array : arrays) {
        CHECK(named(file.arrays, array.name).shape == array.shape);
        CHECK(named(file.arrays, array.name).values == array.values);
    }
}

TEST_CASE("safetensors of half precision become float32") {
    const ScratchFolder folder;
    const std::string path = folder.file("some.safetensors");
    // IEEE binary16: 1, -2, the smallest subnormal, the largest number, infinity, not a number.
    const std::vector<uint16_t> halves = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x7e00};
    const std::vector<uint16_t> bfloats = {0x3f80, 0xc000};
    const double doubles[] = {0.1};
    std::string data(reinterpret_cast<const char*>(halves.data()), 12);
    data.append(reinterpret_cast<const char*>(bfloats.data()), 4);
    data.append(reinterpret_cast<const char*>(doubles), 8);
    write_file(path,
               R"({"h":{"dtype":"F16","shape":[6],"data_offsets":[0,12]},)"
               R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[12,16]},)"
               R"("d":{"dtype":"F64","shape":[1],"data_offsets":[16,24]}})",
               data);
    const WeightFile file = read_safetensors(path);
    const std::vector<float>& half = named(file.arrays, "h").values;
    CHECK(half[0] == 1);
    CHECK(half[1] == -2);
    CHECK(half[2] == std::ldexp(1.0F, -24));
    CHECK(half[3] == 65504);
    CHECK(std::isinf(half[4]));
    CHECK(std::isnan(half[5]));
    CHECK(named(file.arrays, "b").values == std::vector<float>{1, -2});
    CHECK(named(file.arrays, "d").values == std::vector<float>{0.1F});
}

TEST_CASE("damaged safetensors are refused with the tensor at fault") {
    const ScratchFolder folder;
    const std::string path = folder.file("some.safetensors");
    const auto entry = [](const char* dtype, const char* shape, const char* offsets) {
        return std::string(R"({"w":{"dtype":")") + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
               offsets + "}}";
    };
    const auto refuses = [&](const std::string& header, const char* message) {
        CAPTURE(header);
        write_file(path, header, std::string(8, '\0'));
        CHECK_THROWS_WITH_AS(read_safetensors(path), doctest::Contains(message), Error);
    };
    refuses(entry("F32", "[4]", "[0,16]"), "w: its bytes 0 to 16 lie beyond the file's 8");
    refuses(entry("F32", "[1]", "[0,8]"), "w: has 8 bytes for (1) of F32");
    refuses(entry("F32", "[4294967296,4294967296]", "[0,8]"), "is larger than the file");
    refuses(entry("F32", "[-1]", "[0,8]"), "cannot have an axis of -1");
    refuses(entry("I8", "[8]", "[0,8]"), "w: holds I8 values");
    refuses(R"({"w":{"dtype":"F32"}})", "its header cannot be understood");
    refuses(R"({"w":)", "its header cannot be understood");

    const std::string garbage = "PK\3\4 something else";
    write_file_atomically(path, garbage);
    CHECK_THROWS_WITH_AS(read_safetensors(path), doctest::Contains("is not a safetensors file"), Error);
    std::string cut(9, '\0');
    cut[0] = 99;
    cut[8] = '{';
    write_file_atomically(path, cut);
    CHECK_THROWS_WITH_AS(read_safetensors(path), doctest::Contains("cut short"), Error);
}

TEST_CASE("VGG16's tensors get torchvision's names, places and axis orders") {
    const std::vector<NamedArray> keras = tiny_vgg16(64, 3);
    const std::vector<NamedArray> torch = to_torch("file", keras);
    REQUIRE(torch.size() == keras.size());
    // torchvision.models.vgg16: Sequential of Conv2d, ReLU and MaxPool2d
    const int indices[] = {0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28};
    for (size_t i = 0; i < 13; ++i)
        CHECK(torch[2 * i].name == "features." + std::to_string(indices[i]) + ".weight");

    const NamedArray& hwio = named(keras, "block3_conv1/kernel");
    const NamedArray& oihw = named(torch, "features.10.weight");
    REQUIRE(oihw.shape == Shape{8, 4, 3, 3});
    for (int64_t k = 0; k < 8; ++k) {
        CHECK(oihw.values[at(oihw.shape, k, 2, 0, 1)] == hwio.values[at(hwio.shape, 0, 1, 2, k)]);
    }
    // Features are 2x2 pixels of 16 channels: Keras counts (row, column, channel), PyTorch (channel, row,
    // column).
    const NamedArray& dense = named(keras, "dense/kernel");
    const NamedArray& linear = named(torch, "classifier.weight");
    REQUIRE(linear.shape == Shape{3, 64});
    for (const int64_t channel : {0, 5, 15}) {
        CHECK(linear.values[static_cast<size_t>(2 * 64 + channel * 4 + 1 * 2 + 0)] ==
              dense.values[static_cast<size_t>((1 * 2 * 16 + 0 * 16 + channel) * 3 + 2)]);
    }
}

TEST_CASE("from Keras to PyTorch and back nothing changes, whatever the order and the prefix") {
    const std::vector<NamedArray> keras = tiny_vgg16(96, 4);
    std::vector<NamedArray> torch = to_torch("file", keras);
    std::reverse(torch.begin(), torch.end());
    for (NamedArray& array : torch) array.name = "module." + array.name;
    const std::vector<NamedArray> back = from_torch("file", torch);
    REQUIRE(back.size() == keras.size());
    for (size_t i = 0; i < keras.size(); ++i) {
        CHECK(back[i].name == keras[i].name);
        CHECK(back[i].shape == keras[i].shape);
        CHECK(back[i].values == keras[i].values);
    }
}

TEST_CASE("the top's layers have their places in torchvision's and timm's models") {
    std::vector<NamedArray> keras = tiny_vgg16(64, 3);
    keras[26] = counting("fc1/kernel", {64, 5});
    keras[27] = counting("fc1/bias", {5});
    keras.push_back(counting("fc2/kernel", {5, 5}));
    keras.push_back(counting("predictions/kernel", {5, 10}));
    std::vector<NamedArray> torch = to_torch("file", keras);
    CHECK(named(torch, "classifier.0.weight").shape == Shape{5, 64});
    CHECK(named(torch, "classifier.3.weight").values[1] == keras[28].values[5]);
    CHECK(named(torch, "classifier.6.weight").shape == Shape{10, 5});
    for (NamedArray& array : torch) {  // as timm has it
        if (array.name == "classifier.0.weight")
            array = {"pre_logits.fc1.weight", {5, 16, 2, 2}, array.values};
    }
    CHECK(named(from_torch("file", torch), "fc1/kernel").values == keras[26].values);
}

TEST_CASE("a head's convolutions keep their names, and go to PyTorch's axis order and back") {
    std::vector<NamedArray> keras = tiny_vgg16(64, 3);
    keras.resize(26);
    keras.push_back(counting("votes3/kernel", {3, 3, 4, 5}));
    keras.push_back(counting("votes3/bias", {5}));
    const std::vector<NamedArray> torch = to_torch("file", keras);
    const NamedArray& weight = named(torch, "votes3.weight");
    CHECK(weight.shape == Shape{5, 4, 3, 3});
    CHECK(weight.values[1] == keras[26].values[20]);  // filter 0, channel 0, row 0, column 1
    CHECK(named(torch, "votes3.bias").values == keras[27].values);
    const std::vector<NamedArray> back = from_torch("file", torch);
    REQUIRE(back.size() == keras.size());
    for (size_t k = 0; k < keras.size(); ++k) {
        CHECK(back[k].name == keras[k].name);
        CHECK(back[k].shape == keras[k].shape);
        CHECK(back[k].values == keras[k].values);
    }
    CHECK_THROWS_WITH_AS(to_torch("file", {counting("votes/bias", {5})}),
                         doctest::Contains("no place for votes/bias"), Error);
}

TEST_CASE("models that are not VGG16 are refused") {
    CHECK_THROWS_WITH_AS(to_torch("file", {counting("conv1/kernel", {7, 7, 3, 8})}),
                         doctest::Contains("no place for conv1/kernel"), Error);
    CHECK_THROWS_WITH_AS(from_torch("file", {counting("features.1.running_mean", {8})}),
                         doctest::Contains("batch normalization"), Error);
    CHECK_THROWS_WITH_AS(to_torch("file", {counting("dense/kernel", {8, 3})}),
                         doctest::Contains("no block5_conv3/kernel before it"), Error);
    std::vector<NamedArray> odd = tiny_vgg16(64, 3);
    odd[26] = counting("dense/kernel", {48, 3});
    CHECK_THROWS_WITH_AS(to_torch("file", odd), doctest::Contains("no square of features"), Error);
}

}  // namespace
}  // namespace objloc
