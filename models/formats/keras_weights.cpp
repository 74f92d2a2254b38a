#include "objloc/models/formats/keras_weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <regex>

#include "objloc/engine/error.h"
#include "objloc/models/formats/hdf5_file.h"
#include "objloc/models/formats/trial_read.h"
#include "objloc/models/formats/vgg16_names.h"

namespace objloc {
namespace {

/// The attributes by which Keras finds layers and weights; all others are passed on to the caller.
constexpr const char* kLayerNames = "layer_names";
constexpr const char* kWeightNames = "weight_names";
constexpr const char* kVersion = "keras_version";
constexpr const char* kBackend = "backend";
/// The version whose form we write. Without it Keras assumes its version 1 and turns kernels round.
constexpr const char* kVersionWritten = "2.15.0";

/// Our own attribute, see `checksum`.
constexpr const char* kChecksum = "objloc_checksum";

/// FNV-1a with 64 bits, http://www.isthe.com/chongo/tech/comp/fnv/: any one byte changed changes it.
class Fnv1a {
  public:
    void add(const void* data, size_t size) {
        const auto* bytes = static_cast<const unsigned char*>(data);
        for (size_t i = 0; i < size; ++i) state_ = (state_ ^ bytes[i]) * 0x100000001b3;
    }
    std::string text() const { return fmt::format("{:016x}", state_); }

