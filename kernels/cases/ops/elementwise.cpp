// Every function of engine/elementwise_ops.inc, forward and backward: with inputs that stretch to the output's shape,
// and outputs laid over inputs. What is particular to a function is a line of a table.
#include <algorithm>
#include <cmath>
#include <map>

#include "objloc/engine/ops/ops.h"
#include "objloc/kernels/cases/on_tape.h"
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"
#include "objloc/kernels/reference/elementwise.h"

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

// ---- The list, as the cases call it -------------------------------------------------------------------------------

struct Unary {
    std::string name;
    UnaryTraits traits;
    UnaryReads reads;
    std::function<void(Backend&, const Tensor& x, const Tensor& y)> forward;
    std::function<void(Backend&, const Tensor& dy, const Tensor& read, const Tensor& dx)> backward;
    std::function<double(double x)> value;
    std::function<double(double dy, double read)> gradient;
    std::function<Variable(Tape&, const Variable& x)> on_tape;
};

struct Binary {
    std::string name;
    BinaryTraits traits;
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
            {#name, kUnary.at(#name), UnaryReads::reads,                                                  \
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
#define OBJLOC_BINARY(name, for_a, for_b)                                                                 \
    list.push_back({#name, kBinary.at(#name), BinaryReads::for_a, BinaryReads::for_b, &Backend::name,     \
                    &Backend::name##_backward_a, &Backend::name##_backward_b,                             \
                    [](double a, double b) { return functions::name{}.value(a, b); },                     \
                    [](double dy, double a, double b) { return functions::name{}.gradient_a(dy, a, b); }, \
                    [](double dy, double a, double b) { return functions::name{}.gradient_b(dy, a, b); }, \
                    &ops::name});
#include "objloc/engine/elementwise_ops.inc"
    return list;
}

// ---- Cases of one operand -----------------------------------------------------------------------------------------

OpCase unary_forward(const Unary& f, const Shape& shape) {
    return {.op = f.name + "_forward",
            .shape = sizes_text(shape),
            .inputs = {{.name = "x", .shape = shape, .fill = f.traits.fill}},
            .outputs = {{.name = "y", .shape = shape}},
            .run = [f](Backend& b, const auto& in, const auto& out) { f.forward(b, in[0], out[0]); },
            .reference_at = [f](const Arrays& in, size_t, int64_t i) { return f.value(in[0][i]); },
            .tolerance = f.traits.forward,
            .exact = f.traits.exact,
            .unaligned = true,
            .tiny = true,
            .bf16 = true,
            .in_place = {0}};
}

OpCase unary_backward(const Unary& f, const Shape& shape) {
    OpCase op{.op = f.name + "_backward", .shape = sizes_text(shape)};
    op.inputs = {{.name = "dy", .shape = shape}};
    op.outputs = {{.name = "dx", .shape = shape}};
    op.in_place = {0};
    if (f.reads != UnaryReads::nothing) {
        const bool output = f.reads == UnaryReads::output;
        const Fill fill = [=](Random& random, Array& array) {
            f.traits.fill(random, array);
            for (double& x : array.values)
                x = output ? static_cast<double>(static_cast<float>(f.value(x))) : x;
        };
        op.inputs.push_back({.name = output ? "y" : "x", .shape = shape, .fill = fill});
        op.in_place = {0, 1};
    }
    op.run = [f](Backend& b, const auto& in, const auto& out) {
        f.backward(b, in[0], in.size() > 1 ? in[1] : Tensor(), out[0]);
    };
    op.reference_at = [f](const Arrays& in, size_t, int64_t i) { return f.gradient(in[0][i], in.back()[i]); };
    op.tolerance = f.traits.backward;
    op.exact = f.traits.exact_gradient;
    op.unaligned = true;
    op.tiny = true;
    op.bf16 = true;
    return op;
}

/// Near 1, where no function is so flat that differences vanish, or so steep that they are poor.
OpCase differentiated(const Unary& f) {
    OpCase op = unary_forward(f, {3, 7});
    op.inputs[0].fill = f.traits.kink_at_0 ? uniform(-2, 2) : uniform(0.5, 2);
    op.gradient.backward = on_tape([f](Tape& tape, const auto& in) { return f.on_tape(tape, in[0]); });
    if (!f.traits.kink_at_0) return op;
    op.gradient.kink_distance = [](const Arrays& in) {
        double nearest = INFINITY;
        for (const double x : in[0].values) nearest = std::min(nearest, std::abs(x));
        return nearest;
    };
    return op;
}

/// What the function is known to give, whatever the reference says.
OpCase known(const Unary& f) {
    std::vector<double> xs, ys;
    for (const auto& [x, y] : f.traits.known) xs.push_back(x), ys.push_back(y);
    OpCase op = unary_forward(f, {static_cast<int64_t>(xs.size())});
    op.shape += " known values";
    op.inputs[0].fill = these(xs);
    op.reference_at = [ys](const Arrays&, size_t, int64_t i) { return ys[static_cast<size_t>(i)]; };
    op.exact = false;
    return op;
}

// ---- Cases of two operands ----------------------------------------------------------------------------------------

struct Operands {
    Shape a, b, y;

