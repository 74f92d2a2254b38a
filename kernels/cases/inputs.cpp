#include "objloc/kernels/cases/inputs.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "objloc/engine/bf16.h"
#include "objloc/engine/error.h"

namespace objloc {
namespace {

constexpr int64_t kGuardBytes = 256;  // keeps the alignment that allocators give

template <typename T>
std::vector<std::byte> packed(const Array& array) {
    std::vector<T> elements;
    for (const double value : array.values) elements.push_back(static_cast<T>(value));
    std::vector<std::byte> bytes(elements.size() * sizeof(T));
    std::memcpy(bytes.data(), elements.data(), bytes.size());
    return bytes;
}

template <typename T>
Array unpacked(const std::vector<std::byte>& bytes, const Shape& shape) {
    std::vector<T> elements(bytes.size() / sizeof(T));
    std::memcpy(elements.data(), bytes.data(), bytes.size());
    Array array(shape);
    std::copy(elements.begin(), elements.end(), array.values.begin());
    return array;
}

/// bf16 in 16 bits.
struct Bf16 {
    uint16_t bits;

    explicit Bf16(double value = 0) : bits(to_bf16(static_cast<float>(value))) {}
    operator double() const { return double{from_bf16(bits)}; }
};

[[noreturn]] void no_such_type() {
    throw Error("op test", "an input or output has a type that there is not");
}

}  // namespace

int64_t draw(Random& random, int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
}

Fill uniform(double low, double high) {
    return [low, high](Random& random, Array& array) {
        for (double& value : array.values) {
            const double fraction = static_cast<double>(random() >> 40) * 0x1p-24;
            value = static_cast<float>(low + (high - low) * fraction);
        }
    };
}

Fill integers(int low, int high) {
    return [low, high](Random& random, Array& array) {
        for (double& value : array.values) value = static_cast<double>(draw(random, low, high));
    };
}

Fill distinct() {
    return [](Random& random, Array& array) {
        const auto middle = static_cast<double>(array.count() / 2);
        std::iota(array.values.begin(), array.values.end(), -middle);
        for (int64_t i = array.count() - 1; i > 0; --i) std::swap(array[i], array[draw(random, 0, i)]);
        for (double& value : array.values) value /= 64;
    };
}

Fill these(std::vector<double> values) {
    return [values = std::move(values)](Random&, Array& array) {
        for (int64_t i = 0; i < array.count(); ++i) {
            array[i] = static_cast<float>(values[static_cast<size_t>(i) % values.size()]);
        }
    };
}

std::vector<std::byte> bytes_of(const Array& array, DType type) {
    switch (type) {
        case DType::f32:
            return packed<float>(array);
        case DType::u8:
            return packed<uint8_t>(array);
        case DType::i32:
            return packed<int32_t>(array);
        case DType::i64:
            return packed<int64_t>(array);
        case DType::bf16:
            return packed<Bf16>(array);
    }
    no_such_type();
}

Array array_of(const std::vector<std::byte>& bytes, const Shape& shape, DType type) {
    switch (type) {
        case DType::f32:
            return unpacked<float>(bytes, shape);
        case DType::u8:
            return unpacked<uint8_t>(bytes, shape);
        case DType::i32:
            return unpacked<int32_t>(bytes, shape);
        case DType::i64:
            return unpacked<int64_t>(bytes, shape);
        case DType::bf16:
            return unpacked<Bf16>(bytes, shape);
    }
    no_such_type();
}

void round_to(DType type, Array& array) {
    if (type != DType::bf16) return;
    for (double& value : array.values) value = Bf16(value);
}

std::vector<std::byte> poison(const Shape& shape, DType type) {
    return std::vector<std::byte>(static_cast<size_t>(shape.count()) * size_of(type), kPoison);
}

GuardedTensor upload_guarded(Backend& backend, const std::vector<std::byte>& bytes, const Shape& shape,
                             DType type, int64_t shift) {
    const auto size = static_cast<int64_t>(size_of(type));
    const int64_t guard = kGuardBytes / size;
    GuardedTensor guarded;
    guarded.whole = backend.allocate({guard + shift + shape.count() + guard}, type);
    guarded.tensor = guarded.whole.slice(guard + shift, shape);
    std::vector<std::byte> all = poison(guarded.whole.shape(), type);
    std::copy(bytes.begin(), bytes.end(), all.begin() + kGuardBytes + shift * size);
    backend.upload(all.data(), guarded.whole);
    return guarded;
}

std::vector<std::byte> download_bytes(Backend& backend, const Tensor& tensor) {
    std::vector<std::byte> bytes(tensor.bytes());
    backend.download(tensor, bytes.data());
    return bytes;
}

bool guards_intact(Backend& backend, const GuardedTensor& guarded) {
    const std::vector<std::byte> all = download_bytes(backend, guarded.whole);
    const auto is_poison = [](std::byte byte) { return byte == kPoison; };
    return std::all_of(all.begin(), all.begin() + kGuardBytes, is_poison) &&
           std::all_of(all.end() - kGuardBytes, all.end(), is_poison);
}

}  // namespace objloc
