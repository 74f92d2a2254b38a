// upsample2d_forward and upsample2d_backward against kernels/reference/upsample2d.h, and its gradient.
#include "objloc/kernels/reference/upsample2d.h"

#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

struct UpsampleShape {
    int64_t N, P, Q, C;  // of the larger side

    Shape small() const { return {N, (P + 1) / 2, (Q + 1) / 2, C}; }
    Shape large() const { return {N, P, Q, C}; }
    std::string name(const std::string& op) const { return op + " to " + large().text(); }
};

const std::vector<UpsampleShape> kShapes = {
    {1, 1, 1, 1}, {1, 2, 2, 1}, {2, 7, 4, 3}, {1, 6, 9, 8}, {3, 5, 5, 17}, {2, 8, 10, 16}, {1, 32, 32, 64},
};

OpCase upsample2d_forward(const UpsampleShape& shape) {
    OpCase op;
    op.name = shape.name("upsample2d_forward");
    op.inputs = {{.name = "x", .shape = shape.small()}};
    op.outputs = {{.name = "y", .shape = shape.large()}};
    op.run = [](Backend& backend, const auto& in, const auto& out) {
        backend.upsample2d_forward(in[0], out[0]);
    };
    op.reference = [](const Arrays& in, Arrays& out) { reference::upsample2d_forward(in[0], out[0]); };
    op.tolerance = rounded(0, "values are copied");
    op.unaligned = true;
    op.tiny = true;
    op.bf16 = true;
    return op;
}

OpCase upsample2d_backward(const UpsampleShape& shape) {
    OpCase op;
    op.name = shape.name("upsample2d_backward");
    op.inputs = {{.name = "dy", .shape = shape.large()}};
    op.outputs = {{.name = "dx", .shape = shape.small()}};
    op.run = [](Backend& backend, const auto& in, const auto& out) {
        backend.upsample2d_backward(in[0], out[0]);
    };
    op.reference = [](const Arrays& in, Arrays& out) { reference::upsample2d_backward(in[0], out[0]); };
    op.tolerance = summed(4);
    op.unaligned = true;
    op.tiny = true;
    op.bf16 = true;
    return op;
}

GradientCase upsample2d(const UpsampleShape& shape) {
    GradientCase gradient;
    gradient.name = shape.name("upsample2d");
    gradient.inputs = {{.name = "x", .shape = shape.small()}};
    gradient.output = shape.large();
    gradient.forward = [shape](const Arrays& in) {
        Array y(shape.large());
        reference::upsample2d_forward(in[0], y);
        return y;
    };
    gradient.backward = [shape](Backend& backend, const auto&, const Tensor& dy) {
        const Tensor dx = backend.allocate(shape.small());
        backend.upsample2d_backward(dy, dx);
        return std::vector<Tensor>{dx};
    };
    return gradient;
}

}  // namespace

TEST_CASE("upsample2d_forward") {
    for (const UpsampleShape& shape : kShapes) check(upsample2d_forward(shape));
}

TEST_CASE("upsample2d_backward") {
    for (const UpsampleShape& shape : kShapes) check(upsample2d_backward(shape));
}

TEST_CASE("upsample2d: gradients against finite differences") {
    for (size_t i = 0; i + 1 < kShapes.size(); ++i) check(upsample2d(kShapes[i]));
}

TEST_CASE("upsample2d refuses sizes that are not twice its input's") {
    const auto backend = test_backends().front();
    Tape tape(*backend);
    const Variable x = tape.constant(backend->allocate({1, 3, 4, 2}));
    CHECK(ops::upsample2d(tape, x, 5, 8).shape() == Shape{1, 5, 8, 2});
    CHECK_THROWS_AS(ops::upsample2d(tape, x, 7, 8), Error);
    CHECK_THROWS_AS(ops::upsample2d(tape, x, 6, 4), Error);
    CHECK_THROWS_AS(ops::upsample2d(tape, tape.constant(backend->allocate({3, 4})), 6, 8), Error);
}

}  // namespace objloc