  private:
    uint64_t state_ = 0xcbf29ce484222325;
};

/// Of all that a model is: shapes, values and our attributes. HDF5's own checksums guard the numbers as they
/// lie in the file, but not what the file says of their type and place.
std::string checksum(const std::vector<NamedArray>& arrays,
                     const std::map<std::string, std::string>& attributes) {
    Fnv1a sum;
    for (const NamedArray& array : arrays) {
        const std::string shape = array.shape.text();
        sum.add(shape.data(), shape.size());
        sum.add(array.values.data(), array.values.size() * sizeof(float));
    }
    for (const auto& [name, value] : attributes) {
        if (name == kVersion || name == kBackend || name == kChecksum) continue;
        sum.add(name.data(), name.size());
        sum.add(value.data(), value.size());
    }
    return sum.text();
}

void require_checksum(const std::string& path, const WeightFile& file) {
    const auto written = file.attributes.find(kChecksum);
    if (written == file.attributes.end()) return;
    const std::string found = checksum(file.arrays, file.attributes);
    if (found == written->second) return;
    throw Error(
        path, "its checksum is " + found + ", it was written with " + written->second,
        "Some bit has flipped: copy the file again. If you changed it yourself, delete its attribute " +
            std::string(kChecksum) + ".");
}

/// A list attribute. Keras cuts lists over 64 KB into layer_names0, layer_names1, ... as HDF5 wants it.
std::vector<std::string> read_names(const Hdf5Group& group, const std::string& attribute) {
    if (group.has_attribute(attribute)) return group.read_strings(attribute);
    std::vector<std::string> names;
    for (int part = 0; group.has_attribute(attribute + std::to_string(part)); ++part) {
        const std::vector<std::string> some = group.read_strings(attribute + std::to_string(part));
        names.insert(names.end(), some.begin(), some.end());
    }
    return names;
}

bool has_names(const Hdf5Group& group, const std::string& attribute) {
    return group.has_attribute(attribute) || group.has_attribute(attribute + "0");
}

void read_attributes(const Hdf5Group& group, std::map<std::string, std::string>& attributes) {
    for (const std::string& name : group.text_attributes()) {
        if (name.starts_with(kLayerNames) || name.starts_with(kWeightNames)) continue;
        const std::vector<std::string> values = group.read_strings(name);
        if (values.size() == 1) attributes[name] = values[0];
    }
}

NamedArray read_array(const Hdf5Group& group, const std::string& path, const std::string& name) {
    const Hdf5ArrayInfo info = group.info(path);
    const std::string variable = variable_of(name);
    const bool is_float = info.type.find("float") != std::string::npos;
    if (!is_float && (variable == "kernel" || variable == "bias")) {
        throw Error(group.where(path), "holds " + info.type + " values, as quantised models do",
                    "Save the model before it is quantised.");
    }
    if (info.extents.size() > Shape::kMaxRank) {
        throw Error(group.where(path),
                    "has " + std::to_string(info.extents.size()) + " axes; four are the most here",
                    "This is not a file of an image model that objloc knows.");
    }
    NamedArray array{name, {}, group.read<float>(path)};
    for (const int64_t extent : info.extents) array.shape.push_back(extent);
    return array;
}

// Files by layer_names
// -----------------------------------------------------------------------------------------------

/// "block1_conv1/kernel:0" -> itself less ":0"; "sequential/dense/kernel" -> "dense/kernel"; Keras 1's
/// "block1_conv1_W_1:0" -> "block1_conv1/kernel"; "kernel:0" -> the group's layer.
std::string plain_name(const std::string& layer, const std::string& weight) {
    const std::string path = weight.substr(0, weight.rfind(':'));
    static const std::regex kKeras1("(.*)_(W|b)(_[0-9]+)?");
    std::smatch parts;
    if (path.find('/') == std::string::npos && std::regex_match(path, parts, kKeras1)) {
        return layer + (parts[2] == "W" ? "/kernel" : "/bias");
    }
    if (path.find('/') == std::string::npos) return layer + "/" + path;
    const std::string parent = layer_of(path);
    return variable_of(parent) + "/" + variable_of(path);
}

WeightFile read_by_layer_names(const Hdf5Group& group, const std::string& format) {
    WeightFile file{format, {}, {}};
    bool nested = false;
    bool keras1 = false;
    for (const std::string& layer : read_names(group, kLayerNames)) {
        const Hdf5Group weights = group.group(layer);
        for (const std::string& weight : read_names(weights, kWeightNames)) {
            const std::string name = plain_name(layer, weight);
            nested |= layer_of(name) != layer;
            keras1 |=
                weight.find('/') == std::string::npos && weight.find(variable_of(name)) == std::string::npos;
            file.arrays.push_back(read_array(weights, weight, name));
        }
    }
    if (keras1) file.format += ", names of Keras 1";
    if (nested) file.format += ", model within a model";
    read_attributes(group, file.attributes);
    return file;
}

// Keras 3's files
// ----------------------------------------------------------------------------------------------------

struct LayerVariables {
    /// Keras's name, or the class and number ("conv2d_3") where the file has no names.
    std::string layer;
    bool named;
    std::vector<NamedArray> arrays;
};

/// Dense and convolution layers keep the kernel as 0 and the bias as 1; other layers' variables stay numbers.
void name_variables(LayerVariables& variables) {
    const std::vector<NamedArray>& arrays = variables.arrays;
    const bool has_kernel = !arrays.empty() && arrays.size() <= 2 && arrays[0].shape.rank() >= 2;
    const bool has_bias = has_kernel && arrays.size() == 2 && arrays[1].shape.rank() == 1 &&
                          arrays[1].shape[0] == arrays[0].shape[arrays[0].shape.rank() - 1];
    if (!has_kernel || (arrays.size() == 2 && !has_bias)) return;
    variables.arrays[0].name = "kernel";
    if (has_bias) variables.arrays[1].name = "bias";
}

/// Walks layers within layers; each has a group `vars` of numbered arrays. Links may form a ring in a damaged
/// file.
void collect_layers(const Hdf5Group& group, const std::string& layer, int depth,
                    std::vector<LayerVariables>& layers) {
    constexpr int kDeepest = 16;
    if (depth > kDeepest)
        throw Error(group.where(), "lies too deep within other groups", "The file is damaged.");
    for (const std::string& child : group.children()) {
        if (!group.is_group(child)) continue;
        const Hdf5Group inside = group.group(child);
        if (child != "vars") {
            collect_layers(inside, child, depth + 1, layers);
            continue;
        }
        const bool named = inside.has_attribute("name");
        LayerVariables variables{named ? inside.read_string("name") : layer, named, {}};
        for (const std::string& number : inside.children()) {
            variables.arrays.push_back(read_array(inside, number, number));
        }
        name_variables(variables);
        if (!variables.arrays.empty()) layers.push_back(std::move(variables));
    }
}

/// Gives VGG16's names to the convolutions of a file that names layers by class only.
void name_by_topology(std::vector<LayerVariables>& layers) {
    std::vector<LayerVariables*> convolutions;
    for (LayerVariables& layer : layers) {
        if (!layer.named && layer.layer.starts_with("conv2d")) convolutions.push_back(&layer);
    }
    const std::vector<std::string> names = vgg16_convolution_names();
    if (convolutions.size() != names.size()) return;
    for (size_t i = 0; i < names.size(); ++i) convolutions[i]->layer = names[i];
}

/// Where Keras 3 puts layers, and where Keras 2.12 to 2.14 did.
constexpr std::array<const char*, 2> kLayerFolders = {"layers", "_layer_checkpoint_dependencies"};

WeightFile read_by_vars(const Hdf5Group& root) {
    std::vector<LayerVariables> layers;
    for (const char* folder : kLayerFolders) {
        if (root.has(folder)) collect_layers(root.group(folder), folder, 0, layers);
    }
    const bool named =
        std::any_of(layers.begin(), layers.end(), [](const auto& layer) { return layer.named; });
    if (!named) name_by_topology(layers);
    WeightFile file{
        named ? "Keras 3 weights (.weights.h5)" : "Keras weights (.weights.h5) without layer names", {}, {}};
    for (LayerVariables& layer : layers) {
        for (NamedArray& array : layer.arrays) {
            array.name = layer.layer + "/" + array.name;
            file.arrays.push_back(std::move(array));
        }
    }
    sort_as_vgg16(file.arrays);  // these files list layers by the alphabet
    read_attributes(root, file.attributes);
    return file;
}

/// Reads whatever form it is, in this process.
WeightFile read_here(const std::string& path) {
    const Hdf5Group root = open_hdf5(path);
    if (has_names(root, kLayerNames)) {
        WeightFile file = read_by_layer_names(root, "Keras HDF5 weights (layer_names)");
        require_checksum(path, file);
        return file;
    }
    if (root.has("model_weights")) {
        WeightFile file =
            read_by_layer_names(root.group("model_weights"), "Keras HDF5 model (model_weights)");
        read_attributes(root, file.attributes);
        return file;
    }
    const auto in_root = [&](const char* folder) { return root.has(folder); };
    if (std::any_of(kLayerFolders.begin(), kLayerFolders.end(), in_root)) return read_by_vars(root);
    throw Error(
        path, fmt::format("is HDF5, but not Keras's: its root holds [{}]", fmt::join(root.children(), ", ")),
        "Keras's weight files have the attribute layer_names, or a group model_weights or layers.");
}

// Writing
// ------------------------------------------------------------------------------------------------------------

struct LayerArrays {
    std::string layer;
    std::vector<const NamedArray*> arrays;
};

std::vector<LayerArrays> by_layer(const std::string& path, const std::vector<NamedArray>& arrays) {
    std::vector<LayerArrays> layers;
    for (const NamedArray& array : arrays) {
        if (array.name.find('/') == std::string::npos) {
            throw Error(path, "cannot hold \"" + array.name + "\": tensors are named layer/variable");
        }
        const std::string layer = layer_of(array.name);
        if (layers.empty() || layers.back().layer != layer) layers.push_back({layer, {}});
        layers.back().arrays.push_back(&array);
    }
    return layers;
}

}  // namespace

WeightFile read_keras_weights(const std::string& path) {
    trial_read(path, [&] { read_here(path); });
    return read_here(path);
}

void write_keras_weights(const std::string& path, const std::vector<NamedArray>& arrays,
                         const std::map<std::string, std::string>& attributes) {
    Hdf5Writer writer(path);
    Hdf5Group& root = writer.root();
    const std::vector<LayerArrays> layers = by_layer(path, arrays);
    std::vector<std::string> names;
    for (const LayerArrays& layer : layers) names.push_back(layer.layer);
    const std::vector<std::string> all_names = with_weightless_layers(names);

    root.write_strings(kLayerNames, all_names);
    root.write_string(kVersion, kVersionWritten);
    root.write_string(kBackend, "tensorflow");
    for (const auto& [name, value] : attributes) {
        if (name != kVersion && name != kBackend && name != kChecksum) root.write_string(name, value);
    }
    root.write_string(kChecksum, checksum(arrays, attributes));
    for (const std::string& name : all_names) {
        Hdf5Group group = root.create_group(name);
        const auto layer =
            std::find_if(layers.begin(), layers.end(), [&](const auto& l) { return l.layer == name; });
        std::vector<std::string> weights;
        if (layer != layers.end()) {
            Hdf5Group inside = group.create_group(name);
            for (const NamedArray* array : layer->arrays) {
                weights.push_back(array->name + ":0");
                inside.write(variable_of(array->name) + ":0", array->shape, array->values);
            }
        }
        group.write_strings(kWeightNames, weights);
    }
    writer.save();
}

}  // namespace objloc
