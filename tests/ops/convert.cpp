// convert between f32 and bf16: the exact mode asks for the nearest bf16 of any float, ties to even.
#include <doctest/doctest.h>

#include "tests/op_case.h"

namespace objloc {
namespace {

OpCase convert(const Shape& shape, DType from, DType to, const Fill& fill) {
    OpCase op;
    op.name = std::string("convert ") + name_of(from) + " to " + name_of(to) + " " + shape.text();
    op.inputs = {{.name = "from", .shape = shape, .fill = fill, .whole = fill, .type = from}};
    op.outputs = {{.name = "to", .shape = shape, .type = to}};
    op.run = [](Backend& backend, const auto& in, const auto& out) { backend.convert(in[0], out[0]); };
    op.reference = [](const Arrays& in, Arrays& out) { out[0].values = in[0].values; };
    op.tolerance = rounded(0, "nothing else is rounded");
    op.unaligned = true;
    op.tiny = true;
    return op;
}

}  // namespace

TEST_CASE("convert") {
    for (const Shape& shape : {Shape{1}, Shape{3}, Shape{2, 3, 5, 7}, Shape{4099}}) {
        check(convert(shape, DType::f32, DType::bf16, uniform(-8, 8)));
        check(convert(shape, DType::bf16, DType::f32, uniform(-8, 8)));
        check(convert(shape, DType::f32, DType::f32, uniform(-8, 8)));
    }
}

TEST_CASE("convert: halves go to the even neighbour, and large and small numbers stay") {
    const Fill ties = these({1 + 0x1p-8, 1 + 3 * 0x1p-8, -1 - 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 0x1.ffp0, 0, 3e38,
                             -3e38, 1e-38, 0x1p-130});
    check(convert({20}, DType::f32, DType::bf16, ties));
}

}  // namespace objloc
