#include "objloc/models/formats/named_arrays.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "objloc/engine/error.h"

namespace objloc {
namespace {

/// "dense_2" -> "dense", as Keras numbers layers that were given no name; other names stay as they are.
std::string kind_of(const std::string& layer) {
    const size_t underscore = layer.rfind('_');
    if (underscore == std::string::npos || underscore + 1 == layer.size()) return layer;
    const bool numbered = layer.find_first_not_of("0123456789", underscore + 1) == std::string::npos;
    return numbered ? layer.substr(0, underscore) : layer;
}

std::string position_text(size_t index, const Shape& shape) {
    std::vector<int64_t> position(static_cast<size_t>(shape.rank()));
    auto rest = static_cast<int64_t>(index);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        position[static_cast<size_t>(axis)] = rest % shape[axis];
        rest /= shape[axis];
    }
    return fmt::format("({})", fmt::join(position, ", "));
}

/// Axis orders of other libraries, which readers most often meet.
std::string shape_hint(const Shape& wanted, const Shape& found) {
    if (found.rank() != wanted.rank()) return "It is another kind of tensor altogether.";
    if (wanted.rank() == 4 && found == Shape{wanted[3], wanted[2], wanted[0], wanted[1]}) {
        return "That is PyTorch's order (filters, channels, rows, columns): convert it with `objloc_weights "
               "convert`.";
    }
    if (wanted.rank() == 4 && found == Shape{wanted[0], wanted[1], wanted[3], wanted[2]}) {
        return "Channels and filters are swapped: transpose the last two axes.";
    }
    if (wanted.rank() == 2 && found == Shape{wanted[1], wanted[0]}) {
        return "It is transposed: PyTorch keeps (outputs, inputs), Keras (inputs, outputs).";
    }
    if (wanted.rank() == 2 && found[1] == wanted[1]) {
        return "The model was made for another image size or width.";
    }
    return "The model has another width or another head than this file.";
}

/// The arrays of a file, and which of them have been asked for.
class Matcher {
  public:
    Matcher(const std::string& where, const WeightFile& file) : where_(where), file_(file) {}

    /// The array of that name, or nullptr. A file with two of them is refused: which one is meant?
    const NamedArray* find(const std::string& name) const {
        const NamedArray* found = nullptr;
        for (const NamedArray& array : file_.arrays) {
            if (array.name != name) continue;
            if (found != nullptr)
                throw Error(where_, "holds two tensors named " + name, "Rename one of the layers.");
            found = &array;
        }
        return found;
    }

    const NamedArray* take(const NamedArray& array, const Shape& wanted) {
        if (const std::string fault = fault_of(array, wanted); !fault.empty()) throw Error(where_, fault);
        taken_.insert(&array);
        return &array;
    }

    /// For a layer that is not in the file: the one left-over layer of its kind that has its variables and
    /// shapes;
    /// "" without one or with several.
    std::string stand_in(const std::string& layer, const std::vector<WantedArray>& wanted) const {
        std::set<std::string> candidates;
        for (const NamedArray& array : file_.arrays) {
            const std::string candidate = layer_of(array.name);
            if (candidate == layer) return "";
            if (!taken_.contains(&array) && kind_of(candidate) == kind_of(layer) &&
                fits(candidate, layer, wanted)) {
                candidates.insert(candidate);
            }
        }
        return candidates.size() == 1 ? *candidates.begin() : "";
    }

    std::vector<std::string> left_over() const {
        std::vector<std::string> names;
        for (const NamedArray& array : file_.arrays) {
            if (!taken_.contains(&array)) names.push_back(array.name + " " + array.shape.text());
        }
        return names;
    }

  private:
    bool fits(const std::string& candidate, const std::string& layer,
              const std::vector<WantedArray>& wanted) const {
        return std::all_of(wanted.begin(), wanted.end(), [&](const WantedArray& want) {
            if (layer_of(want.name) != layer) return true;
            const NamedArray* array = find(candidate + "/" + variable_of(want.name));
            return array != nullptr && array->shape == want.shape;
        });
    }

    std::string where_;
    const WeightFile& file_;
    std::set<const NamedArray*> taken_;
};

std::string list_text(const char* title, const std::vector<std::string>& names) {
    return names.empty() ? "" : fmt::format("  {}: {}\n", title, fmt::join(names, ", "));
}

}  // namespace

std::string layer_of(const std::string& name) {
    return name.substr(0, name.rfind('/'));
}

std::string variable_of(const std::string& name) {
    return name.substr(name.rfind('/') + 1);
}

std::string not_finite(const NamedArray& array) {
    const auto bad = [](float value) { return !std::isfinite(value); };
    const auto first = std::find_if(array.values.begin(), array.values.end(), bad);
    if (first == array.values.end()) return "";
    const auto index = static_cast<size_t>(first - array.values.begin());
    return fmt::format("{} of {} values are not finite; the first is {} at {}",
                       std::count_if(first, array.values.end(), bad), array.values.size(), *first,
                       position_text(index, array.shape));
}

std::string fault_of(const NamedArray& array, const Shape& wanted) {
    if (array.shape != wanted) {
        return fmt::format("{} should have the shape {}, has {}\n  {}", array.name, wanted.text(),
                           array.shape.text(), shape_hint(wanted, array.shape));
    }
    const std::string fault = not_finite(array);
    if (fault.empty()) return "";
    return array.name + ": " + fault + "\n  Training diverged before it was saved, or the file is damaged.";
}

std::string LoadReport::text() const {
    return fmt::format("{} tensors taken, {} missing, {} left over\n", taken.size(), missing.size(),
                       left_over.size()) +
           list_text("missing", missing) + list_text("left over", left_over);
}

MatchedArrays match_arrays(const std::string& where, const WeightFile& file,
                           const std::vector<WantedArray>& wanted) {
    Matcher matcher(where, file);
    MatchedArrays matched;
    for (const WantedArray& want : wanted) {
        const NamedArray* array = matcher.find(want.name);
        matched.arrays.push_back(array == nullptr ? nullptr : matcher.take(*array, want.shape));
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
        const WantedArray& want = wanted[i];
        std::string note;
        if (matched.arrays[i] == nullptr) {
            const std::string layer = matcher.stand_in(layer_of(want.name), wanted);
            if (!layer.empty()) {
                const std::string name = layer + "/" + variable_of(want.name);
                matched.arrays[i] = matcher.take(*matcher.find(name), want.shape);
                note = " (from " + name + ")";
            }
        }
        auto& list = matched.arrays[i] == nullptr ? matched.report.missing : matched.report.taken;
        list.push_back(want.name + note);
    }
    matched.report.left_over = matcher.left_over();
    return matched;
}

}  // namespace objloc
