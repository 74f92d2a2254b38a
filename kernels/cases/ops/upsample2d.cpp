// upsample2d_forward and upsample2d_backward.
#include "objloc/kernels/reference/upsample2d.h"

#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"

namespace objloc {
namespace {

/// The larger side's shapes (N, P, Q, C).
const std::vector<Shape> kShapes = {
    {1, 1, 1, 1}, {1, 2, 2, 1}, {2, 7, 4, 3}, {1, 6, 9, 8}, {3, 5, 5, 17}, {2, 8, 10, 16}, {1, 32, 32, 64},
};

Shape small(const Shape& large) {
    return {large[0], (large[1] + 1) / 2, (large[2] + 1) / 2, large[3]};
}

OpCase forward(const Shape& large) {
    return {.op = "upsample2d_forward",
            .shape = sizes_text(large),
            .inputs = {{.name = "x", .shape = small(large)}},
            .outputs = {{.name = "y", .shape = large}},
            .run = [](Backend& b, const auto& in, const auto& out) { b.upsample2d_forward(in[0], out[0]); },
            .reference = [](const Arrays& in, Arrays& out) { reference::upsample2d_forward(in[0], out[0]); },
            .tolerance = rounded(0, "values are copied"),
            .gradient = {.backward =
                             [](Backend& backend, const auto& in, const Tensor& dy) {
                                 const Tensor dx = backend.allocate(in[0].shape());
                                 backend.upsample2d_backward(dy, dx);
                                 return std::vector<Tensor>{dx};
                             }},
            .unaligned = true,
            .tiny = true,
            .bf16 = true};
}

OpCase backward(const Shape& large) {
    return {.op = "upsample2d_backward",
            .shape = sizes_text(large),
            .inputs = {{.name = "dy", .shape = large}},
            .outputs = {{.name = "dx", .shape = small(large)}},
            .run = [](Backend& b, const auto& in, const auto& out) { b.upsample2d_backward(in[0], out[0]); },
            .reference = [](const Arrays& in, Arrays& out) { reference::upsample2d_backward(in[0], out[0]); },
            .tolerance = summed(4),
            .unaligned = true,
            .tiny = true,
            .bf16 = true};
}

std::vector<OpCase> tests(Random& random) {
    std::vector<Shape> shapes = kShapes;
    for (int i = 0; i < kRandomShapes; ++i) {
        shapes.push_back({draw(random, 1, 3), draw(random, 1, 12), draw(random, 1, 12), draw(random, 1, 20)});
    }
    std::vector<OpCase> cases;
    for (const Shape& shape : shapes) {
        cases.push_back(forward(shape));
        cases.push_back(backward(shape));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    return {forward(sizes.activations), backward(sizes.activations)};
}

}  // namespace

const OpCases op_cases::upsample2d = {tests, bench};

}  // namespace objloc
