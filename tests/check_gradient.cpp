#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "objloc/kernels/cases/differences.h"
#include "tests/check_op.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

constexpr double kStep = 1e-4, kKinkMargin = 1e-3;
constexpr int64_t kElements = 200;

/// Inputs away from every kink.
Arrays smooth_inputs(OpCase op) {
    for (int attempt = 0; attempt < 1000; ++attempt, op.seed += 7919) {
        Arrays in = draw_inputs(op);
        if (!op.gradient.kink_distance || op.gradient.kink_distance(in) >= kKinkMargin) return in;
    }
    FAIL(op.name() << ": no draw keeps its distance from the kinks");
    return {};
}

/// sum of dy * the reference's output.
double weighted(const OpCase& op, const Arrays& in, const Array& dy) {
    double sum = 0;
    if (op.reference) {
        Arrays out;
        for (const Output& output : op.outputs) out.emplace_back(output.shape);
        op.reference(in, out);
        for (int64_t i = 0; i < dy.count(); ++i) sum += out[op.gradient.output][i] * dy[i];
        return sum;
    }
    for (int64_t i = 0; i < dy.count(); ++i) sum += op.reference_at(in, op.gradient.output, i) * dy[i];
    return sum;
}

std::vector<int64_t> some_elements(int64_t count, uint64_t seed) {
    std::vector<int64_t> elements;
    Random random(seed);
    for (int64_t i = 0; i < std::min(count, kElements); ++i) {
        elements.push_back(count <= kElements ? i : draw(random, 0, count - 1));
    }
    return elements;
}

void compare(const std::string& where, const std::vector<int64_t>& elements, const std::vector<double>& want,
             const Array& got, double tolerance, const std::string& reason) {
    double largest = 0, error = 0;
    int64_t worst = 0;
    for (size_t i = 0; i < elements.size(); ++i) {
        largest = std::max(largest, std::abs(want[i]));
        double difference = std::abs(got[elements[i]] - want[i]);
        if (std::isnan(difference)) difference = INFINITY;
        if (difference > error) worst = elements[i];
        error = std::max(error, difference);
    }
    CHECK_MESSAGE(largest > 0, where << ": nothing to compare, every difference quotient is 0");
    CHECK_MESSAGE(error <= tolerance * largest, where << "[" << worst << "]: off by " << error << " where "
                                                      << largest << " is the largest (" << reason << ")");
}

void check_on(const OpCase& op, const OpBackend& on, const Arrays& in, const Array& dy,
              const std::vector<std::vector<double>>& want) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < in.size(); ++i) {
        const Input& input = op.inputs[i];
        inputs.push_back(
            upload_guarded(*on.backend, bytes_of(in[i], input.type), input.shape, input.type).tensor);
    }
    const Tensor cotangent =
        upload_guarded(*on.backend, bytes_of(dy, DType::f32), dy.shape, DType::f32).tensor;
    const std::vector<Tensor> gradients = op.gradient.backward(*on.backend, inputs, cotangent);
    REQUIRE(gradients.size() == in.size());
    for (size_t i = 0; i < in.size(); ++i) {
        if (!gradients[i]) continue;
        const Array got = array_of(download_bytes(*on.backend, gradients[i]), in[i].shape, DType::f32);
        compare(on.label + ": " + op.name() + ": gradient of " + op.inputs[i].name,
                some_elements(in[i].count(), op.seed), want[i], got, op.gradient.tolerance * on.error_scale,
                op.gradient.reason);
    }
}

}  // namespace

void check_gradient(const OpCase& op) {
    REQUIRE_FALSE(op_backends().empty());
    const Arrays in = smooth_inputs(op);
    Array dy(op.outputs[op.gradient.output].shape);
    Random random(op.seed + 1);
    uniform(-1, 1)(random, dy);
    const auto value = [&](const Arrays& moved) { return weighted(op, moved, dy); };
    std::vector<std::vector<double>> want(in.size());
    for (size_t i = 0; i < in.size(); ++i) {
        for (const int64_t element : some_elements(in[i].count(), op.seed)) {
            want[i].push_back(difference_quotient(value, in, i, element, kStep));
        }
    }
    for (const OpBackend& on : op_backends()) {
        // Rounded operands would cross kinks that the margin keeps away from; `check` checks those backends.
        if (on.operand_rounding > 0 || on.backend->activation_type() != DType::f32) continue;
        if (op.op.starts_with(on.only)) check_on(op, on, in, dy, want);
    }
}

}  // namespace objloc
