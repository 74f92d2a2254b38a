// What `objloc_weights convert` writes as ONNX, judged by ONNX's own checker and shape inference, and read
// node by node. That ONNX Runtime computes the same boxes from it is for tools/checks/round_trips.sh to show.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <algorithm>
#include <map>

#include "objloc/kernels/localizer/cell_boxes.h"
#include "objloc/models/model_file.h"
#include "objloc/models/vote_grid.h"
#include "tests/tools/tool.h"

namespace objloc {
namespace {

constexpr int64_t kSide = 40;  // 20, 10, 5, 2 and, unpooled, 2 pixels: odd sides lose their last row
constexpr int64_t kCells = 10 * 10 + 5 * 5 + 2 * 2 + 2 * 2;

LocalizerConfig tiny(HeadForm head, BoxForm box) {
    LocalizerConfig config;
    config.width = 1.0 / 64;
    config.side = kSide;
    config.box = box;
    config.head = head;
    return config;
}

/// The localizer's file turned into ONNX by the tool.
onnx::ModelProto exported(const Localizer& localizer, const std::string& options = "") {
    const ScratchFolder folder;
    save_model(folder.file("model.h5"), localizer);
    const ToolResult result =
        run_tool_line("objloc_weights convert model.h5 model.onnx " + options, folder.path());
    CAPTURE(result.err);
    REQUIRE(result.exit_code == 0);
    onnx::ModelProto model;
    REQUIRE(model.ParseFromString(contents(folder.file("model.onnx"))));
    return model;
}

const onnx::TensorProto& constant(const onnx::ModelProto& model, const std::string& name) {
    const auto& all = model.graph().initializer();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& t) { return t.name() == name; });
    REQUIRE(found != all.end());
    return *found;
}

std::vector<float> floats(const onnx::TensorProto& tensor) {
    REQUIRE(tensor.data_type() == onnx::TensorProto::FLOAT);
    const auto* first = reinterpret_cast<const float*>(tensor.raw_data().data());
    return {first, first + tensor.raw_data().size() / sizeof(float)};
}

/// "(batch, 3, 40, 40)"
std::string shape_of(const onnx::ValueInfoProto& value) {
    std::vector<std::string> extents;
    for (const auto& dim : value.type().tensor_type().shape().dim())
        extents.push_back(dim.has_dim_param() ? dim.dim_param() : std::to_string(dim.dim_value()));
    return fmt::format("({})", fmt::join(extents, ", "));
}

/// "votes = Concat(votes2_cells, votes3_cells) axis=2"
std::string line_of(const onnx::NodeProto& node) {
    std::string line = fmt::format("{} = {}({})", fmt::join(node.output(), ", "), node.op_type(),
                                   fmt::join(node.input(), ", "));
    for (const onnx::AttributeProto& attribute : node.attribute()) {
        line += " " + attribute.name() + "=";
        line += attribute.type() == onnx::AttributeProto::INT
                    ? std::to_string(attribute.i())
                    : fmt::format("{}", fmt::join(attribute.ints(), ","));
    }
    return line;
}

std::vector<std::string> lines_of(const onnx::ModelProto& model) {
    std::vector<std::string> lines;
    for (const onnx::NodeProto& node : model.graph().node()) lines.push_back(line_of(node));
    return lines;
}

std::map<std::string, std::string> metadata_of(const onnx::ModelProto& model) {
    std::map<std::string, std::string> metadata;
    for (const auto& entry : model.metadata_props()) metadata[entry.key()] = entry.value();
    return metadata;
}

/// The shapes that ONNX infers, of the output and of everything between; what the file says of its output is
/// withheld.
std::map<std::string, std::string> inferred_shapes(onnx::ModelProto model) {
    model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    onnx::shape_inference::InferShapes(model);
    std::map<std::string, std::string> shapes;
    for (const auto& value : model.graph().value_info()) shapes[value.name()] = shape_of(value);
    for (const auto& value : model.graph().output()) shapes[value.name()] = shape_of(value);
    return shapes;
}

