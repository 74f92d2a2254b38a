#include "objloc/kernels/cpu/conv2d/onednn/conv2d_onednn.h"

#include <string>

#include "objloc/engine/error.h"
#include "objloc/kernels/cpu/conv2d/pool_codes.h"
#include "objloc/kernels/cpu/ops/column_sums.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

namespace objloc::cpu {
namespace {

// Models have tens of problems; only a program that keeps changing its batch size comes near.
constexpr size_t kMostPlans = 256;

// Parts of a batch whose weight gradients are summed apart: as many threads as that work, and as many copies
// of the weights.
constexpr int64_t kMostParts = 16;

std::string text(const Conv2dProblem& p) {
    return Shape({p.N, p.H, p.W, p.C}).text() + " by kernel " + Shape({p.R, p.S, p.C, p.K}).text();
}

// Runs `call`; what oneDNN throws becomes an Error about this problem.
template <typename Call>
auto checked(const Conv2dProblem& problem, const Call& call) {
    try {
        return call();
    } catch (const dnnl::error& error) {
        throw Error("conv2d " + text(problem), std::string("oneDNN failed: ") + error.what(),
                    error.status == dnnl_out_of_memory ? "Use a smaller --batch." : "");
    }
}

using Type = dnnl::memory::data_type;

dnnl::memory::desc layout(std::initializer_list<int64_t> extents, dnnl::memory::format_tag tag,
                          Type type = Type::f32) {
    return {dnnl::memory::dims(extents), type, tag};
}

// oneDNN names extents in the order (N, C, H, W) and (K, C, R, S), whatever the layout.
dnnl::memory::desc image_layout(const Shape& shape, Type type) {
    return layout({shape[0], shape[3], shape[1], shape[2]}, dnnl::memory::format_tag::nhwc, type);
}
dnnl::memory::desc weight_layout(const Conv2dProblem& p, dnnl::memory::format_tag tag,
                                 Type type = Type::f32) {
    return layout({p.K, p.C, p.R, p.S}, tag, type);
}

Shape shape_of_x(const Conv2dProblem& p) {
    return {p.N, p.H, p.W, p.C};
}
Shape shape_of_y(const Conv2dProblem& p) {
    return {p.N, p.P(), p.Q(), p.K};
}

dnnl::primitive_attr attributes(bool relu) {
    dnnl::primitive_attr attributes;
    // The scratchpad comes from our allocator, which counts it and lends it to other ops in between.
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (relu) {
        dnnl::post_ops operations;
        append_relu(operations);
        attributes.set_post_ops(operations);
    }
    return attributes;
}

/// Whether a convolution may split a sum among threads. oneDNN's matrix products do so, in the convolutions that are
/// built on them ("x64:gemm:jit"); its direct kernels give each sum to one thread.
bool splits_sums(const dnnl::primitive_desc_base& convolution) {
    return std::string(convolution.impl_info_str()).find("gemm") != std::string::npos;
}

}  // namespace

OnednnConvolution::OnednnConvolution(int threads, Precision operands,
                                     std::shared_ptr<CachingAllocator> allocator)
    : threads_(threads),
      operands_(operands == Precision::bf16 ? Type::bf16 : Type::f32),
      allocator_(allocator),
      weights_(std::move(allocator)) {
}

void OnednnConvolution::forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                const Tensor& bias, const Tensor& y, const Tensor& codes) {
    checked(problem, [&] {
        const Parts parts = this->parts(problem, bias ? kForwardBias : kForward);
        const TeamSize team(parts.threads);
        const Conv2dProblem& part = parts.problem;
        const Plan& plan = parts.plan;
        const Tensor unpooled = problem.pool ? temporary(shape_of_y(problem), DType::f32) : y;
        const dnnl::memory packed = weights(part, plan, w);
        parts.run(threads_, [&](int64_t i) {
            Tensor rounded;
            float* image = x.data<float>() + i * shape_of_x(part).count();
            std::vector<std::pair<int, dnnl::memory>> arguments = {
                {DNNL_ARG_SRC, operand(shape_of_x(part), image, rounded)},
                {DNNL_ARG_WEIGHTS, packed},
                {DNNL_ARG_DST, memory(plan.y, unpooled.data<float>() + i * shape_of_y(part).count())}};
            if (bias) {
                arguments.emplace_back(DNNL_ARG_BIAS,
                                       memory(layout({problem.K}, dnnl::memory::format_tag::a), bias.raw()));
            }
            execute(plan, std::move(arguments));
        });
        if (problem.pool) {
            pool_with_codes(threads_, problem, unpooled.data<float>(), y.data<float>(),
                            codes.data<uint8_t>());
        }
    });
}

