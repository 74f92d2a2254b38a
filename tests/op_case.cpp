#include "tests/op_case.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/test_backends.h"

namespace objloc {
namespace {

constexpr double kUnit = 0x1p-24;  // f32's rounding error
constexpr double kBf16Unit = 0x1p-8;
constexpr int kSamples = 300;

using Bytes = std::vector<std::byte>;

/// One run of a case: what it was given, and what it left.
struct Run {
    Arrays in;
    std::vector<Bytes> out;
};

std::string place_of(const Shape& shape, int64_t element) {
    Shape place;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        int64_t inner = 1;
        for (int after = axis + 1; after < shape.rank(); ++after) inner *= shape[after];
        place.push_back(element / inner % shape[axis]);
    }
    return place.text();
}

/// What output `o` holds before the op.
Bytes initial(const OpCase& op, size_t o, const Arrays& in) {
    const Output& output = op.outputs[o];
    if (output.updates < 0) return poison(output.shape, output.type);
    return bytes_of(in[static_cast<size_t>(output.updates)], output.type);
}

/// Runs the op once between guards. `over` is the input that output 0 lies over, or -1; all tensors begin
/// `shift` elements after an aligned address.
Run run_once(const OpCase& op, Backend& backend, const Arrays& in, int over, const std::string& where,
             int64_t shift = 0) {
    std::vector<GuardedTensor> guarded;
    std::vector<Tensor> inputs, outputs;
    std::vector<Bytes> given;
    for (size_t i = 0; i < in.size(); ++i) {
        given.push_back(bytes_of(in[i], op.inputs[i].type));
        guarded.push_back(upload_guarded(backend, given[i], op.inputs[i].shape, op.inputs[i].type, shift));
        inputs.push_back(guarded.back().tensor);
    }
    for (size_t o = 0; o < op.outputs.size(); ++o) {
        if (o == 0 && over >= 0) {
            outputs.push_back(inputs[static_cast<size_t>(over)]);
            continue;
        }
        guarded.push_back(
            upload_guarded(backend, initial(op, o, in), op.outputs[o].shape, op.outputs[o].type, shift));
        outputs.push_back(guarded.back().tensor);
    }
    op.run(backend, inputs, outputs);

    Run run{in, {}};
    for (const Tensor& output : outputs) run.out.push_back(download_bytes(backend, output));
    for (size_t i = 0; i < in.size(); ++i) {
        const bool kept = static_cast<int>(i) == over || download_bytes(backend, inputs[i]) == given[i];
        CHECK_MESSAGE(kept, where << ": changed its input " << op.inputs[i].name);
    }
    for (const GuardedTensor& tensor : guarded) {
        CHECK_MESSAGE(guards_intact(backend, tensor), where << ": wrote outside of a tensor");
    }
    return run;
}

/// The elements of an output to check: all, or every corner and a random few, many of them on edges.
std::vector<int64_t> elements_to_check(const OpCase& op, const Shape& shape) {
    std::vector<int64_t> elements;
    if (!op.reference_at) {
        for (int64_t i = 0; i < shape.count(); ++i) elements.push_back(i);
        return elements;
    }
    Random random(op.seed);
    const int corners = 1 << shape.rank();
    for (int sample = 0; sample < corners + kSamples; ++sample) {
        int64_t element = 0;
        for (int axis = 0; axis < shape.rank(); ++axis) {
            const int64_t last = shape[axis] - 1;
            int64_t coordinate = (sample >> axis & 1) * last;
            if (sample >= corners && draw(random, 0, 2) != 0) coordinate = draw(random, 0, last);
            element = element * shape[axis] + coordinate;
        }
        elements.push_back(element);
    }
    return elements;
}

/// What the reference says of the elements to check, output by output.
Arrays expected(const OpCase& op, const Arrays& in, const std::vector<std::vector<int64_t>>& elements) {
    Arrays out;
    for (size_t o = 0; o < op.outputs.size(); ++o) {
        Array array(op.outputs[o].shape);
        if (op.outputs[o].updates >= 0) array.values = in[static_cast<size_t>(op.outputs[o].updates)].values;
        out.push_back(std::move(array));
    }
    if (op.reference_at) {
        for (size_t o = 0; o < out.size(); ++o) {
            for (const int64_t i : elements[o]) out[o][i] = op.reference_at(in, o, i);
        }
    } else {
        op.reference(in, out);
    }
    return out;
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

/// Checks the chosen places of one output of choices: none may be worse than rounding explains.
void check_choices(const OpCase& op, const Run& run, size_t o, const std::vector<int64_t>& elements,
                   double slack, const std::string& where) {
    const Array got = array_of(run.out[o], op.outputs[o].shape, op.outputs[o].type);
    for (const int64_t i : elements) {
        const double regret = op.regret(run.in, i, got[i]);
        if (regret <= slack) continue;
        FAIL_CHECK(where << ": " << op.outputs[o].name << place_of(op.outputs[o].shape, i) << " chose "
                         << got[i] << ", worse than the best by " << regret << " (tolerance " << slack
                         << ")");
        return;
    }
}

/// What the case allows on this backend for an output of this type.
Tolerance tolerance_of(const OpCase& op, const OpBackend& on, DType output) {
    const Tolerance& base = op.tolerance;
    double max_abs = base.max_abs * on.error_scale, max_rel = base.max_rel * on.error_scale;
    double typical = std::sqrt(base.nmse) * on.error_scale;
    std::string reason = base.reason + " " + on.error_reason;
    if (on.operand_rounding > 0) {  // of many errors the largest is a few times the typical one
        max_abs += 4 * on.operand_rounding;
        max_rel += 8 * on.operand_rounding;
        typical += on.operand_rounding;
    }
    if (output == DType::bf16) {
        max_abs += kBf16Unit;
        max_rel += kBf16Unit;
        typical += kBf16Unit;
        reason += "; the result is rounded to 8 bits of mantissa, to within 2^-8 of itself";
    }
    return {max_abs, max_rel, typical * typical, reason};
}

void check_random(const OpCase& op, const OpBackend& on, const Run& run,
                  const std::vector<std::vector<int64_t>>& elements, const std::string& where) {
    const Arrays want = expected(op, run.in, elements);
    for (size_t o = 0; o < op.outputs.size(); ++o) {
        const Output& output = op.outputs[o];
        const Tolerance allowed = tolerance_of(op, on, output.type);
        if (op.regret && output.type == DType::u8) {
            double largest = 0;
            for (const double value : want[0].values) largest = std::max(largest, std::abs(value));
            check_choices(op, run, o, elements[o], largest * allowed.max_abs, where);
            continue;
        }
        const Array got = array_of(run.out[o], output.shape, output.type);
        const Measures error = measure(got, want[o], elements[o]);
        const bool passed = error.max_abs <= allowed.max_abs && error.max_rel <= allowed.max_rel &&
                            error.nmse <= allowed.nmse;
        CHECK_MESSAGE(passed, where << ": " << output.name << place_of(output.shape, error.worst) << " is "
                                    << got[error.worst] << ", not " << want[o][error.worst] << "; max_abs "
                                    << error.max_abs << " of " << allowed.max_abs << ", max_rel "
                                    << error.max_rel << " of " << allowed.max_rel << ", nmse " << error.nmse
                                    << " of " << allowed.nmse << " (" << allowed.reason << ")");
    }
}

void check_exact(const OpCase& op, const Run& run, const std::vector<std::vector<int64_t>>& elements,
                 const std::string& where) {
    Arrays want = expected(op, run.in, elements);
    for (size_t o = 0; o < op.outputs.size(); ++o) {
        const Output& output = op.outputs[o];
        round_to(output.type, want[o]);  // once: the sums before it are exact
        const Array got = array_of(run.out[o], output.shape, output.type);
        const auto wrong = std::find_if(elements[o].begin(), elements[o].end(),
                                        [&](int64_t i) { return !(got[i] == want[o][i]); });
        if (wrong == elements[o].end()) continue;
        FAIL_CHECK(where << ": " << output.name << place_of(output.shape, *wrong) << " is " << got[*wrong]
                         << ", not exactly " << want[o][*wrong]);
    }
}

/// Every element of every output was written, those that the reference does not reach too.
void check_written(const OpCase& op, const Run& run, const std::string& where) {
    for (size_t o = 0; o < op.outputs.size(); ++o) {
        const Output& output = op.outputs[o];
        const Array got = array_of(run.out[o], output.shape, output.type);
        const double unwritten = array_of(poison({1}, output.type), {1}, output.type)[0];
        const auto is_unwritten = [&](double value) { return std::isnan(value) || value == unwritten; };
        const auto found = std::find_if(got.values.begin(), got.values.end(), is_unwritten);
        if (found == got.values.end()) continue;
        FAIL_CHECK(where << ": " << output.name << place_of(output.shape, found - got.values.begin())
                         << " is NaN or was not written");
    }
}

void check_on(const OpCase& op, const OpBackend& on, bool whole) {
    const std::string where = on.label + ": " + op.name + (whole ? ", exact" : ", random");
    const Arrays in = draw_inputs(op.inputs, op.seed, whole);
    const Run run = run_once(op, *on.backend, in, -1, where);
    std::vector<std::vector<int64_t>> elements;
    for (const Output& output : op.outputs) elements.push_back(elements_to_check(op, output.shape));

    check_written(op, run, where);
    if (whole) {
        check_exact(op, run, elements, where);
    } else {
        check_random(op, on, run, elements, where);
    }
    for (const auto& other : on.same_bits) {
        const std::string there = where + ", on " + other->description();
        const Run again = run_once(op, *other, in, -1, there);
        CHECK_MESSAGE(again.out == run.out, there << ": other bits");
    }
    if (whole && op.unaligned) {
        const std::string there = where + ", one element off";
        CHECK_MESSAGE(run_once(op, *on.backend, in, -1, there, 1).out == run.out, there << ": other bits");
    }
    for (const size_t input : op.in_place) {
        const Run over = run_once(op, *on.backend, in, static_cast<int>(input), where);
        CHECK_MESSAGE(over.out == run.out,
                      where << ": other bits when it lies over " << op.inputs[input].name);
    }
}

/// The case with its activations in bf16. Biases and what belongs to parameters stay f32.
OpCase in_bf16(OpCase op) {
    for (Input& input : op.inputs) {
        if (input.type == DType::f32 && input.name != "bias") input.type = DType::bf16;
    }
    for (Output& output : op.outputs) {
        if (output.type == DType::f32 && output.name != "dw" && output.name != "db") {
            output.type = DType::bf16;
        }
    }
    op.name += " bf16";
    return op;
}

}  // namespace

Tolerance rounded(int roundings, const std::string& reason) {
    const double unit = roundings * kUnit;
    return {unit, 2 * unit, unit * unit, reason};
}

Tolerance summed(int64_t terms) {
    const double unit = kUnit * (2 + std::sqrt(static_cast<double>(terms)));
    return {4 * unit, 8 * unit, unit * unit, "rounding errors of a sum walk at random: sqrt(terms) of one"};
}

Arrays draw_inputs(const std::vector<Input>& inputs, uint64_t seed, bool whole) {
    Random random(seed);
    Arrays arrays;
    for (const Input& input : inputs) {
        arrays.emplace_back(input.shape);
        (whole ? input.whole : input.fill)(random, arrays.back());
        round_to(input.type, arrays.back());
    }
    return arrays;
}

void check(const OpCase& op) {
    REQUIRE_FALSE(op_backends().empty());
    for (const OpBackend& on : op_backends()) {
        if (on.slow && !op.tiny) continue;
        if (op.name.rfind(on.only, 0) != 0) continue;
        const bool bf16 = on.backend->activation_type() == DType::bf16;
        if (bf16 && !op.bf16) continue;
        const OpCase stored = bf16 ? in_bf16(op) : op;
        check_on(stored, on, false);
        if (op.exact && on.exact) check_on(stored, on, true);
    }
}

}  // namespace objloc
