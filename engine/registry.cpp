#include "objloc/engine/registry.h"

#include "objloc/engine/error.h"

namespace objloc {
std::unique_ptr<Backend> Registry::make(const std::string& name, const BackendOptions& options) const {
    std::string known;
    for (const BackendEntry& entry : entries_) {
        if (name == entry.name && !entry.missing.empty()) {
            throw Error("device '" + name + "'", entry.missing, entry.hint);
        }
        if (name == entry.name || (name == "auto" && entry.missing.empty())) return entry.make(options);
        known += (known.empty() ? "" : ", ") + entry.name;
    }
    throw Error("device '" + name + "'", "there is no such backend", "Known: auto, " + known + ".");
}

}  // namespace objloc
