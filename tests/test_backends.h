// The backends that tests run on: every one this build and machine have, and what to expect of each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/tape.h"

namespace objloc {

/// One backend of each name that works here, in fp32. Those missing are named once on the standard output,
/// with the reason; no test counts as passed on them.
std::vector<std::shared_ptr<Backend>> test_backends();

/// A constant on the tape's backend.
Variable zeros(Tape& tape, const Shape& shape);

/// How the op tests treat a backend.
struct OpBackend {
    std::string label;  // "cpu (winograd)"
    std::shared_ptr<Backend> backend;
    /// Others that must give the same bits in every op: the same backend on another number of threads, or, to
    /// show that a run repeats itself, the backend once more.
    std::vector<std::shared_ptr<Backend>> same_bits = {};
    /// Only ops whose names start so: the rest is the code of another entry.
    std::string only = "";
    /// Small whole numbers give exact results.
    bool exact = true;
    /// Emulated: runs tiny cases only.
    bool slow = false;
    /// Factor on the tolerances, and why.
    double error_scale = 1;
    /// Relative error of each factor of a product, which is rounded before it is multiplied; 0: taken as it
    /// is.
    double operand_rounding = 0;
    std::string error_reason = "";
};

const std::vector<OpBackend>& op_backends();

}  // namespace objloc
