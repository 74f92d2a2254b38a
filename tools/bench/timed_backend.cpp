#include "tools/bench/timed_backend.h"

#include <string_view>
#include <utility>

#include "objloc/kernels/cases/sizes_text.h"
#include "tools/bench/timing.h"

namespace objloc::bench {
namespace {

/// An argument that an op reads and writes (engine/backend_ops.inc): its bytes move twice.
struct Updated {
    const Tensor& tensor;
    operator const Tensor&() const {
        return tensor;
    }  // NOLINT(google-explicit-constructor): stands for the tensor
};

Updated updated(const Tensor& tensor) {
    return {tensor};
}

/// Gathers from an op's arguments what it works on.
class Description {
  public:
    Description(const char* op, const std::map<std::pair<const void*, size_t>, std::string>& layers)
        : layers_(layers) {
        op_.op = op;
    }

    void add(const Tensor& tensor) {
        if (!tensor) return;
        op_.bytes += static_cast<double>(tensor.bytes());
        if (!has_problem_ && tensor.count() > largest_) {
            largest_ = tensor.count();
            op_.shape = sizes_text(tensor.shape());
        }
        const auto named = layers_.find({tensor.raw(), tensor.bytes()});
        if (op_.layer.empty() && named != layers_.end()) op_.layer = named->second;
    }
    void add(const Updated& both) {
        add(both.tensor);
        add(both.tensor);
    }
    void add(const Conv2dGradient& gradient) {
        add(gradient.dy);
        add(gradient.codes);
    }
    void add(const Conv2dProblem& problem) { add_problem(problem, problem.flops()); }
    void add(const DenseProblem& problem) { add_problem(problem, flops(problem)); }
    void add(const MatmulProblem& problem) { add_problem(problem, flops(problem)); }
    template <typename Other>
    void add(const Other&) {}  // settings: they move nothing

    const TimedOp& result() const { return op_; }

  private:
    template <typename Problem>
    void add_problem(const Problem& problem, double flops) {
        has_problem_ = true;
        op_.shape = sizes_text(problem);
        const bool sums_only = std::string_view(op_.op).ends_with("_bias");
        op_.flops = sums_only ? 0 : flops;
    }

    const std::map<std::pair<const void*, size_t>, std::string>& layers_;
    TimedOp op_;
    bool has_problem_ = false;
    int64_t largest_ = 0;
};

}  // namespace

TimedBackend::TimedBackend(Backend& inner)
    : Backend(inner), inner_(inner), localizer_(localizer_kernels(inner)) {
}

std::vector<TimedOp> TimedBackend::take() {
    return std::exchange(ops_, {});
}

void TimedBackend::name_tensor(const Tensor& tensor, const std::string& layer) {
    layers_[{tensor.raw(), tensor.bytes()}] = layer;
}

template <typename Work, typename... Arguments>
void TimedBackend::timed(const char* op, const Work& work, const Arguments&... arguments) {
    if (!recording_) return work();
    inner_.synchronize();
    const Clock::time_point begin = Clock::now();
    work();
    inner_.synchronize();
    const double seconds = seconds_since(begin);
    Description description(op, layers_);
    (description.add(arguments), ...);
    ops_.push_back(description.result());
    ops_.back().seconds = seconds;
}

void TimedBackend::upload(const void* host, const Tensor& to) {
    timed(
        "upload", [&] { inner_.upload(host, to); }, to);
}

void TimedBackend::download(const Tensor& from, void* host) {
    timed(
        "download", [&] { inner_.download(from, host); }, from);
}

#define OBJLOC_UNPACK(...) __VA_ARGS__
#define OBJLOC_OP(name, parameters, arguments)                               \
    void TimedBackend::name parameters {                                     \
        timed(                                                               \
            #name, [&] { inner_.name arguments; }, OBJLOC_UNPACK arguments); \
    }
#include "objloc/engine/backend_ops.inc"

#define OBJLOC_OP(name, parameters, arguments)                                   \
    void TimedBackend::name parameters {                                         \
        timed(                                                                   \
            #name, [&] { localizer_.name arguments; }, OBJLOC_UNPACK arguments); \
    }
#include "objloc/kernels/localizer/localizer_ops.inc"
#undef OBJLOC_UNPACK

}  // namespace objloc::bench
