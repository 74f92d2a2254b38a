// The localizer: a VGG16 backbone without top, Flatten, and a dense head whose sigmoids are the box.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "objloc/engine/parameters.h"
#include "objloc/engine/tape.h"
#include "objloc/kernels/localizer/detection.h"
#include "objloc/kernels/localizer/scene.h"
#include "objloc/models/calibration.h"

namespace objloc {

/// square: (x, y, size), as the seed. rect: (x, y, width, height).
enum class BoxForm { square, rect };

/// flatten: Flatten and Dense with a sigmoid, as the seed. cells: a 3x3 convolution on each block but the
/// first lets every cell vote for a box (kernels/localizer/cell_boxes.h), which keeps position instead of learning it
/// anew for every place. detect: a 3x3 convolution on each block but the first lets every cell say how sure it is to
/// see an object and where its sides are (kernels/localizer/detection.h): none, one or several boxes.
enum class HeadForm { flatten, cells, detect };

/// vgg16: the paper's, or narrower (models/vgg16.h). compact: for the detect head alone (models/compact.h).
enum class Backbone { vgg16, compact };

/// What the model says of a batch: boxes (N, outputs) in fractions of the side, and for the flatten head the
/// logits whose sigmoids they are. The detect head has neither, but cells (N, cells, classes + 4).
struct BoxPrediction {
    Variable boxes, logits, cells;
};

/// Everything that decides the architecture; kept in the model file, so that the file alone is enough.
struct LocalizerConfig {
    Backbone backbone = Backbone::vgg16;
    double width = 1;    // channels times this; of VGG16 1 is the paper's, 0.25 is vgg16-slim
    int64_t side = 128;  // of the square input image, at least 32
    BoxForm box = BoxForm::square;
    HeadForm head = HeadForm::flatten;
    Preprocess preprocess = Preprocess::unit;
    std::vector<std::string> classes = {"object"};  // their names; of the detect head
    Calibration calibration{};                      // of its confidences

    int outputs() const { return box == BoxForm::square ? 3 : 4; }
    /// "vgg16", "vgg16-slim", "compact", or "vgg16 at width 0.5".
    std::string architecture() const;
    std::string to_json() const;
    /// Throws Error when the text is not such a configuration.
    static LocalizerConfig from_json(const std::string& text);
};

const char* name_of(BoxForm form);
BoxForm parse_box_form(const std::string& name);
const char* name_of(HeadForm form);
HeadForm parse_head_form(const std::string& name);
const char* name_of(Preprocess preprocess);
Preprocess parse_preprocess(const std::string& name);

/// One row of the table that Keras users know.
struct LayerSummary {
    std::string name, type;
    Shape output;  // without the batch: (H, W, C) or (units)
    std::vector<std::string> parameters;
};

class Localizer {
  public:
    /// Convolutions start as he_normal, the head as glorot_uniform, biases at 0.
    Localizer(const LocalizerConfig& config, uint64_t seed);

    const LocalizerConfig& config() const { return config_; }
    void set_calibration(const Calibration& calibration) { config_.calibration = calibration; }
    ParameterSet& parameters() { return parameters_; }
    const ParameterSet& parameters() const { return parameters_; }
    const std::vector<LayerSummary>& layers() const { return layers_; }
    /// Layer, output shape, parameters, trainable; totals. As keras.Model.summary.
    std::string summary() const;

    /// The cells of the detect head for N images.
    DetectionProblem detection_problem(int64_t N) const;
    /// Boxes of images (N, side, side, 3) as `Preprocess` has them. Parameters must be placed.
    BoxPrediction predict(Tape& tape, const Variable& images);

    /// Whether the parameter belongs to the backbone.
    static bool in_backbone(const Parameter& parameter) { return parameter.layer().rfind("block", 0) == 0; }
    /// Multiply-adds times two of one forward pass of one image.
    double forward_flops() const;
    /// Memory that training takes for each image of a batch: what forward keeps for backward, and the two
    /// largest gradients at once, stored as `activations`. An estimate: scratch memory of the kernels comes
    /// on top.
    double training_bytes_per_image(DType activations = DType::f32) const;

  private:
    Shape add_vgg16(uint64_t seed);
    void add_compact(uint64_t seed);
    std::vector<Variable> levels(Tape& tape, const Variable& pixels);
    void add_flatten_head(const Shape& features, uint64_t seed);
    void add_cells_head(uint64_t seed);
    void add_detect_head(uint64_t seed);

    LocalizerConfig config_;
    ParameterSet parameters_;
    std::vector<LayerSummary> layers_;
};

}  // namespace objloc
