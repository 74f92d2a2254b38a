#include "tools/common/predict.h"

#include "objloc/generators/resize.h"
#include "tools/common/network_input.h"

namespace objloc {

std::vector<float> predict_boxes(Backend& backend, Localizer& localizer, const Tensor& images) {
    Tape tape(backend, /*recording=*/false);
    const Tensor boxes = localizer.predict(tape, tape.constant(images)).boxes.value();
    std::vector<float> host(static_cast<size_t>(boxes.count()));
    backend.download(boxes, host.data());
    return host;
}

std::vector<float> predict_picture(Backend& backend, Localizer& localizer, const Image& picture) {
    const LocalizerConfig& config = localizer.config();
    const Tensor input = backend.allocate({1, config.side, config.side, 3});
    const int side = static_cast<int>(config.side);
    backend.upload(network_input(resize(to_rgb(picture), side, side), config).data(), input);
    return predict_boxes(backend, localizer, input);
}

}  // namespace objloc