bool library_knows_the_opset() {
    const auto known = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map().at("").second;
    if (known < 17) MESSAGE("Skipped: this ONNX library knows opsets up to " << known << ", the file has 17");
    return known >= 17;
}

TEST_CASE("ONNX's own checker passes every head, box and layout, and infers the box's shape") {
    if (!library_knows_the_opset()) return;
    for (const HeadForm head : {HeadForm::flatten, HeadForm::cells}) {
        for (const BoxForm box : {BoxForm::square, BoxForm::rect}) {
            for (const char* layout : {"nhwc", "nchw"}) {
                CAPTURE(name_of(head));
                CAPTURE(name_of(box));
                CAPTURE(layout);
                const Localizer localizer(tiny(head, box), 7);
                const onnx::ModelProto model = exported(localizer, std::string("--layout ") + layout);
                CHECK_NOTHROW(onnx::checker::check_model(model));
                const std::string boxes = fmt::format("(batch, {})", localizer.config().outputs());
                CHECK(inferred_shapes(model).at("box") == boxes);
                CHECK(shape_of(model.graph().output(0)) == boxes);
                CHECK(shape_of(model.graph().input(0)) ==
                      (std::string(layout) == "nhwc" ? "(batch, 40, 40, 3)" : "(batch, 3, 40, 40)"));
            }
        }
    }
}

TEST_CASE("the votes of all grids have the shapes of their cells") {
    if (!library_knows_the_opset()) return;
    const onnx::ModelProto model = exported(Localizer(tiny(HeadForm::cells, BoxForm::rect), 7));
    const std::map<std::string, std::string> shapes = inferred_shapes(model);
    const std::map<std::string, std::string> expected = {
        {"votes2", "(batch, 5, 10, 10)"}, {"votes3", "(batch, 5, 5, 5)"}, {"votes4", "(batch, 5, 2, 2)"},
        {"votes5", "(batch, 5, 2, 2)"},   {"votes", "(batch, 5, 133)"},   {"attention", "(batch, 1, 133)"},
        {"centres", "(batch, 2, 133)"},   {"extents", "(batch, 2, 133)"}};
    for (const auto& [name, shape] : expected) {
        CAPTURE(name);
        CHECK(shapes.at(name) == shape);
    }
}

TEST_CASE("the graph of a head of votes is kernels/localizer/cell_boxes.h's formula in ONNX's ops") {
    const onnx::ModelProto model = exported(Localizer(tiny(HeadForm::cells, BoxForm::square), 7));
    const std::vector<std::string> head = {
        "votes2 = Conv(block2_pool, votes2.weight, votes2.bias) kernel_shape=3,3 pads=1,1,1,1",
        "votes2_cells = Reshape(votes2, votes2_shape)",
        "votes3 = Conv(block3_pool, votes3.weight, votes3.bias) kernel_shape=3,3 pads=1,1,1,1",
        "votes3_cells = Reshape(votes3, votes3_shape)",
        "votes4 = Conv(block4_pool, votes4.weight, votes4.bias) kernel_shape=3,3 pads=1,1,1,1",
        "votes4_cells = Reshape(votes4, votes4_shape)",
        "votes5 = Conv(block5_conv3_relu, votes5.weight, votes5.bias) kernel_shape=3,3 pads=1,1,1,1",
        "votes5_cells = Reshape(votes5, votes5_shape)",
        "votes = Concat(votes2_cells, votes3_cells, votes4_cells, votes5_cells) axis=2",
        "votes_attention, votes_centre, votes_extent = Split(votes, votes_split) axis=1",
        "attention = Softmax(votes_attention) axis=2",
        "away = Tanh(votes_centre)",
        "offset = Mul(away, cell_reach)",
        "centres = Add(cell_middle, offset)",
        "extents = Sigmoid(votes_extent)",
        "seen = Concat(centres, extents) axis=1",
        "attended = Mul(seen, attention)",
        "sum = ReduceSum(attended, cells_axis) keepdims=0",
        "centre, extent = Split(sum, sum_split) axis=1",
        "half_extent = Mul(extent, half)",
        "corner = Sub(centre, half_extent)",
        "box = Concat(corner, extent) axis=1"};
    const std::vector<std::string> lines = lines_of(model);
    REQUIRE(lines.size() > head.size());
    CHECK(std::vector<std::string>(lines.end() - static_cast<ptrdiff_t>(head.size()), lines.end()) == head);
    const auto count = [&](const std::string& op) {
        const auto& nodes = model.graph().node();
        return std::count_if(nodes.begin(), nodes.end(), [&](const auto& n) { return n.op_type() == op; });
    };
    CHECK(count("Conv") == 13 + 4);
    CHECK(count("Relu") == 13);
    CHECK(count("MaxPool") == 4);
    CHECK(count("Transpose") == 1);  // of the image
}

