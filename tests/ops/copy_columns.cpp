// copy_columns: a block of columns of one matrix into another, bit for bit; and concatenate, which is made of
// it.
#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/op_case.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

struct Block {
    int64_t N, from_columns, from_column, to_columns, to_column, columns;
};

OpCase copying(const Block& block) {
    OpCase op;
    op.name = "copy_columns " + std::to_string(block.columns) + " of " + std::to_string(block.from_columns) +
              " to " + std::to_string(block.to_columns);
    op.inputs = {{.name = "from", .shape = {block.N, block.from_columns}},
                 {.name = "before", .shape = {block.N, block.to_columns}}};
    op.outputs = {{.name = "to", .shape = {block.N, block.to_columns}, .updates = 1}};
    op.run = [block](Backend& backend, const auto& in, const auto& out) {
        backend.copy_columns(in[0], block.from_column, out[0], block.to_column, block.columns);
    };
    op.reference = [block](const Arrays& in, Arrays& out) {
        for (int64_t n = 0; n < block.N; ++n) {
            for (int64_t j = 0; j < block.columns; ++j)
                out[0].at(n, block.to_column + j) = in[0].at(n, block.from_column + j);
        }
    };
    op.tolerance = {0, 0, 0, "nothing is rounded"};
    op.tiny = true;
    return op;
}

}  // namespace

TEST_CASE("copy_columns") {
    for (const Block& block :
         {Block{1, 1, 0, 1, 0, 1}, Block{3, 7, 2, 5, 1, 4}, Block{2, 64, 0, 700, 636, 64},
          Block{65, 9, 8, 3, 0, 1}, Block{5, 4100, 3, 4097, 0, 4097}}) {
        check(copying(block));
    }
}

TEST_CASE("concatenate joins rows image by image and gives each part its gradient") {
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        const Tensor a = backend->allocate({2, 2, 1, 2}), b = backend->allocate({2, 1, 2});
        const std::vector<float> a_values = {1, 2, 3, 4, 5, 6, 7, 8}, b_values = {9, 10, 11, 12};
        backend->upload(a_values.data(), a);
        backend->upload(b_values.data(), b);
        Tape tape(*backend);
        const Variable first = tape.leaf(a), second = tape.leaf(b);
        const Variable joined = ops::concatenate(tape, {first, second});
        REQUIRE(joined.shape() == Shape{2, 3, 2});
        const std::vector<float> expected = {1, 2, 3, 4, 9, 10, 5, 6, 7, 8, 11, 12};
        std::vector<float> found(12);
        backend->download(joined.value(), found.data());
        CHECK(found == expected);
        // The loss is the mean of squares, so the gradient is a sixth of the value: exact for none, near for
        // all.
        tape.backward(ops::mean(tape, ops::mul(tape, joined, joined)));
        std::vector<float> da(8), db(4);
        backend->download(first.gradient(), da.data());
        backend->download(second.gradient(), db.data());
        for (size_t i = 0; i < da.size(); ++i) CHECK(da[i] == doctest::Approx(a_values[i] / 6));
        for (size_t i = 0; i < db.size(); ++i) CHECK(db[i] == doctest::Approx(b_values[i] / 6));
    }
}

TEST_CASE("concatenate refuses parts that do not go together") {
    const auto backend = test_backends().front();
    Tape tape(*backend);
    const Variable part = tape.constant(backend->allocate({2, 3, 4}));
    CHECK_THROWS_AS(ops::concatenate(tape, {}), Error);
    CHECK_THROWS_AS(ops::concatenate(tape, {part, tape.constant(backend->allocate({1, 3, 4}))}), Error);
    CHECK_THROWS_AS(ops::concatenate(tape, {part, tape.constant(backend->allocate({2, 3, 5}))}), Error);
}

}  // namespace objloc
