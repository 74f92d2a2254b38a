// A step of work captured into a CUDA graph: some 45 launches become one, which spares the host 4 us each.
// Reference: CUDA C++ Programming Guide, "CUDA Graphs", capture of a stream.
#include <utility>

#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// The first call runs the step as it is: libraries set themselves up, and memory is cached. The second
/// captures it. What the step computes on the host is what the first replays see for ever: addresses, shapes,
/// segments; what changes lies in device memory.
class CudaBackend::CapturedStep {
  public:
    CapturedStep(CudaBackend& backend, std::function<void()> step)
        : backend_(backend), step_(std::move(step)) {}

    void run() {
        if (!warm_) {
            step_();
            warm_ = true;
            return;
        }
        if (!graph_) record();
        check_cuda(cudaGraphLaunch(graph_.get(), backend_.stream()), "launching a captured step");
    }

  private:
    void record() {
        // Temporaries that the step frees may serve it again, but nobody else: each replay writes them anew.
        blocks_ = std::make_unique<BlockRecording>(backend_.memory_);
        const Graph graph = capture_stream();
        blocks_->stop();
        cudaGraphExec_t executable = nullptr;
        check_cuda(cudaGraphInstantiate(&executable, graph.get(), 0), "making a captured step ready");
        graph_.reset(executable);
    }

    /// Ends the capture whatever happens, else the stream could not be used again.
    Graph capture_stream() {
        const cudaStream_t stream = backend_.stream();
        // Thread-local: what other threads do with CUDA meanwhile is not our business.
        check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "starting a capture");
        backend_.capturing_ = true;
        cudaGraph_t captured = nullptr;
        try {
            step_();
        } catch (...) {
            backend_.capturing_ = false;
            (void)cudaStreamEndCapture(stream, &captured);
            (void)cudaGetLastError();
            const Graph discarded(captured);
            throw;
        }
        backend_.capturing_ = false;
        check_cuda(cudaStreamEndCapture(stream, &captured), "capturing a step");
        return Graph(captured);
    }

    CudaBackend& backend_;
    std::function<void()> step_;  // kept, since it holds the tensors that the graph reads and writes
    bool warm_ = false;
    std::unique_ptr<BlockRecording> blocks_;  // destroyed after the graph that uses them
    GraphExec graph_;
};

std::function<void()> CudaBackend::capture(std::function<void()> step) {
    const auto captured = std::make_shared<CapturedStep>(*this, std::move(step));
    return [captured] { captured->run(); };
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
