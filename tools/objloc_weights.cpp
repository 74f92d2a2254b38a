// objloc_weights: looks into weight files, checks them, and converts them.
#include <fmt/format.h>

#include "objloc/engine/error.h"
#include "tools/common/command_line.h"
#include "tools/weights/convert.h"
#include "tools/weights/inspect.h"
#include "tools/weights/verify.h"

namespace {

using namespace objloc;

void verify(const std::string& path) {
    const Verification result = verify_weights(path);
    for (const std::string& note : result.notes) fmt::print("{}\n", note);
    if (!result.faults.empty())
        throw Error(path, fmt::format("has faults:\n- {}", fmt::join(result.faults, "\n- ")));
    fmt::print("{}: no fault found\n", path);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Looks into weight files, checks them, and converts them: Keras's HDF5, safetensors, ONNX.\n\n"
        "    objloc_weights inspect runs/natural/model.h5\n"
        "    objloc_weights verify weights/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5\n"
        "    objloc_weights convert runs/natural/model.h5 model.onnx --layout nchw\n",
        "objloc_weights");
    app.require_subcommand(1);
    std::string file;
    CLI::App& inspecting = *app.add_subcommand("inspect", "what is in the file: form, attributes, tensors");
    inspecting.add_option("file", file, "Keras's .h5 in any form, or .safetensors")->required();
    CLI::App& verifying =
        *app.add_subcommand("verify",
                            "whether the file is a VGG16 that is whole and sound. Sees any flipped bit "
                            "in objloc's own .h5 and in the official files, which have checksums; in "
                            "others only what leaves no sensible weight (weights/README.md)");
    verifying.add_option("file", file, "Keras's .h5 in any form, or .safetensors")->required();

    ConvertOptions options;
    CLI::App& converting = *app.add_subcommand("convert", "from one kind of file to another");
    converting.add_option("in", options.in, "Keras's .h5 in any form, or .safetensors")->required();
    converting.add_option("out", options.out, ".h5, .safetensors (torchvision's names) or .onnx")->required();
    std::string layout = "nhwc";
    converting.add_option("--layout", layout, "the order of the axes of ONNX's input")
        ->check(CLI::IsMember({"nhwc", "nchw"}))
        ->capture_default_str();
    std::string preprocess = name_of(Preprocess::unit);
    converting
        .add_option("--preprocess", preprocess,
                    "what the network sees, for files that do not say it themselves")
        ->check(CLI::IsMember({name_of(Preprocess::unit), name_of(Preprocess::caffe)}))
        ->capture_default_str();

    return run_tool(app, argc, argv, [&] {
        options.layout = layout == "nchw" ? ImageLayout::nchw : ImageLayout::nhwc;
        options.preprocess = parse_preprocess(preprocess);
        if (inspecting.parsed()) fmt::print("{}", inspect_weights(file));
        if (verifying.parsed()) verify(file);
        if (converting.parsed()) fmt::print("{}", convert_weights(options));
    });
}
