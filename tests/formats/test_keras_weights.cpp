// Keras's weight files in every form, written by Keras itself (fixtures/make_fixtures.py), and our own.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "objloc/engine/error.h"
#include "objloc/models/formats/hdf5_file.h"
#include "objloc/models/formats/keras_weights.h"
#include "objloc/models/formats/vgg16_names.h"
#include "tests/source_path.h"
#include "tests/tools/tool.h"

namespace objloc {
namespace {

std::string fixture(const std::string& name) {
    return source_path("fixtures/" + name);
}

/// Element i of the k-th tensor in the fixtures, as make_fixtures.py has it.
float pattern(size_t k, size_t i) {
    return (static_cast<float>((7 * i + 13 * k) % 257) - 128) / 64;
}

/// VGG16 without its top at width 1/64, and a head of three outputs on the one pixel that is left.
std::vector<WantedArray> wanted_localizer(const std::string& head = "dense") {
    std::vector<WantedArray> wanted;
    int64_t channels = 3;
    for (const std::string& name : vgg16_convolution_names()) {
        const int64_t filters = std::min<int64_t>(int64_t{1} << (vgg16_block(name) - 1), 8);
        wanted.push_back({name + "/kernel", {3, 3, channels, filters}});
        wanted.push_back({name + "/bias", {filters}});
        channels = filters;
    }
    wanted.push_back({head + "/kernel", {channels, 3}});
    wanted.push_back({head + "/bias", {3}});
    return wanted;
}

std::vector<NamedArray> patterned(const std::vector<WantedArray>& wanted) {
    std::vector<NamedArray> arrays;
    for (size_t k = 0; k < wanted.size(); ++k) {
        NamedArray array{wanted[k].name, wanted[k].shape, {}};
        for (size_t i = 0; i < static_cast<size_t>(array.shape.count()); ++i)
            array.values.push_back(pattern(k, i));
        arrays.push_back(std::move(array));
    }
    return arrays;
}

void check_values(const NamedArray& array, size_t k) {
    CAPTURE(array.name);
    bool equal = true;
    for (size_t i = 0; i < array.values.size(); ++i) equal = equal && array.values[i] == pattern(k, i);
    CHECK(equal);
}

WeightFile patterned_file() {
    return {"", patterned(wanted_localizer()), {}};
}

struct Form {
    std::string file;
    std::string format;
};

TEST_CASE("every form of Keras's files gives every tensor, bit for bit") {
    const Form forms[] = {
        {"keras2_weights.h5", "Keras HDF5 weights (layer_names)"},
        {"keras2_model.h5", "Keras HDF5 model (model_weights)"},
        {"keras2_nested_model.h5", "Keras HDF5 model (model_weights), model within a model"},
        {"keras2_float16.h5", "Keras HDF5 weights (layer_names)"},
        {"keras2_float64.h5", "Keras HDF5 weights (layer_names)"},
        {"keras2.weights.h5", "Keras weights (.weights.h5) without layer names"},
        {"keras2_13.weights.h5", "Keras weights (.weights.h5) without layer names"},
        {"keras2_nested.weights.h5", "Keras weights (.weights.h5) without layer names"},
        {"keras3_model.h5", "Keras HDF5 model (model_weights)"},
        {"keras3_nested_model.h5", "Keras HDF5 model (model_weights), model within a model"},
        {"keras3.weights.h5", "Keras 3 weights (.weights.h5)"},
        {"keras3_nested.weights.h5", "Keras 3 weights (.weights.h5)"},
        {"keras3_bfloat16.weights.h5", "Keras 3 weights (.weights.h5)"},
    };
    const std::vector<WantedArray> wanted = wanted_localizer();
    for (const Form& form : forms) {
        CAPTURE(form.file);
        const WeightFile file = read_keras_weights(fixture(form.file));
        CHECK(file.format == form.format);
        const MatchedArrays matched = match_arrays(form.file, file, wanted);
        CHECK(matched.report.taken.size() == wanted.size());
        CHECK(matched.report.missing.empty());
        CHECK(matched.report.left_over.empty());
        for (size_t k = 0; k < wanted.size(); ++k) {
            REQUIRE(matched.arrays[k] == &file.arrays[k]);  // in the model's order too
            check_values(file.arrays[k], k);
        }
    }
}

TEST_CASE("the official files' form: names of Keras 1, without and with the top") {
    const WeightFile notop = read_keras_weights(fixture("keras1_notop.h5"));
    CHECK(notop.format == "Keras HDF5 weights (layer_names), names of Keras 1");
    const MatchedArrays matched = match_arrays("notop", notop, wanted_localizer());
    CHECK(matched.report.missing == std::vector<std::string>{"dense/kernel", "dense/bias"});
    CHECK(matched.report.left_over.empty());
    for (size_t k = 0; k < notop.arrays.size(); ++k) check_values(notop.arrays[k], k);

    const WeightFile top = read_keras_weights(fixture("keras1_top.h5"));
    const MatchedArrays with_top = match_arrays("top", top, wanted_localizer());
    CHECK(with_top.report.missing == std::vector<std::string>{"dense/kernel", "dense/bias"});
    CHECK(with_top.report.left_over ==
          std::vector<std::string>{"fc1/kernel (8, 16)", "fc1/bias (16)", "fc2/kernel (16, 16)",
                                   "fc2/bias (16)", "predictions/kernel (16, 10)", "predictions/bias (10)"});
    CHECK(with_top.report.text() ==
          "26 tensors taken, 2 missing, 6 left over\n"
          "  missing: dense/kernel, dense/bias\n"
          "  left over: fc1/kernel (8, 16), fc1/bias (16), fc2/kernel (16, 16), fc2/bias (16), "
          "predictions/kernel (16, 10), predictions/bias (10)\n");
}

TEST_CASE("a head that Keras numbered is taken for ours, and the report says so") {
    const WeightFile file = read_keras_weights(fixture("keras2_dense_2.h5"));
    const MatchedArrays matched = match_arrays("file", file, wanted_localizer());
    CHECK(matched.report.missing.empty());
    CHECK(matched.report.left_over.empty());
    CHECK(matched.report.taken.back() == "dense/bias (from dense_2/bias)");
    REQUIRE(matched.arrays[26] != nullptr);
    check_values(*matched.arrays[26], 26);
}

TEST_CASE("two numbered heads are one too many to choose from") {
    WeightFile file = patterned_file();
    file.arrays[26].name = "dense_1/kernel";
    file.arrays[27].name = "dense_1/bias";
    for (const size_t k : {26UL, 27UL}) {
        NamedArray copy = file.arrays[k];
        copy.name.replace(0, 7, "dense_2");
        file.arrays.push_back(copy);
    }
    const MatchedArrays matched = match_arrays("file", file, wanted_localizer());
    CHECK(matched.report.missing == std::vector<std::string>{"dense/kernel", "dense/bias"});
    CHECK(matched.report.left_over.size() == 4);
}

TEST_CASE("a layer that is there in part gets no other layer's tensors") {
    WeightFile file = patterned_file();
    file.arrays[27].name = "dense_1/bias";
    const MatchedArrays matched = match_arrays("file", file, wanted_localizer());
    CHECK(matched.report.missing == std::vector<std::string>{"dense/bias"});
    CHECK(matched.report.left_over == std::vector<std::string>{"dense_1/bias (3)"});
}

TEST_CASE("wrong shapes are named with what was expected, found, and what it looks like") {
    const std::vector<WantedArray> wanted = wanted_localizer();
    WeightFile file = patterned_file();
    file.arrays[4].shape = {8, 1, 3, 3};
    CHECK_THROWS_WITH_AS(
        match_arrays("file", file, {{file.arrays[4].name, {3, 3, 1, 8}}}),
        doctest::Contains("file: block2_conv1/kernel should have the shape (3, 3, 1, 8), has "
                          "(8, 1, 3, 3)\n  That is PyTorch's order"),
        Error);
    file.arrays[4].shape = {3, 3, 8, 1};
    CHECK_THROWS_WITH_AS(match_arrays("file", file, {{file.arrays[4].name, {3, 3, 1, 8}}}),
                         doctest::Contains("swapped"), Error);
    file.arrays[26].shape = {3, 8};
    CHECK_THROWS_WITH_AS(match_arrays("file", file, {wanted[26]}), doctest::Contains("transposed"), Error);
    file.arrays[26].shape = {128, 3};
    CHECK_THROWS_WITH_AS(match_arrays("file", file, {wanted[26]}), doctest::Contains("another image size"),
                         Error);
}

TEST_CASE("values that are not finite are counted and the first is located") {
    WeightFile file = patterned_file();
    file.arrays[2].values[11] = std::numeric_limits<float>::quiet_NaN();
    file.arrays[2].values[12] = std::numeric_limits<float>::infinity();
    file.arrays[2].shape = {3, 3, 1, 1};
    file.arrays[2].values.resize(9, 0);
    CHECK(not_finite(file.arrays[2]).empty());
    file.arrays[2].values[5] = -std::numeric_limits<float>::infinity();
    CHECK(not_finite(file.arrays[2]) == "1 of 9 values are not finite; the first is -inf at (1, 2, 0, 0)");
    CHECK_THROWS_WITH_AS(match_arrays("file", file, wanted_localizer()),
                         doctest::Contains("block1_conv2/kernel: 1 of 9 values are not finite"), Error);
}

TEST_CASE("a name that occurs twice is refused") {
    WeightFile file = patterned_file();
    file.arrays[27].name = "dense/kernel";
    CHECK_THROWS_WITH_AS(match_arrays("file", file, wanted_localizer()),
                         doctest::Contains("holds two tensors named dense/kernel"), Error);
}

TEST_CASE("what we write is laid out as Keras 2 does it, and comes back") {
    const ScratchFolder folder;
    const std::string path = folder.file("model.h5");
    const std::vector<NamedArray> arrays = patterned(wanted_localizer());
    write_keras_weights(path, arrays, {{"objloc_config", "{\"box\": \"xys\"}"}});

    const WeightFile file = read_keras_weights(path);
    CHECK(file.format == "Keras HDF5 weights (layer_names)");
    CHECK(file.attributes.at("objloc_config") == "{\"box\": \"xys\"}");
    REQUIRE(file.arrays.size() == arrays.size());
    for (size_t k = 0; k < arrays.size(); ++k) {
        CHECK(file.arrays[k].name == arrays[k].name);
        CHECK(file.arrays[k].shape == arrays[k].shape);
        CHECK(file.arrays[k].values == arrays[k].values);
    }
    const Hdf5Group ours = open_hdf5(path);
    const Hdf5Group kerass = open_hdf5(fixture("keras2_weights.h5"));
    CHECK(ours.read_strings("layer_names") == kerass.read_strings("layer_names"));
    CHECK(ours.read_string("backend") == kerass.read_string("backend"));
    for (const std::string& layer : kerass.read_strings("layer_names")) {
        CAPTURE(layer);
        REQUIRE(ours.is_group(layer));
        const auto names = ours.group(layer).read_strings("weight_names");
        CHECK(names == kerass.group(layer).read_strings("weight_names"));
        for (const std::string& name : names) CHECK(ours.group(layer).has(name));
    }
}

TEST_CASE("layers without weights are listed where Keras has them, whatever the head is called") {
    const std::vector<std::string> convolutions = vgg16_convolution_names();
    const auto listed = [&](const std::vector<std::string>& head) {
        std::vector<std::string> layers = convolutions;
        layers.insert(layers.end(), head.begin(), head.end());
        const std::vector<std::string> all = with_weightless_layers(layers);
        return std::vector<std::string>(std::find(all.begin(), all.end(), std::string("block5_conv3")) + 1,
                                        all.end());
    };
    using Names = std::vector<std::string>;
    CHECK(listed({}) == Names{"block5_pool"});
    CHECK(listed({"dense"}) == Names{"block5_pool", "flatten", "dense"});
    CHECK(listed({"fc1", "fc2"}) == Names{"block5_pool", "flatten", "fc1", "fc2"});
    CHECK(listed({"block3_votes", "block5_votes"}) == Names{"block5_pool", "block3_votes", "block5_votes"});
}

TEST_CASE("lists that Keras cut into parts are joined") {
    const ScratchFolder folder;
    const std::string path = folder.file("model.h5");
    Hdf5Writer writer(path);
    writer.root().write_strings("layer_names0", {"a"});
    writer.root().write_strings("layer_names1", {"b"});
    for (const std::string layer : {"a", "b"}) {
        Hdf5Group group = writer.root().create_group(layer);
        group.write_strings("weight_names", {layer + "/kernel:0"});
        group.create_group(layer).write("kernel:0", {1}, std::vector<float>{1});
    }
    writer.save();
    const WeightFile file = read_keras_weights(path);
    REQUIRE(file.arrays.size() == 2);
    CHECK(file.arrays[0].name == "a/kernel");
    CHECK(file.arrays[1].name == "b/kernel");
}

TEST_CASE("HDF5 files of others are refused") {
    CHECK_THROWS_WITH_AS(read_keras_weights(fixture("keras_vgg16_width16th.h5")),
                         doctest::Contains("is HDF5, but not Keras's"), Error);
}

TEST_CASE("a file that lists a tensor but lacks it is damaged") {
    const ScratchFolder folder;
    Hdf5Writer writer(folder.file("model.h5"));
    writer.root().write_strings("layer_names", {"dense"});
    writer.root().create_group("dense").write_strings("weight_names", {"dense/kernel:0"});
    writer.save();
    CHECK_THROWS_WITH_AS(read_keras_weights(folder.file("model.h5")),
                         doctest::Contains("/dense/dense/kernel:0: could not be opened"), Error);
}

}  // namespace
}  // namespace objloc
