#include "objloc/kernels/cases/op_run.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace objloc {
namespace {

using Bytes = std::vector<std::byte>;

template <typename... Parts>
std::string text_of(const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    return text.str();
}

/// "y[0, 3, 1, 2]".
std::string place_of(const Output& output, int64_t element) {
    Shape place;
    for (int axis = 0; axis < output.shape.rank(); ++axis) {
        int64_t inner = 1;
        for (int after = axis + 1; after < output.shape.rank(); ++after) inner *= output.shape[after];
        place.push_back(element / inner % output.shape[axis]);
    }
    return output.name + place.text();
}

/// What an output holds before the op.
Bytes initial(const Output& output, const Arrays& in) {
    if (output.updates < 0) return poison(output.shape, output.type);
    return bytes_of(in[static_cast<size_t>(output.updates)], output.type);
}

Array values_of(const OpCase& op, size_t o, const OpRun& run) {
    return array_of(run.out[o], op.outputs[o].shape, op.outputs[o].type);
}

struct Measures {
    double max_abs = 0, max_rel = 0, nmse = 0;
    int64_t worst = 0;
};

/// `got` against `want` over `elements`; a NaN counts as an infinite error.
Measures measure(const Array& got, const Array& want, const std::vector<int64_t>& elements) {
    double largest = 0, square = 0, error_square = 0, largest_error = 0;
    for (const int64_t i : elements) {
        largest = std::max(largest, std::abs(want[i]));
        square += want[i] * want[i];
    }
    const double typical = std::sqrt(square / static_cast<double>(elements.size()));
    Measures result;
    for (const int64_t i : elements) {
        double error = std::abs(got[i] - want[i]);
        if (std::isnan(error)) error = INFINITY;
        if (error == 0) continue;
        if (error > largest_error) result.worst = i;
        largest_error = std::max(largest_error, error);
        result.max_rel = std::max(result.max_rel, error / (std::abs(want[i]) + typical));
        error_square += error * error;
    }
    if (largest_error > 0) {
        result.max_abs = largest_error / largest;
        result.nmse = error_square / square;
    }
    return result;
}

/// Choices: none may be worse than rounding explains.
Verdict judge_choices(const OpCase& op, size_t o, const Arrays& in, const Array& got,
                      const Expectation& expected, double tolerance) {
    double largest = 0;
    for (const double value : expected.values[0].values) largest = std::max(largest, std::abs(value));
    for (const int64_t i : expected.elements[o]) {
        const double regret = op.regret(in, i, got[i]);
        if (regret <= largest * tolerance) continue;
        return {0, text_of(place_of(op.outputs[o], i), " chose ", got[i], ", worse than the best by ", regret,
                           " (tolerance ", largest * tolerance, ")")};
    }
    return {};
}

}  // namespace

OpRun run_guarded(const OpCase& op, Backend& backend, const Arrays& in, const Placement& placement) {
    std::vector<GuardedTensor> guarded;
    std::vector<Tensor> inputs, outputs;
    std::vector<Bytes> given;
    const auto place = [&](const Bytes& bytes, const auto& as) {
        guarded.push_back(upload_guarded(backend, bytes, as.shape, as.type, placement.shift));
        return guarded.back().tensor;
    };
    for (size_t i = 0; i < in.size(); ++i) {
        given.push_back(bytes_of(in[i], op.inputs[i].type));
        inputs.push_back(place(given[i], op.inputs[i]));
    }
    for (const Output& output : op.outputs) {
        const bool over = outputs.empty() && placement.over >= 0;
        outputs.push_back(over ? inputs[static_cast<size_t>(placement.over)]
                               : place(initial(output, in), output));
    }
    op.run(backend, inputs, outputs);

    OpRun run;
    for (const Tensor& output : outputs) run.out.push_back(download_bytes(backend, output));
    for (size_t i = 0; i < in.size(); ++i) {
        const bool kept =
            static_cast<int>(i) == placement.over || download_bytes(backend, inputs[i]) == given[i];
        run.findings.push_back(kept ? "" : "changed its input " + op.inputs[i].name);
    }
    for (const GuardedTensor& tensor : guarded) {
        run.findings.push_back(guards_intact(backend, tensor) ? "" : "wrote outside of a tensor");
    }
    return run;
}

Tolerance loosened(const Tolerance& base, double scale, double rounding) {
    const double typical = std::sqrt(base.nmse) * scale + rounding;
    return {base.max_abs * scale + 4 * rounding, base.max_rel * scale + 8 * rounding, typical * typical,
            base.reason};
}

Verdict judge(const OpCase& op, size_t o, const Arrays& in, const OpRun& run, const Expectation& expected,
              const Tolerance& allowed) {
    const Array got = values_of(op, o, run), &want = expected.values[o];
    if (op.regret && op.outputs[o].type == DType::u8) {
        return judge_choices(op, o, in, got, expected, allowed.max_abs);
    }
    const Measures error = measure(got, want, expected.elements[o]);
    const double relative = std::sqrt(error.nmse);
    if (error.max_abs <= allowed.max_abs && error.max_rel <= allowed.max_rel && error.nmse <= allowed.nmse) {
        return {relative, ""};
    }
    return {relative, text_of(place_of(op.outputs[o], error.worst), " is ", got[error.worst], ", not ",
                              want[error.worst], "; max_abs ", error.max_abs, " of ", allowed.max_abs,
                              ", max_rel ", error.max_rel, " of ", allowed.max_rel, ", nmse ", error.nmse,
                              " of ", allowed.nmse, " (", allowed.reason, ")")};
}

Verdict judge_exact(const OpCase& op, size_t o, const OpRun& run, const Expectation& expected) {
    Array want = expected.values[o];
    round_to(op.outputs[o].type, want);  // once: the sums before it are exact
    const Array got = values_of(op, o, run);
    for (const int64_t i : expected.elements[o]) {
        if (got[i] == want[i]) continue;
        return {INFINITY, text_of(place_of(op.outputs[o], i), " is ", got[i], ", not exactly ", want[i])};
    }
    return {};
}

Verdict judge_written(const OpCase& op, size_t o, const OpRun& run) {
    const Array got = values_of(op, o, run);
    const double unwritten = array_of(poison({1}, op.outputs[o].type), {1}, op.outputs[o].type)[0];
    const auto is_unwritten = [&](double value) { return std::isnan(value) || value == unwritten; };
    const auto found = std::find_if(got.values.begin(), got.values.end(), is_unwritten);
    if (found == got.values.end()) return {};
    return {INFINITY, place_of(op.outputs[o], found - got.values.begin()) + " is NaN or was not written"};
}

}  // namespace objloc
