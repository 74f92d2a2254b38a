// convert between f32 and bf16: the exact mode asks for the nearest bf16 of any float, ties to even.
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"

namespace objloc {
namespace {

OpCase convert(const Shape& shape, DType from, DType to, const Fill& fill = uniform(-8, 8)) {
    return {.op = "convert",
            .shape = sizes_text(shape) + " " + name_of(from) + " to " + name_of(to),
            .inputs = {{.name = "from", .shape = shape, .fill = fill, .whole = fill, .type = from}},
            .outputs = {{.name = "to", .shape = shape, .type = to}},
            .run = [](Backend& b, const auto& in, const auto& out) { b.convert(in[0], out[0]); },
            .reference_at =
                [to](const Arrays& in, size_t, int64_t i) {
                    Array value(Shape{1});
                    value[0] = in[0][i];
                    round_to(to, value);
                    return value[0];
                },
            .tolerance = rounded(0, "the nearest is the only one"),
            .unaligned = true,
            .tiny = true};
}

std::vector<OpCase> tests(Random& random) {
    std::vector<OpCase> cases;
    for (const Shape& shape :
         {Shape{1}, Shape{3}, Shape{2, 3, 5, 7}, Shape{4099}, Shape{draw(random, 1, 5000)}}) {
        cases.push_back(convert(shape, DType::f32, DType::bf16));
        cases.push_back(convert(shape, DType::bf16, DType::f32));
        cases.push_back(convert(shape, DType::f32, DType::f32));
    }
    // Halves go to the even neighbour, and large and small numbers stay.
    const Fill ties = these({1 + 0x1p-8, 1 + 3 * 0x1p-8, -1 - 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 0x1.ffp0, 0, 3e38,
                             -3e38, 1e-38, 0x1p-130});
    cases.push_back(convert({20}, DType::f32, DType::bf16, ties));
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    return {convert(sizes.activations, DType::f32, DType::bf16),
            convert(sizes.activations, DType::bf16, DType::f32)};
}

}  // namespace

const OpCases op_cases::convert = {tests, bench};

}  // namespace objloc