void OnednnConvolution::backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                      const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    checked(problem, [&] {
        const Parts parts = this->parts(problem, kData);
        const TeamSize team(parts.threads);
        const Conv2dProblem& part = parts.problem;
        const Plan& plan = parts.plan;
        const Tensor dy = unpooled(problem, gradient);
        const dnnl::memory packed = weights(part, plan, w);
        parts.run(threads_, [&](int64_t i) {
            Tensor rounded;
            float* image = dy.data<float>() + i * shape_of_y(part).count();
            execute(plan,
                    {{DNNL_ARG_DIFF_DST, operand(shape_of_y(part), image, rounded)},
                     {DNNL_ARG_WEIGHTS, packed},
                     {DNNL_ARG_DIFF_SRC, memory(plan.x, dx.data<float>() + i * shape_of_x(part).count())}});
        });
        if (relu_source) relu_mask(threads_, dx.count(), relu_source.data<float>(), dx.data<float>());
    });
}

OnednnConvolution::Parts OnednnConvolution::parts(const Conv2dProblem& problem, Pass pass) {
    const Plan& whole = plan(problem, pass);
    if (!whole.splits_sums) return {problem, whole, 1, threads_};
    Conv2dProblem image = problem;
    image.N = 1;
    return {image, plan(image, pass), problem.N, 1};
}

template <typename Run>
void OnednnConvolution::Parts::run(int workers, const Run& run) const {
    if (count == 1) return run(0);
    parallel_for(workers, count, 1, [&](int64_t i, int64_t) { run(i); });
}

// oneDNN splits these sums among its threads, so their last bits would depend on how many there are. It
// therefore runs on one thread for each part of the images, which are cut by the problem alone, and we add
// the parts in order.
void OnednnConvolution::backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                         const Conv2dGradient& gradient, const Tensor& dw) {
    const TeamSize alone(1);
    checked(problem, [&] {
        const Tensor dy = unpooled(problem, gradient);
        Conv2dProblem part = problem, last = problem;
        part.N = (problem.N + kMostParts - 1) / kMostParts;
        const int64_t parts = (problem.N + part.N - 1) / part.N;
        last.N = problem.N - (parts - 1) * part.N;
        const Plan part_plan = plan(part, kWeights), last_plan = plan(last, kWeights);
        const Tensor sums = parts == 1 ? dw : temporary({parts, dw.count()}, DType::f32);
        parallel_for(threads_, parts, 1, [&](int64_t i, int64_t) {
            const int64_t first = i * part.N;
            const bool is_last = i == parts - 1;
            weights_of_part(is_last ? last : part, is_last ? last_plan : part_plan,
                            x.data<float>() + first * problem.H * problem.W * problem.C,
                            dy.data<float>() + first * problem.P() * problem.Q() * problem.K,
                            sums.data<float>() + i * dw.count());
        });
        if (parts > 1) {
            column_sums(threads_, parts, dw.count(), sums.data<float>(), nullptr, dw.data<float>());
        }
    });
}

void OnednnConvolution::weights_of_part(const Conv2dProblem& part, const Plan& plan, float* x, float* dy,
                                        float* dw) const {
    const Tensor packed = temporary({static_cast<int64_t>(plan.w.get_size())}, DType::u8);
    const dnnl::memory weights = memory(plan.w, packed.raw());
    Tensor rounded_x, rounded_dy;
    execute(plan, {{DNNL_ARG_SRC, operand(shape_of_x(part), x, rounded_x)},
                   {DNNL_ARG_DIFF_DST, operand(shape_of_y(part), dy, rounded_dy)},
                   {DNNL_ARG_DIFF_WEIGHTS, weights}});
    reorder(weights, memory(weight_layout(part, dnnl::memory::format_tag::hwio), dw));
}

const OnednnConvolution::Plan& OnednnConvolution::plan(const Conv2dProblem& p, Pass pass) {
    const bool relu = p.relu && (pass == kForward || pass == kForwardBias);
    const std::array<int64_t, 15> key = {p.N,        p.H,          p.W,         p.C,        p.K,
                                         p.R,        p.S,          p.stride_h,  p.stride_w, p.pad_top,
                                         p.pad_left, p.pad_bottom, p.pad_right, relu,       pass};
    const auto found = plans_.find(key);
    if (found != plans_.end()) return found->second;
    if (plans_.size() == kMostPlans) plans_.clear();
    return plans_.emplace(key, make_plan(p, pass)).first->second;
}

