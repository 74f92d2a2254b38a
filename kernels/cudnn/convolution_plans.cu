// The search for the fastest plan of a convolution's pass.
#include "objloc/kernels/cudnn/convolution_plans.cuh"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <tuple>
#include <utility>

#include "objloc/engine/error.h"
#include "objloc/kernels/cudnn/whole_numbers.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

constexpr int kTimings = 5;     // of which the median counts
constexpr float kHopeless = 2;  // times the best so far: no second timing

const char* name_of(ConvPass pass) {
    return pass == ConvPass::forward         ? "conv2d_forward"
           : pass == ConvPass::backward_data ? "conv2d_backward_data"
                                             : "conv2d_backward_weights";
}

/// One line for the user, about a problem.
void say(const ConvolutionKey& key, const std::string& what) {
    const Conv2dProblem& p = key.problem;
    const std::string x = Shape{p.N, p.H, p.W, p.C}.text(), w = Shape{p.R, p.S, p.C, p.K}.text();
    std::fprintf(stderr, "cudnn: %s of %s by %s in %s %s\n", name_of(key.pass), x.c_str(), w.c_str(),
                 objloc::name_of(key.precision), what.c_str());
}

bool may_round_weight_gradient(const ConvolutionKey& key) {
    return key.pass == ConvPass::backward_weights && key.type == DType::bf16;
}

/// The routes of a pass, those first that cuDNN's documentation promises.
std::vector<ConvolutionRoute> routes(const ConvolutionKey& key) {
    const bool fusible =
        key.pass == ConvPass::forward && !key.problem.pool && (key.biased || key.problem.relu);
    std::vector<ConvolutionRoute> list;
    for (const bool in_place : {false, true}) {
        for (const bool fused : {false, true}) {
            if (!fused || fusible) list.push_back({in_place, fused, DType::f32});
        }
        if (may_round_weight_gradient(key)) list.push_back({in_place, false, DType::bf16});
    }
    return list;
}

ConvolutionGraphSpec spec_of(const ConvolutionKey& key, const ConvolutionRoute& route) {
    return {key.pass,
            key.problem,
            key.type,
            route.weight_gradient,
            route.filters_in_place,
            route.fused && key.biased,
            route.fused && key.problem.relu,
            key.alignment};
}

Event make_event() {
    cudaEvent_t event = nullptr;
    check_cuda(cudaEventCreate(&event), "making an event");
    return Event(event);
}

/// Milliseconds of one run, the median of a few, after one that is not timed.
class Stopwatch {
  public:
    explicit Stopwatch(cudaStream_t stream) : stream_(stream), begin_(make_event()), end_(make_event()) {}

    float time(const std::function<void()>& run, float best) {
        run();
        std::array<float, kTimings> times;
        for (float& time : times) {
            time = once(run);
            if (time > kHopeless * best) return time;
        }
        std::sort(times.begin(), times.end());
        return times[kTimings / 2];
    }

  private:
    float once(const std::function<void()>& run) {
        check_cuda(cudaEventRecord(begin_.get(), stream_), "recording an event");
        run();
        check_cuda(cudaEventRecord(end_.get(), stream_), "recording an event");
        check_cuda(cudaEventSynchronize(end_.get()), "timing a plan");
        float milliseconds = 0;
        check_cuda(cudaEventElapsedTime(&milliseconds, begin_.get(), end_.get()), "timing a plan");
        return milliseconds;
    }

    cudaStream_t stream_;
    Event begin_, end_;
};

/// Whether plans give what the first one did, which took a route that cuDNN promises.
class Agreement {
  public:
    Agreement(CudaBackend& backend, const ConvolutionTrial& trial)
        : backend_(backend), trial_(trial), expected_(backend.allocate(trial.output.shape(), type())) {}

    bool confirmed(const ConvolutionPlan& plan) {
        if (!known_ && plan.route.filters_in_place) return false;
        const Tensor& output = trial_.output;
        check_cuda(cudaMemsetAsync(output.raw(), 0xff, output.bytes(), backend_.stream()), "writing NaNs");
        trial_.run(plan);
        if (!known_) backend_.copy(output, expected_);
        const bool agrees = whole_numbers_agree(backend_, output, expected_);  // NaN agrees with nothing
        known_ = known_ || agrees;
        return agrees;
    }

  private:
    DType type() const { return trial_.output.type(); }

    CudaBackend& backend_;
    const ConvolutionTrial& trial_;
    Tensor expected_;
    bool known_ = false;
};

}  // namespace

bool ConvolutionKey::operator<(const ConvolutionKey& other) const {
    const auto fields = [](const ConvolutionKey& key) {
        const Conv2dProblem& p = key.problem;
        return std::tuple(key.pass, key.type, key.precision, key.biased, key.alignment, p.N, p.H, p.W, p.C,
                          p.K, p.R, p.S, p.stride_h, p.stride_w, p.pad_top, p.pad_left, p.pad_bottom,
                          p.pad_right, p.relu, p.pool);
    };
    return fields(*this) < fields(other);
}

const ConvolutionPlan& ConvolutionPlans::find(const ConvolutionKey& key,
                                              const std::function<ConvolutionTrial()>& make_trial) {
    const auto known = plans_.find(key);
    if (known != plans_.end()) return known->second;
    backend_.synchronize();  // which a step that is being captured refuses
    return plans_.emplace(key, search(key, make_trial())).first->second;
}

ConvolutionPlan ConvolutionPlans::search(const ConvolutionKey& key, const ConvolutionTrial& trial) {
    ConvolutionPlan found = fastest(key, trial, true);
    if (!found.plan) {
        found = fastest(key, trial, false);
        say(key, found.plan ? "has no plan that repeats itself to the bit" : "has no plan: " + found.refused);
    }
    if (found.plan && may_round_weight_gradient(key)) {
        const bool rounds = found.route.weight_gradient == DType::bf16;
        say(key,
            rounds ? "is fastest with its gradient rounded to bf16" : "is fastest with its gradient in f32");
    }
    return found;
}

ConvolutionPlan ConvolutionPlans::fastest(const ConvolutionKey& key, const ConvolutionTrial& trial,
                                          bool deterministic) {
    Agreement agreement(backend_, trial);
    Stopwatch stopwatch(backend_.stream());
    ConvolutionPlan best;
    float best_time = std::numeric_limits<float>::infinity();
    std::string refusal = "cuDNN offers none that is right, in that precision, within 512 MiB of workspace";
    const auto attempt = [&refusal](const auto& work) {  // what cannot run here is not the fastest
        try {
            work();
        } catch (const Error& error) {
            refusal = error.what();
        }
    };
    const auto consider = [&](ConvolutionPlan candidate) {
        if (!agreement.confirmed(candidate)) return;
        const float time = stopwatch.time([&] { trial.run(candidate); }, best_time);
        if (time >= best_time) return;
        best_time = time;
        best = std::move(candidate);
    };
    for (const ConvolutionRoute& route : routes(key)) {
        attempt([&] {
            const auto graph = std::make_shared<const ConvolutionGraph>(cudnn_, spec_of(key, route));
            for (ExecutionPlan& plan : find_plans(cudnn_, graph, key.precision, deterministic)) {
                attempt([&] { consider({route, std::move(plan), ""}); });
            }
        });
    }
    if (!best.plan) best.refused = refusal;
    return best;
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
