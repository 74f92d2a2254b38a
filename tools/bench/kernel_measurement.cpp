#include "tools/bench/kernel_measurement.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "objloc/engine/error.h"
#include "objloc/kernels/cases/op_run.h"
#include "tools/bench/environment.h"
#include "tools/bench/timing.h"

namespace objloc::bench {
namespace {

constexpr double kShortest = 2e-3;    // seconds of a repeat: long beside a stopwatch or a launch
constexpr double kGpuCache = 128e6;   // above the L2 of any GPU so far
constexpr double kMostCopies = 4096;  // of tensors so small that calling costs more than a cache miss
constexpr double kMostRuns = 1e4;
// Runs: more than a backend keeps derived weights, so that their memory is there.
constexpr size_t kWarmUp = 80;

size_t copies_needed(const OpCase& op, const Backend& backend) {
    const double cache = backend.name() == "cpu" ? static_cast<double>(last_level_cache_bytes()) : kGpuCache;
    return static_cast<size_t>(std::clamp(std::ceil(2 * cache / op.bytes()), 1.0, kMostCopies));
}

/// A case's tensors on a backend.
struct KernelBuffers {
    std::vector<Tensor> in, out;
};

KernelBuffers upload(const OpCase& op, Backend& backend, const Arrays& in) {
    KernelBuffers buffers;
    for (size_t i = 0; i < in.size(); ++i) {
        buffers.in.push_back(backend.allocate(op.inputs[i].shape, op.inputs[i].type));
        backend.upload(bytes_of(in[i], op.inputs[i].type).data(), buffers.in.back());
    }
    for (const Output& output : op.outputs) {
        buffers.out.push_back(backend.allocate(output.shape, output.type));
        if (output.updates < 0) continue;
        backend.copy(buffers.in[static_cast<size_t>(output.updates)], buffers.out.back());
    }
    return buffers;
}

/// The same contents elsewhere in memory.
KernelBuffers clone(Backend& backend, const KernelBuffers& buffers) {
    KernelBuffers copy = buffers;
    for (std::vector<Tensor>* list : {&copy.in, &copy.out}) {
        for (Tensor& tensor : *list) {
            const Tensor from = tensor;
            tensor = backend.allocate(from.shape(), from.type());
            backend.copy(from, tensor);
        }
    }
    return copy;
}

/// Runs a case over and over, on one copy of its tensors after the other.
class Rounds {
  public:
    Rounds(const OpCase& op, Backend& backend, const Arrays& in) : op_(op), backend_(backend) {
        copies_.push_back(upload(op, backend, in));
        for (size_t i = 1; i < copies_needed(op, backend); ++i) copies_.push_back(clone(backend, copies_[0]));
    }

    size_t copies() const { return copies_.size(); }

    /// Seconds a run.
    double run(size_t runs) {
        backend_.synchronize();
        const Clock::time_point begin = Clock::now();
        for (size_t i = 0; i < runs; ++i) {
            const KernelBuffers& buffers = copies_[next_++ % copies_.size()];
            for (size_t at = 0; at < op_.inputs.size(); ++at) {
                if (op_.inputs[at].name == "w") buffers.in[at].storage().bump_version();
            }
            op_.run(backend_, buffers.in, buffers.out);
        }
        backend_.synchronize();
        return seconds_since(begin) / static_cast<double>(runs);
    }

  private:
    const OpCase& op_;
    Backend& backend_;
    std::vector<KernelBuffers> copies_;
    size_t next_ = 0;
};

void compare_with_yardstick(std::vector<KernelResult>& results) {
    for (KernelResult& result : results) {
        for (const KernelResult& other : results) {
            const KernelVariant &yardstick = *other.variant, &ours = *result.variant;
            const bool comparable =
                yardstick.yardstick && yardstick.group == ours.group && yardstick.precision == ours.precision;
            if (comparable && result.seconds > 0) result.speedup = other.seconds / result.seconds;
        }
    }
}

/// A case, the numbers that it is given, and what should come out.
struct CaseInputs {
    OpCase op;
    Arrays in;
    Expectation expected;

