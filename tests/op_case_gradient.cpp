#include "tests/op_case_gradient.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "objloc/engine/ops/ops.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

constexpr int64_t kElements = 200;

/// Inputs away from every kink.
Arrays smooth_inputs(const GradientCase& gradient) {
    for (uint64_t attempt = 0; attempt < 1000; ++attempt) {
        Arrays in = draw_inputs(gradient.inputs, gradient.seed + 7919 * attempt, false);
        if (!gradient.kink_distance || gradient.kink_distance(in) >= kKinkMargin) return in;
    }
    FAIL(gradient.name << ": no draw keeps its distance from the kinks");
    return {};
}

double weighted(const Array& y, const Array& dy) {
    double sum = 0;
    for (int64_t i = 0; i < y.count(); ++i) sum += y[i] * dy[i];
    return sum;
}

/// d(sum of dy * forward(in)) / d in[input][element].
double difference_quotient(const GradientCase& gradient, Arrays in, const Array& dy, size_t input,
                           int64_t element) {
    const double here = in[input][element];
    in[input][element] = here + kStep;
    const double above = weighted(gradient.forward(in), dy);
    in[input][element] = here - kStep;
    const double below = weighted(gradient.forward(in), dy);
    return (above - below) / (2 * kStep);
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

void check_on(const GradientCase& gradient, const OpBackend& on, const Arrays& in, const Array& dy,
              const std::vector<std::vector<double>>& want) {
    Backend& backend = *on.backend;
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < in.size(); ++i) {
        const Input& input = gradient.inputs[i];
        inputs.push_back(
            upload_guarded(backend, bytes_of(in[i], input.type), input.shape, input.type).tensor);
    }
    const Tensor cotangent = upload_guarded(backend, bytes_of(dy, DType::f32), dy.shape, DType::f32).tensor;
    const std::vector<Tensor> gradients = gradient.backward(backend, inputs, cotangent);
    REQUIRE(gradients.size() == in.size());
    for (size_t i = 0; i < in.size(); ++i) {
        if (!gradients[i]) continue;
        const Array got = array_of(download_bytes(backend, gradients[i]), in[i].shape, DType::f32);
        const std::string where =
            on.label + ": " + gradient.name + ": gradient of " + gradient.inputs[i].name;
        compare(where, some_elements(in[i].count(), gradient.seed), want[i], got,
                gradient.tolerance * on.error_scale, gradient.reason);
    }
}

}  // namespace

void check(const GradientCase& gradient) {
    REQUIRE_FALSE(op_backends().empty());
    const Arrays in = smooth_inputs(gradient);
    Array dy(gradient.output);
    Random random(gradient.seed + 1);
    uniform(-1, 1)(random, dy);
    std::vector<std::vector<double>> want(in.size());
    for (size_t i = 0; i < in.size(); ++i) {
        for (const int64_t element : some_elements(in[i].count(), gradient.seed)) {
            want[i].push_back(difference_quotient(gradient, in, dy, i, element));
        }
    }
    for (const OpBackend& on : op_backends()) {
        // Rounded operands would cross kinks that the margin keeps away from; the op cases check those
        // backends.
        if (on.operand_rounding > 0 || on.backend->activation_type() != DType::f32) continue;
        if (gradient.name.rfind(on.only, 0) == 0) check_on(gradient, on, in, dy, want);
    }
}

std::function<std::vector<Tensor>(Backend&, const std::vector<Tensor>& in, const Tensor& dy)> on_tape(
    std::function<Variable(Tape&, const std::vector<Variable>& in)> op) {
    return [op = std::move(op)](Backend& backend, const std::vector<Tensor>& in, const Tensor& dy) {
        Tape tape(backend);
        std::vector<Variable> leaves;
        for (const Tensor& input : in) leaves.push_back(tape.leaf(input));
        const Variable y = op(tape, leaves);
        REQUIRE(y.shape() == dy.shape());
        tape.backward(ops::sum(tape, ops::mul(tape, y, tape.constant(dy))));
        std::vector<Tensor> gradients;
        for (const Variable& leaf : leaves) gradients.push_back(leaf.gradient());
        return gradients;
    };
}

}  // namespace objloc
