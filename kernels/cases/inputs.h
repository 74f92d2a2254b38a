// How the inputs of cases are drawn, and how they reach a backend's memory and come back.
#pragma once

#include <cstddef>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/kernels/reference/array.h"

namespace objloc {

using reference::Array;
using Arrays = std::vector<Array>;
using Random = std::mt19937_64;

/// Fills an array. Whatever it draws is exact in the tensor's type, so backend and reference see the same
/// numbers.
using Fill = std::function<void(Random&, Array&)>;

/// f32 numbers in [low, high).
Fill uniform(double low, double high);
/// Whole numbers in [low, high], both ends included.
Fill integers(int low, int high);
/// Each number of a grid of step 2^-6 once, shuffled: no two are equal, no window has a tie.
Fill distinct();
/// These numbers, over and over.
Fill these(std::vector<double> values);

/// A whole number in [low, high], drawn the same by every standard library.
int64_t draw(Random& random, int64_t low, int64_t high);

/// One input of a case.
struct Input {
    std::string name;
    Shape shape;
    Fill fill = uniform(-1, 1);    // of the random mode
    Fill whole = integers(-2, 2);  // of the exact mode
    DType type = DType::f32;
};

/// The values as `type` holds them: rounded, if that is bf16.
void round_to(DType type, Array& array);
/// Elements as they lie in memory, and back.
std::vector<std::byte> bytes_of(const Array& array, DType type);
Array array_of(const std::vector<std::byte>& bytes, const Shape& shape, DType type);

/// A tensor between two guards of `kPoison` bytes. As f32 the poison is a NaN and as a code it is none, so
/// what reads a guard, writes one or leaves an output unwritten shows. The tensor is aligned as allocators
/// align, or lies `shift` elements further.
struct GuardedTensor {
    Tensor whole, tensor;
};
constexpr std::byte kPoison{0xFF};
GuardedTensor upload_guarded(Backend& backend, const std::vector<std::byte>& bytes, const Shape& shape,
                             DType type, int64_t shift = 0);
std::vector<std::byte> poison(const Shape& shape, DType type);
std::vector<std::byte> download_bytes(Backend& backend, const Tensor& tensor);
bool guards_intact(Backend& backend, const GuardedTensor& guarded);

}  // namespace objloc
