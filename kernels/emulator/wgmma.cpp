// Matrix products of a warpgroup (wgmma). Reference: PTX ISA, section "Asynchronous warpgroup level matrix
// instructions", there "Matrix descriptor" and "Canonical layouts".
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "objloc/kernels/emulator/async_engines.h"

namespace objloc::host {
namespace {

constexpr int kRows = 64;
constexpr size_t kLine = 128, kPiece = 16, kDepthBytes = 32, kLinesOfPattern = 8;
constexpr float kNotYet = std::bit_cast<float>(0x7FA0A57Cu);  // a signalling NaN: any sum with it is another

// ---- Operands
// -------------------------------------------------------------------------------------------------

/// A descriptor's fields, in bytes.
struct Descriptor {
    size_t start, leading, stride;
    unsigned base_offset, swizzle;

    explicit Descriptor(uint64_t bits)
        : start((bits & 0x3FFF) * 16),
          leading((bits >> 16 & 0x3FFF) * 16),
          stride((bits >> 32 & 0x3FFF) * 16),
          base_offset(bits >> 49 & 7),
          swizzle(static_cast<unsigned>(bits >> 62)) {}
};

/// Where element (line, depth) of an operand lies, before the swizzle; a line is a row of a or a column of b.
/// Depth innermost: eight lines of 128 bytes make a pattern, patterns follow each other at `stride`.
/// Lines innermost: 128 bytes of lines for each of eight depths make a pattern; patterns follow each other
/// along the depth at `stride`, along the lines at `leading`.
size_t place_of(const Descriptor& at, bool depth_outer, size_t element_bytes, size_t line, size_t depth) {
    if (!depth_outer) {
        return line / kLinesOfPattern * at.stride + line % kLinesOfPattern * kLine + depth * element_bytes;
    }
    const size_t per_line = kLine / element_bytes;
    return line / per_line * at.leading + line % per_line * element_bytes +
           depth / kLinesOfPattern * at.stride + depth % kLinesOfPattern * kLine;
}

/// The lower 13 bits are not looked at.
float tf32_value(uint32_t bits) {
    return std::bit_cast<float>(bits & 0xFFFFE000u);
}

float value_at(const unsigned char* address, int element_bytes) {
    if (element_bytes == 2) {
        uint16_t half;
        std::memcpy(&half, address, sizeof(half));
        return std::bit_cast<float>(uint32_t{half} << 16);
    }
    uint32_t bits;
    std::memcpy(&bits, address, sizeof(bits));
    return tf32_value(bits);
}

/// Row and column of a 64 x columns matrix that a thread's i-th sum belongs to.
size_t row_of(size_t thread, size_t i) {
    return thread / kWarp * 16 + thread % kWarp / 4 + i / 2 % 2 * 8;
}
size_t column_of(size_t thread, size_t i) {
    return i / 4 * 8 + thread % 4 * 2 + i % 2;
}

/// The thread and the word of its four that hold element (row, depth) of a tf32 operand in registers.
size_t register_thread(size_t row, size_t depth) {
    return row / 16 * kWarp + row % 8 * 4 + depth % 4;
}
size_t register_word(size_t row, size_t depth) {
    return row / 8 % 2 + depth / 4 * 2;
}

}  // namespace

void Cluster::require_descriptor(uint64_t descriptor, const char* operand) {
    const Descriptor at(descriptor);
    const std::string name = std::string("descriptor of ") + operand;
    if (at.swizzle != 1) fault(name + ": only the 128-byte swizzle is known here");
    if (at.start / kLine % kLinesOfPattern != 0 || at.base_offset != 0) {
        fault(name + ": starts within a pattern of eight 128-byte lines");
    }
}

const unsigned char* Cluster::operand_at(uint64_t descriptor, size_t offset) const {
    const auto address = reinterpret_cast<uintptr_t>(shared()) + Descriptor(descriptor).start + offset;
    return reinterpret_cast<const unsigned char*>(swizzled(address));
}

/// Both operands, as accesses of the engine that this is called for.
void Cluster::read_operands(const MatrixProduct& product) {
    if (!running.checking) return;
    const auto read = [&](uint64_t descriptor, bool depth_outer, int lines) {
        const Descriptor at(descriptor);
        const auto bytes = static_cast<size_t>(product.element_bytes);
        const size_t step = depth_outer ? kLine / bytes : 1;
        for (size_t line = 0; line < static_cast<size_t>(lines); line += step) {
            if (depth_outer) {
                for (size_t depth = 0; depth < kDepthBytes / bytes; ++depth) {
                    // The swizzle exchanges pieces within a 128-byte line, and all of it is read.
                    const auto whole = reinterpret_cast<uintptr_t>(
                        operand_at(descriptor, place_of(at, true, bytes, line, depth)));
                    engine_reads(reinterpret_cast<const void*>(whole / kLine * kLine), kLine);
                }
            } else {
                const size_t place = place_of(at, false, bytes, line, 0);
                engine_reads(operand_at(descriptor, place), kPiece);
                engine_reads(operand_at(descriptor, place + kPiece), kPiece);
            }
        }
    };
    if (product.a_registers == nullptr) read(product.a, product.a_depth_outer, kRows);
    read(product.b, product.b_depth_outer, product.columns);
}

// ---- The instructions
// -----------------------------------------------------------------------------------------

/// Counts the running thread in; true for the last of its warpgroup, which acts for all and then releases
/// them.
bool Cluster::meet_warpgroup(const char* name, const MatrixProduct* mine, std::source_location where) {
    running.caller = nullptr;
    const Wait wait = {name, 0, -1, 0, where};
    if (current_->number / kWarpgroup * kWarpgroup + kWarpgroup > thread_count()) {
        fault(text_of(wait) + ": needs four whole warps, the first a multiple of four");
    }
    Warpgroup& group = warpgroup();
    if (group.arrived == 0) {
        group.name = name;
        group.where = where;
    } else if (std::strcmp(group.name, name) != 0 || group.where.line() != where.line()) {
        fault(text_of(wait) + ", but threads of the same warpgroup wait at " +
              text_of(Wait{group.name, 0, -1, 0, group.where}));
    }
    group.brought[current_->number % kWarpgroup] = mine;
    if (++group.arrived < kWarpgroup) {
        suspend(wait);
        return false;
    }
    group.arrived = 0;
    return true;
}

void Cluster::release_warpgroup() {
    Thread* threads = warpgroup_threads();
    for (unsigned i = 0; i < kWarpgroup; ++i) {
        if (&threads[i] != current_) make_ready(threads[i]);
    }
    yield_if_adversarial();
}

void Cluster::fence_products() {
    current_->products_fenced = true;
}

/// Takes the sums out of the threads' registers, unless an earlier product has.
void Cluster::hold_sums(Warpgroup& group) {
    const auto count = static_cast<size_t>(group.brought[0]->columns) / 2;
    auto held = std::find_if(group.held.begin(), group.held.end(),
                             [&](const HeldSums& one) { return one.registers[0] == group.brought[0]->sums; });
    if (held == group.held.end()) {
        held = group.held.insert(held, {{}, count, std::vector<float>(kWarpgroup * count), 0});
        for (size_t thread = 0; thread < kWarpgroup; ++thread) {
            held->registers[thread] = group.brought[thread]->sums;
            std::copy_n(held->registers[thread], count, &held->values[thread * count]);
            std::fill_n(held->registers[thread], count, kNotYet);
        }
    }
    for (size_t thread = 0; thread < kWarpgroup; ++thread) {
        const float* sums = group.brought[thread]->sums;
        if (held->registers[thread] != sums || held->count != count) {
            fault("a matrix product's sums overlap those of one that is on its way");
        }
        const auto kept = [](float value) {
            return std::bit_cast<uint32_t>(value) == std::bit_cast<uint32_t>(kNotYet);
        };
        if (!std::all_of(sums, sums + count, kept)) {
            fault("the sums of a matrix product were changed before its wait");
        }
    }
    ++held->products;
}

/// Remembers the registers that hold a: the tensor cores read them until the wait.
std::shared_ptr<const Cluster::RegisterOperand> Cluster::hold_a(const Warpgroup& group) const {
    if (group.brought[0]->a_registers == nullptr) return nullptr;
    auto a = std::make_shared<RegisterOperand>();
    for (size_t thread = 0; thread < kWarpgroup; ++thread) {
        a->registers[thread] = group.brought[thread]->a_registers;
        std::copy_n(a->registers[thread], kRegisterWords, a->values[thread].begin());
    }
    return a;
}

void Cluster::start_product(const MatrixProduct& product, std::source_location where) {
    if (!meet_warpgroup("wgmma", &product, where)) return;
    Warpgroup& group = warpgroup();
    if (product.a_registers == nullptr) require_descriptor(product.a, "a");
    require_descriptor(product.b, "b");
    Thread* threads = warpgroup_threads();
    std::vector<Arrival> givers;
    for (unsigned i = 0; i < kWarpgroup; ++i) {
        const MatrixProduct& other = *group.brought[i];
        if (other.a != product.a || other.b != product.b || other.accumulate != product.accumulate) {
            fault("the threads of a warpgroup disagree about a matrix product's operands");
        }
        if (!threads[i].products_fenced) {
            fault(describe_thread(threads[i].number) +
                  " starts a matrix product with no wgmma_fence since the last wait");
        }
        givers.push_back({&threads[i], threads[i].number, threads[i].epoch, threads[i].known, false});
    }
    const EngineWork work = give_out(Engine::product, threads[0].number / kWarp, givers);
    for (unsigned i = 0; i < kWarpgroup; ++i) next_epoch(threads[i], threads[i].epoch + 1);
    as_engine(work, [&] { read_operands(product); });
    hold_sums(group);
    group.products.push_back({*group.brought[0], work, current_->product_groups, hold_a(group)});
    release_warpgroup();
}

void Cluster::commit_products() {
    ++current_->product_groups;
}

void Cluster::finish_product(Warpgroup& group, const ProductInFlight& flying) {
    const MatrixProduct& product = flying.product;
    as_engine(flying.work, [&] { read_operands(product); });

    const RegisterOperand* in_registers = flying.a.get();
    if (in_registers != nullptr) {
        for (size_t thread = 0; thread < kWarpgroup; ++thread) {
            const auto& values = in_registers->values[thread];
            if (!std::equal(values.begin(), values.end(), in_registers->registers[thread])) {
                fault("the registers of a matrix product's a were changed before its wait");
            }
        }
    }
    const auto bytes = static_cast<size_t>(product.element_bytes);
    const auto columns = static_cast<size_t>(product.columns);
    const size_t depth = kDepthBytes / bytes;
    const auto held = std::find_if(group.held.begin(), group.held.end(),
                                   [&](const HeldSums& one) { return one.registers[0] == product.sums; });
    std::vector<float> sums(kRows * columns, 0.0f), of_b(columns);
    const auto each_sum = [&](const auto& visit) {
        for (size_t thread = 0; thread < kWarpgroup; ++thread) {
            for (size_t i = 0; i < held->count; ++i) {
                visit(held->values[thread * held->count + i],
                      sums[row_of(thread, i) * columns + column_of(thread, i)]);
            }
        }
    };
    if (product.accumulate) each_sum([](float value, float& sum) { sum = value; });
    const Descriptor a(product.a), b(product.b);
    const auto value_of_a = [&](size_t row, size_t k) {
        if (in_registers != nullptr) {
            return tf32_value(in_registers->values[register_thread(row, k)][register_word(row, k)]);
        }
        const size_t place = place_of(a, product.a_depth_outer, bytes, row, k);
        return value_at(operand_at(product.a, place), product.element_bytes);
    };
    for (size_t k = 0; k < depth; ++k) {
        for (size_t column = 0; column < columns; ++column) {
            const size_t place = place_of(b, product.b_depth_outer, bytes, column, k);
            of_b[column] = value_at(operand_at(product.b, place), product.element_bytes);
        }
        for (size_t row = 0; row < kRows; ++row) {
            const float of_a = value_of_a(row, k);
            float* to = &sums[row * columns];
            for (size_t column = 0; column < columns; ++column) to[column] += of_a * of_b[column];
        }
    }
    each_sum([](float& value, float sum) { value = sum; });
    if (--held->products > 0) return;
    for (size_t thread = 0; thread < kWarpgroup; ++thread) {
        std::copy_n(&held->values[thread * held->count], held->count, held->registers[thread]);
    }
    group.held.erase(held);
}

void Cluster::wait_products(size_t allowed, std::source_location where) {
    if (!meet_warpgroup("wgmma_wait", nullptr, where)) return;
    Warpgroup& group = warpgroup();
    Thread* threads = warpgroup_threads();
    const size_t committed = current_->product_groups;
    size_t finished = 0;
    while (finished < group.products.size() && group.products[finished].group + allowed < committed) {
        finish_product(group, group.products[finished++]);
    }
    for (unsigned i = 0; i < kWarpgroup; ++i) {
        if (threads[i].product_groups != committed) {
            fault("the threads of a warpgroup committed different numbers of matrix products");
        }
        if (finished > 0) teach(threads[i], group.products[finished - 1].work);
        threads[i].products_fenced = false;
    }
    group.products.erase(group.products.begin(),
                         group.products.begin() + static_cast<std::ptrdiff_t>(finished));
    release_warpgroup();
}

}  // namespace objloc::host
