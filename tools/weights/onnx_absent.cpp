// Stands in for onnx_export.cpp in a build without ONNX.
#include "objloc/engine/error.h"
#include "tools/weights/onnx_export.h"

namespace objloc {

void export_onnx(const std::string& path, const std::vector<NamedArray>& /*arrays*/,
                 const LocalizerConfig& /*config*/, ImageLayout /*layout*/) {
    throw Error(
        path, "this objloc was built without ONNX",
        "On Debian or Ubuntu: apt-get install libonnx-dev libprotobuf-dev, then configure and build again.");
}

}  // namespace objloc
