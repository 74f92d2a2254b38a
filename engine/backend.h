// The seam between the engine and a device: memory, and one function per primitive op, forward and its backwards.
//
// Above the seam (engine/ops, models, tools) everything is written once and shapes are checked; below it (kernels/*)
// nothing knows autograd, and shapes may be trusted. All tensors live in this backend's memory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "objloc/engine/allocator.h"
#include "objloc/engine/problem.h"
#include "objloc/engine/tensor.h"

namespace objloc {

/// The gradient of a convolution's output before its activation. When the problem pools, `dy` is the gradient
/// of the pooled output (N, P/2, Q/2, K) and `codes` (u8, same shape) says which of the four each one goes
/// to; else `dy` is (N, P, Q, K), already zero where ReLU clipped, and `codes` is empty.
struct Conv2dGradient {
    Tensor dy, codes;
    /// Where a backend that wants a pooled gradient spread over all pixels, (N, P, Q, K), may keep it for the
    /// next pass with the same gradient. Null: there is none.
    std::shared_ptr<Tensor> unpooled = nullptr;
};

/// Adam over all parameters at once, Keras's form: moments m and v, then
/// value -= rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon).
/// Source: Kingma, Ba, "Adam", ICLR 2015, section 2's efficient form; keras.optimizers.Adam.
struct AdamSettings {
    float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-7f;
};

/// SGD with momentum, Keras's form: velocity = momentum * velocity - rate * g; value += velocity, or with
/// Nesterov value += momentum * velocity - rate * g.
struct SgdSettings {
    float momentum = 0.9f;
    bool nesterov = false;
};

/// What changes from step to step, kept on the device so that a captured step can be replayed. f32 (kCount).
struct StepControl {
    enum : int { kRate, kCorrectedRate, kClipNorm, kCount };  // kClipNorm <= 0: no clipping
};

class Backend {
  public:
    virtual ~Backend() = default;

    /// "cpu", "cuda", "cudnn", "cuda-host".
    virtual std::string name() const = 0;
    /// One line for people: processor or GPU, memory, driver, threads.
    virtual std::string description() const = 0;
    /// What activations and their gradients should be stored in: f32, or bf16 when this backend was asked to
    /// compute in that (engine/precision.h) and can.
    virtual DType activation_type() const { return DType::f32; }

    // ---- Memory -----------------------------------------------------------------------------------------
    /// Elements are not initialised. Throws Error when memory runs out: what was asked, what is free.
    Tensor allocate(const Shape& shape, DType type = DType::f32);
    CachingAllocator& allocator() const { return *allocator_; }
    /// Copies `bytes()` of the tensor from or to host memory. `download` waits for all queued work.
    virtual void upload(const void* host, const Tensor& to) = 0;
    virtual void download(const Tensor& from, void* host) = 0;
    virtual void synchronize() = 0;

    /// Makes `step`, whose shapes and addresses are the same each time, cheap to repeat: CUDA captures it
    /// once into a graph. The base class returns it as it is.
    virtual std::function<void()> capture(std::function<void()> step);

    // ---- Ops: engine/backend_ops.inc lists them and says what each computes ------------------------------
#define OBJLOC_OP(name, parameters, arguments) virtual void name parameters = 0;
#include "objloc/engine/backend_ops.inc"

  protected:
    explicit Backend(std::shared_ptr<CachingAllocator> allocator) : allocator_(std::move(allocator)) {
    }

  private:
    std::shared_ptr<CachingAllocator> allocator_;
};

}  // namespace objloc
