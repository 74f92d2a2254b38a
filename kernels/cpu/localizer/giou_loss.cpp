// loss = mean over boxes of 1 - GIoU(predicted, true); boxes (N, 3 or 4). The formula and its gradient are in
// kernels/localizer/giou.h. One pass over a few hundred numbers: not worth a second thread.
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/localizer/giou.h"

namespace objloc {

void CpuBackend::giou_loss_forward(const Tensor& predicted, const Tensor& truth, const Tensor& loss) {
    const int64_t N = predicted.shape()[0], outputs = predicted.shape()[1];
    double sum = 0;
    for (int64_t n = 0; n < N; ++n) {
        const GiouBox p = giou_box(predicted.data<float>(), n, outputs);
        sum += double{giou_loss_of(p, giou_box(truth.data<float>(), n, outputs))};
    }
    *loss.data<float>() = static_cast<float>(sum / static_cast<double>(N));
}

void CpuBackend::giou_loss_backward(const Tensor& predicted, const Tensor& truth, const Tensor& dloss,
                                    const Tensor& dpredicted) {
    const int64_t N = predicted.shape()[0], outputs = predicted.shape()[1];
    const float scale = *dloss.data<float>() / static_cast<float>(N);
    for (int64_t n = 0; n < N; ++n) {
        const GiouBox p = giou_box(predicted.data<float>(), n, outputs);
        const GiouBox d = giou_loss_gradient(p, giou_box(truth.data<float>(), n, outputs));
        float* to = dpredicted.data<float>() + n * outputs;
        to[0] = scale * d.x;
        to[1] = scale * d.y;
        to[2] = scale * (outputs == 3 ? d.w + d.h : d.w);
        if (outputs == 4) to[3] = scale * d.h;
    }
}

}  // namespace objloc
