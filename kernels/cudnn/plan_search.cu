// Engine configurations from cuDNN's heuristics, and plans of them.
// Reference: NVIDIA cuDNN API, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR.
#include "objloc/kernels/cudnn/plan_search.cuh"

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include "objloc/engine/error.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

GraphDescriptor engine_of(const GraphDescriptor& config) {
    return config.get_part(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, "an engine");
}

/// What tells a graph's configurations apart: the engine's number, its knobs and what each is set to.
using Identity = std::vector<int64_t>;

Identity identity_of(const GraphDescriptor& config, const GraphDescriptor& engine) {
    Identity identity = {engine.get<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX)};
    for (const GraphDescriptor& knob :
         config.get_parts(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR,
                          "an engine's knob", CUDNN_KNOB_TYPE_COUNTS)) {
        identity.push_back(knob.get<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE));
        identity.push_back(knob.get<int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
    }
    return identity;
}

/// What cuDNN says of an engine's arithmetic.
class NumericalNotes {
  public:
    explicit NumericalNotes(const GraphDescriptor& engine)
        : notes_(engine.get_all<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                             CUDNN_NUMERICAL_NOTE_TYPE_COUNT)) {}

    bool has(cudnnBackendNumericalNote_t note) const {
        return std::find(notes_.begin(), notes_.end(), note) != notes_.end();
    }
    /// Whether factors are of that precision and sums of fp32. Tensor cores round f32 factors to tf32.
    bool computes_in(Precision precision) const {
        if (precision == Precision::fp32 && has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE)) return false;
        return !has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS) &&
               !has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION);
    }

  private:
    std::vector<cudnnBackendNumericalNote_t> notes_;
};

std::vector<GraphDescriptor> configs(const ConvolutionGraph& graph, cudnnBackendHeurMode_t mode) {
    GraphDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "the heuristics");
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.descriptor());
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
    if (!heuristics.try_finalize()) return {};
    return heuristics.get_parts(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                                "an engine's configuration");
}

}  // namespace

ExecutionPlan::ExecutionPlan(cudnnHandle_t cudnn, std::shared_ptr<const ConvolutionGraph> graph,
                             GraphDescriptor config)
    : graph_(std::move(graph)),
      config_(std::move(config)),
      plan_(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "a plan") {
    plan_.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, cudnn);
    plan_.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config_);
    ready_ = plan_.try_finalize();
    if (ready_) workspace_ = plan_.get<int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    ready_ = ready_ && workspace_ <= kMostWorkspace;
}

void ExecutionPlan::run(cudnnHandle_t cudnn, const ConvolutionPointers& tensors, void* workspace) const {
    std::vector<int64_t> numbers = {kX, kW, kY};
    std::vector<void*> pointers = {tensors.x, tensors.w, tensors.y};
    if (graph_->fused_bias()) {
        numbers.push_back(kBias);
        pointers.push_back(tensors.bias);
    }
    GraphDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "a plan's tensors");  // half a microsecond
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, numbers);
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, pointers);
    pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace);
    pack.finalize();
    check_cudnn(cudnnBackendExecute(cudnn, plan_.get(), pack.get()), "running", "a plan");
}

std::vector<ExecutionPlan> find_plans(cudnnHandle_t cudnn,
                                      const std::shared_ptr<const ConvolutionGraph>& graph,
                                      Precision precision, bool deterministic) {
    std::vector<ExecutionPlan> plans;
    if (!graph->supported()) return plans;
    std::set<Identity> seen;
    std::exception_ptr refusal;
    const auto attempt = [&refusal](const auto& work) {  // one refusal is not the end of the search
        try {
            work();
        } catch (const Error&) {
            refusal = std::current_exception();
        }
    };
    const auto add = [&](GraphDescriptor config) {
        const GraphDescriptor engine = engine_of(config);
        if (!seen.insert(identity_of(config, engine)).second) return;
        const NumericalNotes notes(engine);
        const bool repeats = !notes.has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
        if (repeats != deterministic || !notes.computes_in(precision)) return;
        ExecutionPlan plan(cudnn, graph, std::move(config));
        if (plan.ready()) plans.push_back(std::move(plan));
    };
    for (const cudnnBackendHeurMode_t mode :
         {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK}) {
        if (mode == CUDNN_HEUR_MODE_FALLBACK && !plans.empty()) break;
        attempt([&] {
            for (GraphDescriptor& config : configs(*graph, mode)) attempt([&] { add(std::move(config)); });
        });
    }
    if (plans.empty() && refusal) std::rethrow_exception(refusal);
    return plans;
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