OnednnConvolution::Plan OnednnConvolution::make_plan(const Conv2dProblem& p, Pass pass) const {
    using Tag = dnnl::memory::format_tag;
    const auto x = image_layout(shape_of_x(p), operands_), y = image_layout(shape_of_y(p), operands_);
    const auto w = weight_layout(p, Tag::any, operands_);
    const auto sums_x = image_layout(shape_of_x(p), Type::f32),
               sums_y = image_layout(shape_of_y(p), Type::f32);
    const auto sums_w = weight_layout(p, Tag::any);
    const auto bias = pass == kForwardBias ? layout({p.K}, Tag::a) : dnnl::memory::desc();
    const dnnl::memory::dims strides = {p.stride_h, p.stride_w}, before = {p.pad_top, p.pad_left},
                             after = {p.pad_bottom, p.pad_right};
    const auto method = dnnl::algorithm::convolution_direct;
    const bool is_forward = pass == kForward || pass == kForwardBias;

    const auto forward = PrimitiveDesc<dnnl::convolution_forward>::make(
        engine_, attributes(is_forward && p.relu), dnnl::prop_kind::forward_training, method, x, w, bias,
        sums_y, strides, before, after);
    const uint64_t form = WeightCache::unique_form();
    if (is_forward) {
        return {dnnl::convolution_forward(forward),
                forward.src_desc(),
                forward.weights_desc(),
                forward.dst_desc(),
                forward.scratchpad_desc(),
                form,
                splits_sums(forward)};
    }
    if (pass == kData) {
        using Operation = dnnl::convolution_backward_data;
        const auto data = PrimitiveDesc<Operation, dnnl::convolution_forward::primitive_desc>::make(
            engine_, attributes(false), forward, method, sums_x, w, y, strides, before, after);
        return {Operation(data),      data.diff_src_desc(),   data.weights_desc(),
                data.diff_dst_desc(), data.scratchpad_desc(), form,
                splits_sums(data)};
    }
    using Operation = dnnl::convolution_backward_weights;
    const auto weights = PrimitiveDesc<Operation, dnnl::convolution_forward::primitive_desc>::make(
        engine_, attributes(false), forward, method, x, sums_w, y, strides, before, after);
    return {Operation(weights),
            weights.src_desc(),
            weights.diff_weights_desc(),
            weights.diff_dst_desc(),
            weights.scratchpad_desc(),
            form,
            true};
}

dnnl::memory OnednnConvolution::weights(const Conv2dProblem& problem, const Plan& plan, const Tensor& w) {
    void* packed = weights_.get(w, plan.form, plan.w.get_size(), [&](void* to) {
        reorder(memory(weight_layout(problem, dnnl::memory::format_tag::hwio), w.raw()), memory(plan.w, to));
    });
    return memory(plan.w, packed);
}

void OnednnConvolution::reorder(dnnl::memory from, dnnl::memory to) const {
    dnnl::stream stream(engine_);
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
}

void OnednnConvolution::execute(const Plan& plan, std::vector<std::pair<int, dnnl::memory>> arguments) const {
    const Tensor scratchpad = temporary({static_cast<int64_t>(plan.scratchpad.get_size())}, DType::u8);
    arguments.emplace_back(DNNL_ARG_SCRATCHPAD, memory(plan.scratchpad, scratchpad.raw()));
    dnnl::stream stream(engine_);
    plan.primitive.execute(stream, {arguments.begin(), arguments.end()});
    stream.wait();
}

dnnl::memory OnednnConvolution::operand(const Shape& shape, float* images, Tensor& rounded) const {
    const dnnl::memory given = memory(image_layout(shape, Type::f32), images);
    if (operands_ == Type::f32) return given;
    rounded = temporary(shape, DType::bf16);
    const dnnl::memory result = memory(image_layout(shape, operands_), rounded.raw());
    reorder(given, result);
    return result;
}

Tensor OnednnConvolution::temporary(const Shape& shape, DType type) const {
    const size_t bytes = static_cast<size_t>(shape.count()) * size_of(type);
    return {shape, type, std::make_shared<Storage>(allocator_, bytes)};
}

Tensor OnednnConvolution::unpooled(const Conv2dProblem& problem, const Conv2dGradient& gradient) const {
    if (!problem.pool) return gradient.dy;
    Tensor dy = temporary(shape_of_y(problem), DType::f32);
    unpool(threads_, problem, gradient.dy.data<float>(), gradient.codes.data<uint8_t>(), dy.data<float>());
    return dy;
}

const Conv2dKernel conv2d_kernels::onednn = {
    {.name = "onednn",
     .family = "direct",
     .needs = {},
     .applies = [](ConvPass, const Conv2dProblem&, Precision) { return true; },
     .preference = [](ConvPass, const Conv2dProblem&) { return 0; }},
    [](int threads, Precision arithmetic,
       const std::shared_ptr<CachingAllocator>& allocator) -> std::unique_ptr<Conv2dPasses> {
        return std::make_unique<OnednnConvolution>(threads, arithmetic, allocator);
    },
};

}  // namespace objloc::cpu
