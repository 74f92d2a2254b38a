// Times a whole training step, or inference, and says where its time goes.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tools/bench/machine_peak.h"
#include "tools/bench/timed_backend.h"
#include "tools/common/command_line.h"

namespace objloc::bench {

struct StepOptions {
    DeviceOptions device;
    std::string model = "vgg16", freeze = "none";
    int64_t batch = 16, side = 128;
    int steps = 5, warmup = 2;
    bool inference = false;

    void add_to(CLI::App& app);
};

/// A part of the step: "scenes", "forward", "backward", "update", or "other" for what is outside of ops.
struct PhaseTime {
    std::string name;
    double seconds = 0;
};

struct StepMeasurement {
    std::string device, description;
    int threads = 0;                // of the CPU
    MachinePeak peak;               // of the device
    double forward_flops = 0;       // of one image
    double flops = 0;               // of the step
    std::vector<double> whole;      // seconds of each undisturbed step
    std::vector<double> split;      // and of each step that was split
    std::vector<PhaseTime> phases;  // of the split step whose whole time is the middle one
    std::vector<TimedOp> ops;       // of the same step, in the order of their first call
    size_t allocator_peak_bytes = 0, process_peak_bytes = 0;  // of undisturbed steps

    double phases_sum() const;
    /// Median of split over undisturbed, each pair one right after the other: what watching costs.
    double split_ratio() const;
};

/// Measures `steps` undisturbed steps and as many split ones, in turn, so that whatever else the machine does
/// meets both. Throws Error as `DeviceOptions::make`, and for a precision that the device lacks.
StepMeasurement measure_step(const StepOptions& options);

/// The phase that an op belongs to; one without a phase of its own (copy, fill, add) belongs to `current`.
std::string phase_of(const std::string& op, const std::string& current);

}  // namespace objloc::bench