    std::string text() const { return a.text() + " " + b.text(); }
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

/// How near the operands come to each other. 0 where one is larger everywhere: then the other gets no gradient, and
/// there is nothing to compare.
double distance_of_operands(const Operands& shapes, const Arrays& in) {
    Array difference(shapes.y);
    reference::elementwise([](double x, double y) { return x - y; }, difference, in[0], in[1]);
    double nearest = INFINITY, least = INFINITY, most = -INFINITY;
    for (const double value : difference.values) {
        nearest = std::min(nearest, std::abs(value));
        least = std::min(least, value);
        most = std::max(most, value);
    }
    return least < 0 && most > 0 ? nearest : 0;
}

OpCase binary_forward(const Binary& f, const Operands& shapes) {
    OpCase op{.op = f.name, .shape = shapes.text()};
    op.inputs = {{.name = "a", .shape = shapes.a},
                 {.name = "b", .shape = shapes.b, .fill = f.traits.fill_b, .whole = f.traits.whole_b}};
    op.outputs = {{.name = "y", .shape = shapes.y}};
    op.run = [f](Backend& b, const auto& in, const auto& out) { (b.*f.forward)(in[0], in[1], out[0]); };
    op.reference = [f](const Arrays& in, Arrays& out) {
        reference::elementwise(f.value, out[0], in[0], in[1]);
    };
    op.tolerance = f.traits.tolerance;
    op.unaligned = true;
    op.tiny = shapes.y.count() < 20'000;
    op.bf16 = true;
    if (shapes.a == shapes.b) op.in_place = {0, 1};
    return op;
}

OpCase binary_backward(const Binary& f, const Operands& shapes, bool of_a) {
    const BinaryReads reads = of_a ? f.for_a : f.for_b;
    OpCase op = binary_forward(f, shapes);
    op.op += of_a ? "_backward_a" : "_backward_b";
    op.inputs.insert(op.inputs.begin(), {.name = "dy", .shape = shapes.y});
    op.outputs[0].name = "gradient";
    op.run = [=](Backend& b, const auto& in, const auto& out) {
        (b.*(of_a ? f.backward_a : f.backward_b))(in[0], reads_a(reads) ? in[1] : Tensor(),
                                                  reads_b(reads) ? in[2] : Tensor(), out[0]);
    };
    op.reference = [=](const Arrays& in, Arrays& out) {
        reference::elementwise(of_a ? f.gradient_a : f.gradient_b, out[0], in[0], in[1], in[2]);
    };
    op.in_place = {0};
    return op;
}

/// The forward with its gradient where that is cheap and there are two sides to a kink, and the backwards.
void add(std::vector<OpCase>& cases, const Binary& f, const Operands& shapes) {
    OpCase forward = binary_forward(f, shapes);
    if (shapes.y.count() >= (f.traits.kink_where_equal ? 2 : 1) && shapes.y.count() < 200) {
        forward.gradient.backward =
            on_tape([f](Tape& tape, const auto& in) { return f.on_tape(tape, in[0], in[1]); });
        if (f.traits.kink_where_equal) {
            forward.gradient.kink_distance = [=](const Arrays& in) {
                return distance_of_operands(shapes, in);
            };
        }
    }
    cases.push_back(forward);
    for (const bool of_a : {true, false}) cases.push_back(binary_backward(f, shapes, of_a));
}

OpCase known(const Binary& f) {
    OpCase op = binary_forward(f, {{1}, {1}, {1}});
    op.shape = "6 and 4";
    op.inputs[0].fill = op.inputs[0].whole = these({6});
    op.inputs[1].fill = op.inputs[1].whole = these({4});
    op.reference = [known = f.traits.known_of_6_and_4](const Arrays&, Arrays& out) { out[0][0] = known; };
    return op;
}

/// scale_forward, which stretches its input as the gradient of a sum.
OpCase stretched(const Unary& scale, const Operands& shapes) {
    OpCase op = unary_forward(scale, shapes.y);
    op.shape = shapes.b.text() + " to " + shapes.y.text();
    op.inputs[0].shape = shapes.b;
    op.reference_at = nullptr;
    op.reference = [scale](const Arrays& in, Arrays& out) {
        reference::elementwise(scale.value, out[0], in[0]);
    };
    op.in_place = {};
    op.tiny = shapes.y.count() < 20'000;
    return op;
}

std::vector<OpCase> tests(Random& random) {
    std::vector<Shape> shapes = kShapes;
    for (int i = 0; i < kRandomShapes; ++i) {
        shapes.push_back({draw(random, 1, 3), draw(random, 1, 40), draw(random, 1, 40), draw(random, 1, 9)});
    }
    std::vector<Operands> operands = kOperands;
    for (int i = 0; i < 3 * kRandomShapes; ++i) operands.push_back(random_operands(random));
    std::vector<OpCase> cases;
    for (const Unary& f : unary_functions()) {
        cases.push_back(known(f));
        cases.push_back(differentiated(f));
        for (const Shape& shape : shapes) {
            cases.push_back(unary_forward(f, shape));
            cases.push_back(unary_backward(f, shape));
        }
        for (const Operands& of : operands) {
            if (f.name == "scale" && of.b.rank() > 0) cases.push_back(stretched(f, of));
        }
    }
    for (const Binary& f : binary_functions()) {
        cases.push_back(known(f));
        for (const Operands& of : operands) add(cases, f, of);
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const Shape& shape = sizes.activations;
    std::vector<OpCase> cases;
    for (const Unary& f : unary_functions()) {
        cases.push_back(unary_forward(f, shape));
        cases.push_back(unary_backward(f, shape));
    }
    for (const Binary& f : binary_functions()) {
        const size_t first = cases.size();
        add(cases, f, {shape, shape, shape});
        for (size_t i = first; i < cases.size(); ++i) cases[i].shape = sizes_text(shape);
    }
    return cases;
}

}  // namespace

const OpCases op_cases::elementwise = {tests, bench};

}  // namespace objloc