TEST_CASE("the constants of a head of votes are the places and sizes of its cells, and its weights") {
    Localizer localizer(tiny(HeadForm::cells, BoxForm::square), 7);
    const onnx::ModelProto model = exported(localizer);
    const std::vector<float> middle = floats(constant(model, "cell_middle")),
                             reach = floats(constant(model, "cell_reach"));
    REQUIRE(middle.size() == 2 * kCells);
    REQUIRE(reach.size() == 2 * kCells);
    size_t cell = 0;
    for (const int side : {10, 5, 2, 2}) {
        for (int row = 0; row < side; ++row) {
            for (int column = 0; column < side; ++column, ++cell) {
                const float size = 1.0f / static_cast<float>(side);
                CHECK(middle[cell] == doctest::Approx((static_cast<float>(column) + 0.5f) * size));
                CHECK(middle[kCells + cell] == doctest::Approx((static_cast<float>(row) + 0.5f) * size));
                CHECK(reach[cell] == doctest::Approx(kVoteReach * size));
                CHECK(reach[kCells + cell] == doctest::Approx(kVoteReach * size));
            }
        }
    }
    for (const VoteGrid& level : vote_grids(localizer.config().width, kSide)) {
        CAPTURE(level.name);
        const std::vector<float>& kernel = localizer.parameters().find(level.name + "/kernel").initial;
        const std::vector<float> weight = floats(constant(model, level.name + ".weight"));
        REQUIRE(weight.size() == kernel.size());
        const auto channels = static_cast<size_t>(level.channels);
        for (size_t i = 0; i < weight.size(); ++i) {  // (K, C, 3, 3) of (3, 3, C, K)
            const size_t k = i / (channels * 9), c = i / 9 % channels, tap = i % 9;
            CHECK(weight[i] == kernel[(tap * channels + c) * 4 + k]);
        }
        CHECK(floats(constant(model, level.name + ".bias")) ==
              localizer.parameters().find(level.name + "/bias").initial);
    }
}

TEST_CASE("the metadata says what the numbers mean, whatever the head") {
    for (const HeadForm head : {HeadForm::flatten, HeadForm::cells}) {
        CAPTURE(name_of(head));
        LocalizerConfig config = tiny(head, BoxForm::rect);
        config.preprocess = Preprocess::caffe;
        const onnx::ModelProto model = exported(Localizer(config, 7), "--layout nchw");
        const auto metadata = metadata_of(model);
        CHECK(metadata.at("objloc_config") == config.to_json());
        CHECK(metadata.at("box").find("x, y, width, height") == 0);
        CHECK(metadata.at("preprocessing").find("BGR") == 0);
        CHECK(metadata.at("input_layout") == "NCHW");
        CHECK(model.opset_import(0).version() == 17);
        CHECK(model.graph().output(0).name() == "box");
        CHECK(model.graph().input(0).name() == "image");
    }
}

}  // namespace
}  // namespace objloc
