// The models in weights/ are as good as weights/README.md says, on scenes of a seed that nothing was tuned
// on.
#include <doctest/doctest.h>

#include "objloc/kernels/backends.h"
#include "objloc/models/model_file.h"
#include "tests/source_path.h"
#include "tests/test_backends.h"
#include "tools/common/evaluation.h"

namespace objloc {
namespace {

double mean_iou(Backend& backend, const std::string& file, SceneKind kind) {
    Localizer localizer = load_model(source_path("../weights/" + file));
    localizer.parameters().to_device(backend);
    SceneSources sources;
    sources.held_out = true;
    SceneGenerator scenes(backend, scene_spec(kind, localizer.config(), 2026, kHeldOutStream), sources);
    return evaluate(backend, localizer, scenes, 256, 32).report.iou;
}

}  // namespace

TEST_CASE("the shipped models place boxes as their README says") {
    const auto backend = test_backends().front();
    // 256 scenes instead of 2000 leave a standard error of some 0.002.
    CHECK(mean_iou(*backend, "cat_on_photographs.h5", SceneKind::natural) ==
          doctest::Approx(0.978).epsilon(0.01));
    CHECK(mean_iou(*backend, "blob.h5", SceneKind::blob) == doctest::Approx(0.975).epsilon(0.01));
}

}  // namespace objloc
