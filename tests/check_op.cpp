#include "tests/check_op.h"

#include <doctest/doctest.h>

#include <cmath>

#include "objloc/kernels/cases/op_run.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

constexpr double kBf16Unit = 0x1p-8;

void require(const Findings& findings, const std::string& where) {
    for (const std::string& fault : findings) CHECK_MESSAGE(fault.empty(), where << ": " << fault);
}

/// What the case allows on this backend for an output of this type.
Tolerance tolerance_of(const OpCase& op, const OpBackend& on, DType output) {
    Tolerance allowed = loosened(op.tolerance, on.error_scale, on.operand_rounding);
    allowed.reason += " " + on.error_reason;
    if (output != DType::bf16) return allowed;
    const double typical = std::sqrt(allowed.nmse) + kBf16Unit;
    return {allowed.max_abs + kBf16Unit, allowed.max_rel + kBf16Unit, typical * typical,
            allowed.reason + "; the result is rounded to 8 bits of mantissa, to within 2^-8 of itself"};
}

void check_on(const OpCase& op, const OpBackend& on, bool whole) {
    const std::string where = on.label + ": " + op.name() + (whole ? ", exact" : ", random");
    const Arrays in = draw_inputs(op, whole);
    const Expectation expected = expect(op, in);
    const OpRun run = run_guarded(op, *on.backend, in);
    require(run.findings, where);
    for (size_t o = 0; o < op.outputs.size(); ++o) {
        const Verdict right = whole
                                  ? judge_exact(op, o, run, expected)
                                  : judge(op, o, in, run, expected, tolerance_of(op, on, op.outputs[o].type));
        require({judge_written(op, o, run).fault, right.fault}, where);
    }

    const auto same_bits = [&](Backend& backend, const Placement& placement, const std::string& there) {
        const OpRun again = run_guarded(op, backend, in, placement);
        require(again.findings, where + there);
        CHECK_MESSAGE(again.out == run.out, where << there << ": other bits");
    };
    for (const auto& other : on.same_bits) same_bits(*other, {}, ", on " + other->description());
    if (whole && op.unaligned) same_bits(*on.backend, {.shift = 1}, ", one element off");
    for (const size_t input : op.in_place) {
        same_bits(*on.backend, {.over = static_cast<int>(input)}, ", laid over " + op.inputs[input].name);
    }
}

}  // namespace

void check(const OpCase& op) {
    REQUIRE_FALSE(op_backends().empty());
    for (const OpBackend& on : op_backends()) {
        if (on.slow && !op.tiny) continue;
        if (!op.op.starts_with(on.only)) continue;
        const bool bf16 = on.backend->activation_type() == DType::bf16;
        if (bf16 && !op.bf16) continue;
        const OpCase stored = bf16 ? in_bf16(op) : op;
        check_on(stored, on, false);
        if (op.exact && on.exact) check_on(stored, on, true);
    }
}

}  // namespace objloc
