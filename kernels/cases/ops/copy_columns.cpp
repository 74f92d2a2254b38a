// copy_columns: a block of columns of one matrix into another, bit for bit.
#include "objloc/kernels/cases/op_cases.h"

namespace objloc {
namespace {

struct Block {
    int64_t N, from_columns, from_column, to_columns, to_column, columns;
};

OpCase copy_columns(const Block& block) {
    return {.op = "copy_columns",
            .shape = std::to_string(block.columns) + " of " + std::to_string(block.from_columns) + " to " +
                     std::to_string(block.to_columns) + ", rows " + std::to_string(block.N),
            .inputs = {{.name = "from", .shape = {block.N, block.from_columns}},
                       {.name = "before", .shape = {block.N, block.to_columns}}},
            .outputs = {{.name = "to", .shape = {block.N, block.to_columns}, .updates = 1}},
            .run =
                [block](Backend& b, const auto& in, const auto& out) {
                    b.copy_columns(in[0], block.from_column, out[0], block.to_column, block.columns);
                },
            .reference =
                [block](const Arrays& in, Arrays& out) {
                    for (int64_t n = 0; n < block.N; ++n) {
                        for (int64_t j = 0; j < block.columns; ++j)
                            out[0].at(n, block.to_column + j) = in[0].at(n, block.from_column + j);
                    }
                },
            .tolerance = rounded(0, "nothing is rounded"),
            .tiny = true};
}

Block random_block(Random& random) {
    Block block{};
    block.N = draw(random, 1, 9), block.columns = draw(random, 1, 40);
    block.from_column = draw(random, 0, 9), block.to_column = draw(random, 0, 9);
    block.from_columns = block.from_column + block.columns + draw(random, 0, 9);
    block.to_columns = block.to_column + block.columns + draw(random, 0, 9);
    return block;
}

/// As concatenating joins the votes of all grids, side by side in each image's row.
OpCase concatenate(int64_t N, int64_t features, const std::vector<Shape>& grids) {
    OpCase op{.op = "copy_columns"};
    int64_t columns = 0;
    for (const Shape& grid : grids) {
        const int64_t width = grid.count() * features;
        op.inputs.push_back({.name = "part", .shape = {N, width}});
        op.shape += (columns == 0 ? std::to_string(N) + "x" : "+") + std::to_string(width);
        columns += width;
    }
    op.outputs = {{.name = "joined", .shape = {N, columns}}};
    op.run = [](Backend& b, const auto& in, const auto& out) {
        int64_t column = 0;
        for (const Tensor& part : in) {
            b.copy_columns(part, 0, out[0], column, part.shape()[1]);
            column += part.shape()[1];
        }
    };
    op.reference_at = [columns](const Arrays& in, size_t, int64_t element) {
        int64_t column = element % columns;
        size_t part = 0;
        for (; column >= in[part].shape[1]; ++part) column -= in[part].shape[1];
        return in[part].at(element / columns, column);
    };
    op.tolerance = rounded(0, "nothing is rounded");
    op.tiny = true;
    return op;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<OpCase> cases;
    for (const Block& block :
         {Block{1, 1, 0, 1, 0, 1}, Block{3, 7, 2, 5, 1, 4}, Block{2, 64, 0, 700, 636, 64},
          Block{65, 9, 8, 3, 0, 1}, Block{5, 4100, 3, 4097, 0, 4097}}) {
        cases.push_back(copy_columns(block));
    }
    for (int i = 0; i < kRandomShapes; ++i) cases.push_back(copy_columns(random_block(shapes)));
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    return {concatenate(sizes.batch, 1 + sizes.outputs, sizes.grids)};
}

}  // namespace

const OpCases op_cases::copy_columns = {tests, bench};

}  // namespace objloc
