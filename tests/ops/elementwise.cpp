// Every function of engine/elementwise_ops.inc, forward and backward, against the reference: with inputs that stretch
// to the output's shape, and outputs laid over inputs. The reference itself against known values.
#include "objloc/kernels/reference/elementwise.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

// One element, odd counts around vector widths, and enough for every thread and block.
const std::vector<Shape> kShapes = {{1}, {3}, {17}, {2, 3, 5, 7}, {1, 33, 31, 4}, {100'003}};

constexpr float kParameter = 0.375f;  // of functions that have one

// ---- What is particular to a function: every one has an entry -----------------------------------------------------

struct UnaryTraits {
    Fill fill;
    Tolerance forward, backward;
    /// Whole numbers give exact results, forward and backward.
    bool exact = false, exact_gradient = false;
    bool kink_at_0 = false;
    std::vector<std::pair<double, double>> known;  // x and y
};

const Tolerance kNothing = rounded(0, "nothing is rounded");
const Tolerance kOne = rounded(1, "one rounding");
const Tolerance kLibrary = rounded(8, "the library's function is good to a few units in the last place");

const std::map<std::string, UnaryTraits> kUnary = {
    {"relu", {uniform(-8, 8), kNothing, kNothing, true, true, true, {{-2, 0}, {0, 0}, {3, 3}}}},
    {"leaky_relu", {uniform(-8, 8), kOne, kOne, true, true, true, {{-2, -0.75}, {0, 0}, {3, 3}}}},
    {"sigmoid",
     {uniform(-100, 100),
      kLibrary,
      rounded(4, "1 - y and two products round"),
      false,
      true,
      false,
      {{0, 0.5}, {2, 0.88079707797788244}, {-2, 0.11920292202211756}, {-1000, 0}, {1000, 1}}}},
    {"tanh",
     {uniform(-8, 8),
      kLibrary,
      rounded(4, "1 - y, 1 + y and two products round"),
      false,
      true,
      false,
      {{0.5, 0.46211715726000976}, {-1, -0.76159415595576489}}}},
    {"gelu",
     {uniform(-6, 6),
      rounded(16, "erfc and its argument are good to a few units in the last place"),
      rounded(16, "erfc, exp and their arguments are good to a few units in the last place"),
      false,
      false,
      false,
      {{1, 0.84134474606854293}, {-1, -0.15865525393145705}, {-3, -0.0040496940948902836}, {0, 0}}}},
    {"exp", {uniform(-8, 8), kLibrary, kOne, false, true, false, {{0, 1}, {1, 2.7182818284590452}}}},
    {"log", {uniform(0.1, 8), kLibrary, kOne, false, false, false, {{1, 0}, {2, 0.69314718055994531}}}},
    {"sqrt",
     {uniform(0.1, 8), kOne, rounded(2, "a product and a quotient"), false, false, false, {{4, 2}, {0, 0}}}},
    {"scale", {uniform(-8, 8), kOne, kOne, true, true, false, {{2, 0.75}, {-8, -3}}}},
};

struct BinaryTraits {
    Fill fill_b;
    Fill whole_b;
    Tolerance tolerance;
    bool kink_where_equal = false;
    double known_of_6_and_4;
};

const std::map<std::string, BinaryTraits> kBinary = {
    {"add", {uniform(-1, 1), integers(-2, 2), kOne, false, 10}},
    {"sub", {uniform(-1, 1), integers(-2, 2), kOne, false, 2}},
    {"mul", {uniform(-1, 1), integers(-2, 2), kOne, false, 24}},
    {"div", {uniform(0.5, 2), these({1, -2, 4, 0.5}), rounded(3, "two quotients and a product"), false, 1.5}},
    {"maximum", {uniform(-1, 1), integers(-2, 2), kNothing, true, 6}},
};

// ---- The list, as the tests call it -------------------------------------------------------------------------------

struct Unary {
    std::string name;
    UnaryReads reads;
    std::function<void(Backend&, const Tensor& x, const Tensor& y)> forward;
    std::function<void(Backend&, const Tensor& dy, const Tensor& read, const Tensor& dx)> backward;
    std::function<double(double x)> value;
    std::function<double(double dy, double read)> gradient;
    std::function<Variable(Tape&, const Variable& x)> on_tape;
};

struct Binary {
    std::string name;
    BinaryReads for_a, for_b;
    void (Backend::*forward)(const Tensor& a, const Tensor& b, const Tensor& y);
    void (Backend::*backward_a)(const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& da);
    void (Backend::*backward_b)(const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& db);
    std::function<double(double a, double b)> value;
    std::function<double(double dy, double a, double b)> gradient_a, gradient_b;
    Variable (*on_tape)(Tape&, const Variable& a, const Variable& b);
};

std::vector<Unary> unary_functions() {
    std::vector<Unary> list;
#define OBJLOC_UNARY(name, reads, ...)                                                                    \
    {                                                                                                     \
        const functions::name f{__VA_OPT__(kParameter)};                                                  \
        list.push_back(                                                                                   \
            {#name, UnaryReads::reads,                                                                    \
             [](Backend& backend, const Tensor& x, const Tensor& y) {                                     \
                 backend.name##_forward(x, y __VA_OPT__(, kParameter));                                   \
             },                                                                                           \
             [](Backend& backend, const Tensor& dy, const Tensor& read, const Tensor& dx) {               \
                 backend.name##_backward(dy, read, dx __VA_OPT__(, kParameter));                          \
             },                                                                                           \
             [f](double x) { return f.value(x); },                                                        \
             [f](double dy, double read) { return f.gradient(dy, read); },                                \
             [](Tape& tape, const Variable& x) { return ops::name(tape, x __VA_OPT__(, kParameter)); }}); \
    }
#define OBJLOC_BINARY(name, for_a, for_b)
#include "objloc/engine/elementwise_ops.inc"
    return list;
}

std::vector<Binary> binary_functions() {
    std::vector<Binary> list;
#define OBJLOC_UNARY(name, reads, ...)
#define OBJLOC_BINARY(name, for_a, for_b)                                                               \
    list.push_back(                                                                                     \
        {#name, BinaryReads::for_a, BinaryReads::for_b, &Backend::name, &Backend::name##_backward_a,    \
         &Backend::name##_backward_b, [](double a, double b) { return functions::name{}.value(a, b); }, \
         [](double dy, double a, double b) { return functions::name{}.gradient_a(dy, a, b); },          \
         [](double dy, double a, double b) { return functions::name{}.gradient_b(dy, a, b); }, &ops::name});
#include "objloc/engine/elementwise_ops.inc"
    return list;
}

// ---- Cases of one operand -----------------------------------------------------------------------------------------

OpCase unary_forward(const Unary& f, const UnaryTraits& traits, const Shape& shape) {
    OpCase op;
    op.name = f.name + "_forward " + shape.text();
    op.inputs = {{.name = "x", .shape = shape, .fill = traits.fill}};
    op.outputs = {{.name = "y", .shape = shape}};
    op.run = [f](Backend& backend, const auto& in, const auto& out) { f.forward(backend, in[0], out[0]); };
    op.reference = [f](const Arrays& in, Arrays& out) { reference::elementwise(f.value, out[0], in[0]); };
    op.tolerance = traits.forward;
    op.exact = traits.exact;
    op.in_place = {0};
    op.unaligned = true;
    op.tiny = true;
    op.bf16 = true;
    return op;
}

OpCase unary_backward(const Unary& f, const UnaryTraits& traits, const Shape& shape) {
    OpCase op;
    op.name = f.name + "_backward " + shape.text();
    op.inputs = {{.name = "dy", .shape = shape}};
    op.outputs = {{.name = "dx", .shape = shape}};
    op.in_place = {0};
    if (f.reads != UnaryReads::nothing) {
        const bool output = f.reads == UnaryReads::output;
        const Fill fill = [=](Random& random, Array& array) {
            traits.fill(random, array);
            for (double& x : array.values)
                x = output ? static_cast<double>(static_cast<float>(f.value(x))) : x;
        };
        op.inputs.push_back({.name = output ? "y" : "x", .shape = shape, .fill = fill});
        op.in_place = {0, 1};
    }
    op.run = [f](Backend& backend, const auto& in, const auto& out) {
        f.backward(backend, in[0], in.size() > 1 ? in[1] : Tensor(), out[0]);
    };
    op.reference = [f](const Arrays& in, Arrays& out) {
        reference::elementwise(f.gradient, out[0], in[0], in.back());
    };
    op.tolerance = traits.backward;
    op.exact = traits.exact_gradient;
    op.unaligned = true;
    op.tiny = true;
    op.bf16 = true;
    return op;
}

GradientCase unary_gradient(const Unary& f, const UnaryTraits& traits) {
    const Shape shape = {3, 7};
    GradientCase gradient;
    gradient.name = f.name;
    // Near 1, where no function is so flat that differences vanish, or so steep that they are poor.
    gradient.inputs = {
        {.name = "x", .shape = shape, .fill = traits.kink_at_0 ? uniform(-2, 2) : uniform(0.5, 2)}};
    gradient.output = shape;
    gradient.forward = [f](const Arrays& in) {
        Array y = in[0];
        for (double& element : y.values) element = f.value(element);
        return y;
    };
    gradient.backward = on_tape([f](Tape& tape, const auto& in) { return f.on_tape(tape, in[0]); });
    if (traits.kink_at_0) {
        gradient.kink_distance = [](const Arrays& in) {
            double nearest = INFINITY;
            for (const double x : in[0].values) nearest = std::min(nearest, std::abs(x));
            return nearest;
        };
    }
    return gradient;
}

// ---- Cases of two operands ----------------------------------------------------------------------------------------

struct Operands {
    Shape a, b, y;

    std::string name(const std::string& op) const { return op + " " + a.text() + " " + b.text(); }
};

/// None stretches; a bias and a scalar, on either side; both stretch; axes that are missing; lines longer than a
/// thread's turn. The last ones are too large for an emulated backend.
const std::vector<Operands> kOperands = {
    {{1}, {1}, {1}},
    {{17}, {17}, {17}},
    {{2, 3, 5, 7}, {2, 3, 5, 7}, {2, 3, 5, 7}},
    {{4, 5, 3}, {3}, {4, 5, 3}},
    {{3}, {4, 5, 3}, {4, 5, 3}},
    {{2, 3, 4, 5}, {}, {2, 3, 4, 5}},
    {{1, 1}, {33}, {1, 33}},
    {{6, 1}, {1, 7}, {6, 7}},
    {{5, 9}, {5, 1}, {5, 9}},
    {{2, 3, 4, 5}, {1, 3, 1, 5}, {2, 3, 4, 5}},
    {{2, 1, 4, 1}, {1, 3, 1, 5}, {2, 3, 4, 5}},
    {{4, 1, 3, 1}, {2, 1, 5}, {4, 2, 3, 5}},
    {{1, 33, 31, 4}, {33, 1, 4}, {1, 33, 31, 4}},
    {{2, 40'001}, {40'001}, {2, 40'001}},
    {{300, 257}, {300, 1}, {300, 257}},
};

/// Shapes of up to four axes of 1 .. 4, of which either operand lacks some or stretches along some.
Operands random_operands(Random& random) {
    Operands shapes;
    const int64_t rank = draw(random, 1, 4), rank_a = draw(random, 0, rank),
                  rank_b = rank_a < rank ? rank : draw(random, 0, rank);
    for (int64_t axis = 0; axis < rank; ++axis) {
        const int64_t extent = draw(random, 1, 4), stretched = draw(random, 0, 2);
        int64_t extent_y = 1;
        if (axis >= rank - rank_a) shapes.a.push_back(stretched == 1 ? 1 : extent);
        if (axis >= rank - rank_b) shapes.b.push_back(stretched == 2 ? 1 : extent);
        if (axis >= rank - rank_a && stretched != 1) extent_y = extent;
        if (axis >= rank - rank_b && stretched != 2) extent_y = extent;
        shapes.y.push_back(extent_y);
    }
    return shapes;
}

void share_settings(OpCase& op, const BinaryTraits& traits, const Operands& shapes) {
    op.tolerance = traits.tolerance;
    op.unaligned = true;
    op.tiny = shapes.y.count() < 20'000;
    op.bf16 = true;
}

OpCase binary_forward(const Binary& f, const BinaryTraits& traits, const Operands& shapes) {
    OpCase op;
    op.name = shapes.name(f.name);
    op.inputs = {{.name = "a", .shape = shapes.a},
                 {.name = "b", .shape = shapes.b, .fill = traits.fill_b, .whole = traits.whole_b}};
    op.outputs = {{.name = "y", .shape = shapes.y}};
    op.run = [f](Backend& backend, const auto& in, const auto& out) {
        (backend.*f.forward)(in[0], in[1], out[0]);
    };
    op.reference = [f](const Arrays& in, Arrays& out) {
        reference::elementwise(f.value, out[0], in[0], in[1]);
    };
    if (shapes.a == shapes.b) op.in_place = {0, 1};
    share_settings(op, traits, shapes);
    return op;
}

OpCase binary_backward(const Binary& f, const BinaryTraits& traits, const Operands& shapes, bool of_a) {
    const BinaryReads reads = of_a ? f.for_a : f.for_b;
    OpCase op;
    op.name = shapes.name(f.name + (of_a ? "_backward_a" : "_backward_b"));
    op.inputs = {{.name = "dy", .shape = shapes.y},
                 {.name = "a", .shape = shapes.a},
                 {.name = "b", .shape = shapes.b, .fill = traits.fill_b, .whole = traits.whole_b}};
    op.outputs = {{.name = "gradient", .shape = shapes.y}};
    op.run = [=](Backend& backend, const auto& in, const auto& out) {
        (backend.*(of_a ? f.backward_a : f.backward_b))(in[0], reads_a(reads) ? in[1] : Tensor(),
                                                        reads_b(reads) ? in[2] : Tensor(), out[0]);
    };
    op.reference = [=](const Arrays& in, Arrays& out) {
        reference::elementwise(of_a ? f.gradient_a : f.gradient_b, out[0], in[0], in[1], in[2]);
    };
    op.in_place = {0};
    share_settings(op, traits, shapes);
    return op;
}

GradientCase binary_gradient(const Binary& f, const BinaryTraits& traits, const Operands& shapes) {
    GradientCase gradient;
    gradient.name = shapes.name(f.name);
    gradient.inputs = {{.name = "a", .shape = shapes.a},
                       {.name = "b", .shape = shapes.b, .fill = traits.fill_b}};
    gradient.output = shapes.y;
    gradient.forward = [=](const Arrays& in) {
        Array y(shapes.y);
        reference::elementwise(f.value, y, in[0], in[1]);
        return y;
    };
    gradient.backward = on_tape([f](Tape& tape, const auto& in) { return f.on_tape(tape, in[0], in[1]); });
    if (traits.kink_where_equal) {
        gradient.kink_distance = [=](const Arrays& in) {
            Array difference(shapes.y);
            reference::elementwise([](double x, double y) { return x - y; }, difference, in[0], in[1]);
            double nearest = INFINITY, least = INFINITY, most = -INFINITY;
            for (const double value : difference.values) {
                nearest = std::min(nearest, std::abs(value));
                least = std::min(least, value);
                most = std::max(most, value);
            }
            return least < 0 && most > 0 ? nearest
                                         : 0;  // else one operand gets no gradient: nothing to compare
        };
    }
    return gradient;
}

void check_binary(const Binary& f, const BinaryTraits& traits, const Operands& shapes) {
    check(binary_forward(f, traits, shapes));
    check(binary_backward(f, traits, shapes, true));
    check(binary_backward(f, traits, shapes, false));
}

void check_gradient(const Binary& f, const BinaryTraits& traits, const Operands& shapes) {
    const int64_t fewest = traits.kink_where_equal ? 2 : 1;
    if (shapes.y.count() >= fewest && shapes.y.count() < 200) check(binary_gradient(f, traits, shapes));
}

}  // namespace

TEST_CASE("elementwise functions of one operand") {
    for (const Unary& f : unary_functions()) {
        CAPTURE(f.name);
        REQUIRE(kUnary.count(f.name) == 1);
        const UnaryTraits& traits = kUnary.at(f.name);
        for (const auto& [x, y] : traits.known) {
            CHECK_MESSAGE(std::abs(f.value(x) - y) <= 4e-15 * std::abs(y),
                          f.name << "(" << x << ") is " << f.value(x));
        }
        for (const Shape& shape : kShapes) {
            check(unary_forward(f, traits, shape));
            check(unary_backward(f, traits, shape));
        }
        check(unary_gradient(f, traits));
    }
}

TEST_CASE("elementwise functions of two operands") {
    for (const Binary& f : binary_functions()) {
        CAPTURE(f.name);
        REQUIRE(kBinary.count(f.name) == 1);
        const BinaryTraits& traits = kBinary.at(f.name);
        CHECK(f.value(6, 4) == traits.known_of_6_and_4);
        for (const Operands& shapes : kOperands) {
            check_binary(f, traits, shapes);
            check_gradient(f, traits, shapes);
        }
        Random random(f.name.size());
        for (int i = 0; i < 12; ++i) {
            const Operands shapes = random_operands(random);
            check_binary(f, traits, shapes);
            check_gradient(f, traits, shapes);
        }
    }
}

TEST_CASE("scale_forward stretches its input") {
    const std::vector<Unary> list = unary_functions();
    const Unary& scale =
        *std::find_if(list.begin(), list.end(), [](const Unary& f) { return f.name == "scale"; });
    for (const Operands& shapes : kOperands) {
        OpCase op = unary_forward(scale, kUnary.at("scale"), shapes.y);
        op.name = shapes.name("scale_forward");
        op.inputs[0].shape = shapes.b;
        op.in_place = {};
        op.tiny = shapes.y.count() < 20'000;
        if (shapes.b.rank() > 0) check(op);
    }
}

TEST_CASE("maximum: of two that are equal a gets the whole gradient") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const Tensor ones = backend->allocate({3});
        backend->fill(ones, 1);
        const Variable a = tape.leaf(ones), b = tape.leaf(ones);
        tape.backward(ops::sum(tape, ops::maximum(tape, a, b)));
        std::vector<float> of_a(3), of_b(3);
        backend->download(a.gradient(), of_a.data());
        backend->download(b.gradient(), of_b.data());
        CHECK(of_a == std::vector<float>{1, 1, 1});
        CHECK(of_b == std::vector<float>{0, 0, 0});
    }
}

TEST_CASE("functions of two operands refuse shapes that do not fit, and types that differ") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const auto of = [&](const Shape& shape) {
            const Tensor zeros = backend->allocate(shape);
            backend->fill(zeros, 0);
            return tape.constant(zeros);
        };
        CHECK_THROWS_WITH_AS(ops::sub(tape, of({2, 3}), of({3, 2})), doctest::Contains("(2, 3) and (3, 2)"),
                             Error);
        CHECK_THROWS_AS(ops::mul(tape, of({4, 3}), of({4})), Error);
        CHECK(ops::add(tape, of({4, 1}), of({2, 1, 3})).shape() == Shape{2, 4, 3});
        CHECK_THROWS_AS(ops::add(tape, of({2}), tape.constant(backend->allocate({2}, DType::i32))), Error);
    }
}

}  // namespace objloc
