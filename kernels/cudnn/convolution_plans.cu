// Descriptors of a convolution, and the choice of an algorithm.
// Reference: NVIDIA cuDNN API, cudnnFindConvolution*AlgorithmEx.
#include "kernels/cudnn/convolution_plans.cuh"

#include <cstdio>

#include "kernels/cuda/vector.cuh"

namespace objloc::cuda {
namespace {

constexpr size_t kMostWorkspace = size_t{512} << 20;

template <typename Owner, typename Handle>
Owner made(cudnnStatus_t (*create)(Handle*)) {
    Handle handle = nullptr;
    check_cudnn(create(&handle), "making a descriptor");
    return Owner(handle);
}

TensorDescriptor images(int64_t N, int64_t rows, int64_t columns, int64_t channels) {
    auto descriptor = made<TensorDescriptor>(cudnnCreateTensorDescriptor);
    check_cudnn(cudnnSetTensor4dDescriptor(descriptor.get(), CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT,
                                           to_int32(N, "images"), to_int32(channels, "channels"),
                                           to_int32(rows, "rows"), to_int32(columns, "columns")),
                "describing images");
    return descriptor;
}

/// In the layout that belongs to NHWC images: (K, R, S, C).
FilterDescriptor filters(const Conv2dProblem& problem) {
    auto descriptor = made<FilterDescriptor>(cudnnCreateFilterDescriptor);
    check_cudnn(cudnnSetFilter4dDescriptor(descriptor.get(), CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC,
                                           to_int32(problem.K, "filters"), to_int32(problem.C, "channels"),
                                           to_int32(problem.R, "rows"), to_int32(problem.S, "columns")),
                "describing filters");
    return descriptor;
}

/// Cross-correlation in f32 throughout: FMA_MATH forbids TF32.
ConvolutionDescriptor convolution(const Conv2dProblem& problem) {
    auto descriptor = made<ConvolutionDescriptor>(cudnnCreateConvolutionDescriptor);
    check_cudnn(cudnnSetConvolution2dDescriptor(
                    descriptor.get(), to_int32(problem.pad_top, "rows"),
                    to_int32(problem.pad_left, "columns"), to_int32(problem.stride_h, "rows"),
                    to_int32(problem.stride_w, "columns"), 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
                "describing a convolution");
    check_cudnn(cudnnSetConvolutionMathType(descriptor.get(), CUDNN_FMA_MATH), "setting the math type");
    return descriptor;
}

/// Takes the first of `count` results, which come fastest first, that is allowed. cuDNN also times its
/// default math, which may round to TF32.
template <typename Result>
void take_fastest(const Result* results, int count, ConvolutionPlan& plan) {
    for (int i = 0; i < count; ++i) {
        const Result& result = results[i];
        if (result.status != CUDNN_STATUS_SUCCESS || result.determinism != CUDNN_DETERMINISTIC ||
            result.mathType != CUDNN_FMA_MATH || result.memory > kMostWorkspace) {
            continue;
        }
        plan.algorithm = static_cast<int>(result.algo);
        plan.workspace = result.memory;
        return;
    }
    plan.refused = "cuDNN has no deterministic f32 algorithm for it";
}

const char* name_of(Pass pass) {
    return pass == Pass::forward         ? "conv2d_forward"
           : pass == Pass::backward_data ? "conv2d_backward_data"
                                         : "conv2d_backward_weights";
}

}  // namespace

const ConvolutionPlan& ConvolutionPlans::find(Pass pass, const Conv2dProblem& p, const float* a,
                                              const float* b, float* output) {
    const Key key = {static_cast<int64_t>(pass),
                     p.N,
                     p.H,
                     p.W,
                     p.C,
                     p.K,
                     p.R,
                     p.S,
                     p.stride_h,
                     p.stride_w,
                     p.pad_top,
                     p.pad_bottom,
                     p.pad_left,
                     p.pad_right};
    const auto known = plans_.find(key);
    if (known != plans_.end()) return known->second;
    ConvolutionPlan plan;
    if (p.pad_top != p.pad_bottom || p.pad_left != p.pad_right) {
        plan.refused = "cuDNN pads both sides alike";
    } else {
        plan.x = images(p.N, p.H, p.W, p.C);
        plan.y = images(p.N, p.P(), p.Q(), p.K);
        plan.w = filters(p);
        plan.convolution = convolution(p);
        choose(pass, plan, a, b, output);
    }
    if (!plan.refused.empty()) {
        const std::string x = Shape{p.N, p.H, p.W, p.C}.text(), w = Shape{p.R, p.S, p.C, p.K}.text();
        std::fprintf(stderr, "cudnn: %s of %s by %s runs on our own kernel: %s\n", name_of(pass), x.c_str(),
                     w.c_str(), plan.refused.c_str());
    }
    return plans_.emplace(key, std::move(plan)).first->second;
}

void ConvolutionPlans::choose(Pass pass, ConvolutionPlan& plan, const float* a, const float* b,
                              float* output) {
    const Tensor workspace = backend_.allocate({static_cast<int64_t>(kMostWorkspace)}, DType::u8);
    void* const scratch = workspace.raw();
    constexpr int kMost = 32;  // algorithms times kinds of arithmetic
    int count = 0;
    cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
    if (pass == Pass::forward) {
        cudnnConvolutionFwdAlgoPerf_t results[kMost];
        status = cudnnFindConvolutionForwardAlgorithmEx(cudnn_, plan.x.get(), a, plan.w.get(), b,
                                                        plan.convolution.get(), plan.y.get(), output, kMost,
                                                        &count, results, scratch, kMostWorkspace);
        take_fastest(results, count, plan);
    } else if (pass == Pass::backward_data) {
        cudnnConvolutionBwdDataAlgoPerf_t results[kMost];
        status = cudnnFindConvolutionBackwardDataAlgorithmEx(cudnn_, plan.w.get(), a, plan.y.get(), b,
                                                             plan.convolution.get(), plan.x.get(), output,
                                                             kMost, &count, results, scratch, kMostWorkspace);
        take_fastest(results, count, plan);
    } else {
        cudnnConvolutionBwdFilterAlgoPerf_t results[kMost];
        status = cudnnFindConvolutionBackwardFilterAlgorithmEx(
            cudnn_, plan.x.get(), a, plan.y.get(), b, plan.convolution.get(), plan.w.get(), output, kMost,
            &count, results, scratch, kMostWorkspace);
        take_fastest(results, count, plan);
    }
    if (status == CUDNN_STATUS_NOT_SUPPORTED) {
        plan.refused = cudnnGetErrorString(status);
    } else {
        check_cudnn(status, "timing algorithms");
    }
}

}  // namespace objloc::cuda
