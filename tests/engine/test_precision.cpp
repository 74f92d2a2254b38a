// --precision: what it changes in a training step, and what it must not change.
#include "objloc/engine/precision.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "objloc/engine/bf16.h"
#include "objloc/engine/error.h"
#include "objloc/engine/optimizer.h"
#include "objloc/generators/scene_generator.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/models/localizer.h"
#include "objloc/models/localizer_step.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

/// One step of a small localizer: its loss, all gradients, and the parameters after it.
struct Step {
    Localizer localizer;
    double loss = 0;
    std::vector<double> gradients;

    explicit Step(Backend& backend) : localizer({.width = 0.125, .side = 32}, 7) {
        localizer.parameters().to_device(backend);
        SceneSpec spec;
        spec.kind = SceneKind::blob;
        spec.side = 32;
        spec.outputs = localizer.config().outputs();
        SceneGenerator scenes(backend, spec);
        Optimizer optimizer(backend, localizer.parameters(), {}, Localizer::in_backbone);
        LocalizerStep step(backend, optimizer,
                           {[&](const Tensor& images, const Tensor& boxes) { scenes.draw(images, boxes); },
                            training_graph(localizer, BoxLoss{}),
                            {2, 32, 32, 3},
                            {2, spec.outputs}});
        step.run(1e-3);
        loss = step.meter().read().loss;
        for (const Parameter& parameter : localizer.parameters().all()) {
            CHECK(parameter.value.type() == DType::f32);
            CHECK(parameter.gradient.type() == DType::f32);
            std::vector<float> values(static_cast<size_t>(parameter.shape.count()));
            backend.download(parameter.gradient, values.data());
            gradients.insert(gradients.end(), values.begin(), values.end());
        }
    }
};

/// |a - b| / |b|.
double distance(const std::vector<double>& a, const std::vector<double>& b) {
    double difference = 0, norm = 0;
    for (size_t i = 0; i < b.size(); ++i) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        norm += b[i] * b[i];
    }
    return std::sqrt(difference / norm);
}

/// Every bf16_copy is its value, rounded.
void check_shadows(Backend& backend, const ParameterSet& parameters) {
    for (const Parameter& parameter : parameters.all()) {
        CAPTURE(parameter.name);
        REQUIRE(parameter.bf16_copy);
        REQUIRE(parameter.bf16_copy.type() == DType::bf16);
        std::vector<uint16_t> bf16_copy(static_cast<size_t>(parameter.shape.count()));
        backend.download(parameter.bf16_copy, bf16_copy.data());
        const std::vector<float> values = parameters.download(parameter);
        size_t wrong = 0;
        for (size_t i = 0; i < values.size(); ++i) wrong += bf16_copy[i] != to_bf16(values[i]);
        CHECK(wrong == 0);
    }
}

}  // namespace

TEST_CASE("precisions have names") {
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
        CHECK(parse_precision(name_of(precision)) == precision);
    }
    CHECK_THROWS_AS(parse_precision("fp16"), Error);
}

TEST_CASE("bf16 rounds to nearest, ties to even, and keeps what is no number") {
    CHECK(from_bf16(to_bf16(1.0f)) == 1.0f);
    CHECK(from_bf16(to_bf16(1 + 0x1p-8f)) == 1.0f);
    CHECK(from_bf16(to_bf16(1 + 3 * 0x1p-8f)) == 1 + 0x1p-6f);
    CHECK(from_bf16(to_bf16(-INFINITY)) == -INFINITY);
    CHECK(from_bf16(to_bf16(3.4e38f)) == INFINITY);
    CHECK(std::isnan(from_bf16(to_bf16(NAN))));
}

TEST_CASE("the CPU takes every precision, and says what it computes in") {
    const auto description = [](const BackendOptions& options) {
        const auto backend = cpu_backend_entry().make(options);
        CHECK(backend->activation_type() == DType::f32);
        return backend->description();
    };
    const auto has = [](const std::string& text, const char* part) {
        return text.find(part) != std::string::npos;
    };
    const std::string bf16 = description({.threads = 1, .precision = Precision::bf16});
    CHECK(has(bf16, "computes in bf16") != has(bf16, "computes in fp32, though bf16 was asked for"));
    CHECK(has(description({.threads = 1, .precision = Precision::tf32}), "fp32, though tf32 was asked for"));
    CHECK(has(description({.threads = 1, .conv = "winograd", .precision = Precision::bf16}),
              "fp32, though bf16 was asked for"));
}

TEST_CASE("a training step in tf32 or bf16 is near one in fp32, and parameters stay in fp32") {
    for (const OpBackend& on : op_backends()) {
        Backend& backend = *on.backend;
        const bool bf16 = backend.activation_type() == DType::bf16;
        if (!bf16 && on.operand_rounding == 0) continue;
        const bool coarse = bf16 || on.operand_rounding > 0x1p-8;  // bf16 operands, whatever is stored
        CAPTURE(on.label);
        const Step step(backend);
        const auto plain =
            std::find_if(op_backends().begin(), op_backends().end(),
                         [&](const OpBackend& other) { return other.label == backend.name(); });
        REQUIRE(plain != op_backends().end());
        const Step fp32(*plain->backend);
        // Thirteen layers each add an error of 2^-11 or 2^-8 to what the one before left.
        CHECK(std::abs(step.loss - fp32.loss) < (coarse ? 1e-2 : 1e-3) * fp32.loss);
        // The gradient's error is that of its switches: in each layer some 3 in 1000 ReLUs and pools have
        // inputs that lie within bf16's rounding of each other and turn the other way, and each moves its
        // share wholly: sqrt(13 * 0.003) = 0.2. The ops' own errors are a hundredth of that, and are checked
        // op by op.
        CHECK(distance(step.gradients, fp32.gradients) < (coarse ? 0.3 : 0.05));
        CHECK(distance(step.gradients, fp32.gradients) > 0);
        if (bf16) check_shadows(backend, step.localizer.parameters());
        CHECK(static_cast<bool>(step.localizer.parameters().all()[0].bf16_copy) == bf16);
    }
}

}  // namespace objloc