    explicit CaseInputs(const OpCase& op_) : op(op_), in(draw_inputs(op)), expected(expect(op, in)) {}
};

/// Of a factor that tf32 keeps 10 bits of, or a result that bf16 keeps 7 of, beside the leading one. Factors
/// in tf32 may be cut off: a library may do so, and it is not said what the copy engine does. (The op tests
/// want ours rounded.)
double rounding_of(Precision precision) {
    return precision == Precision::tf32 ? 0x1p-10 : precision == Precision::bf16 ? 0x1p-8 : 0;
}

/// A case as one precision has it, drawn when first wanted.
class Given {
  public:
    explicit Given(const OpCase& op) : op_(op) {}

    const CaseInputs& in(DType type) {
        const bool narrow = type == DType::bf16;
        std::optional<CaseInputs>& given = narrow ? bf16_ : f32_;
        if (!given) given.emplace(narrow ? in_bf16(op_) : op_);
        return *given;
    }

  private:
    const OpCase& op_;
    std::optional<CaseInputs> f32_, bf16_;
};

/// Checks, and times what is right.
void measure(const KernelVariant& variant, Given& given, const MachinePeak& peak, int repeats,
             const TimeKernel& time, KernelResult& result) {
    // A backend of its own: what the last case left in its memory would only be in the way.
    const std::unique_ptr<Backend> backend = variant.make();
    const CaseInputs& at = given.in(backend->activation_type());
    result.bytes = at.op.bytes();
    result.correctness =
        check(at.op, *backend, at.in, at.expected, variant.error_scale, rounding_of(variant.precision));
    if (!result.correctness.passed) return;
    result.seconds = time(at.op, *backend, at.in, repeats);
    result.share_of_floor = peak.floor_seconds(at.op.flops, result.bytes) / result.seconds;
}

}  // namespace

Correctness check(const OpCase& op, Backend& backend, const Arrays& in, const Expectation& expected,
                  double error_scale, double rounding) {
    const OpRun run = run_guarded(op, backend, in);
    const Tolerance allowed = loosened(op.tolerance, error_scale, rounding);
    Correctness result;
    for (const std::string& fault : run.findings) result.passed = result.passed && fault.empty();
    for (size_t o = 0; o < op.outputs.size(); ++o) {
        const Verdict verdict = judge(op, o, in, run, expected, allowed);
        result.error = std::max(result.error, verdict.error);
        result.passed = result.passed && verdict.fault.empty() && judge_written(op, o, run).fault.empty();
    }
    return result;
}

double time_kernel(const OpCase& op, Backend& backend, const Arrays& in, int repeats) {
    Rounds rounds(op, backend, in);
    rounds.run(std::min(rounds.copies(), kWarmUp));  // primitives, memory for derived weights
    const double guess = rounds.run(1);
    const auto runs = static_cast<size_t>(std::clamp(std::ceil(kShortest / guess), 1.0, kMostRuns));
    std::vector<double> seconds;
    for (int repeat = 0; repeat < repeats; ++repeat) seconds.push_back(rounds.run(runs));
    return median(seconds);
}

std::vector<KernelResult> measure_kernel(const OpCase& op, const std::vector<KernelVariant>& variants,
                                         const std::vector<MachinePeak>& peaks, int repeats,
                                         const TimeKernel& time) {
    Given given(op);
    std::vector<KernelResult> results;
    for (size_t v = 0; v < variants.size(); ++v) {
        if (!variants[v].applies(op)) continue;
        KernelResult result;
        result.op = &op;
        result.variant = &variants[v];
        try {
            measure(variants[v], given, peaks[v], repeats, time, result);
        } catch (const Error& error) {
            result.failure = error.what();
            result.correctness.passed = false;
            result.seconds = 0;
        }
        results.push_back(result);
    }
    compare_with_yardstick(results);
    return results;
}

}  // namespace objloc::bench
