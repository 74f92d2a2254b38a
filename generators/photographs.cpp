#include "objloc/generators/photographs.h"

#include <algorithm>
#include <filesystem>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/generators/embedded_assets.h"

namespace objloc {
namespace {

namespace fs = std::filesystem;

constexpr const char *kNoPicture = "the folder holds no PNG or JPEG file",
                     *kAddPicture = "Put at least one picture into it.";

/// The regular files directly in a folder, by name, so that an index means the same picture on every machine.
std::vector<std::string> files_of(const std::string& folder) {
    std::vector<std::string> files;
    std::error_code failure;
    for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        if (entry->is_regular_file(failure)) files.push_back(entry->path().string());
    }
    if (failure)
        throw Error(folder, "the folder cannot be read: " + failure.message(), "Check its permissions.");
    std::sort(files.begin(), files.end());
    return files;
}

void add_folder(const std::string& folder, PhotographSet& set) {
    const size_t before = set.images.size();
    for (const std::string& file : files_of(folder)) {
        const std::vector<uint8_t> bytes = read_file(file);
        if (is_image(bytes)) {
            set.images.push_back(decode_image(bytes, file));
        } else {
            set.skipped.push_back(file);
        }
    }
    if (set.images.size() == before) {
        throw Error(folder, kNoPicture, kAddPicture);
    }
}

}  // namespace

std::vector<std::string> picture_files(const std::string& path) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) return {path};
    std::vector<std::string> pictures;
    for (const std::string& file : files_of(path)) {
        if (is_image(read_file(file))) pictures.push_back(file);
    }
    if (pictures.empty()) throw Error(path, kNoPicture, kAddPicture);
    return pictures;
}

PhotographSet load_photographs(const std::vector<std::string>& paths, bool held_out) {
    PhotographSet set;
    for (const std::string& path : paths) {
        std::error_code ignored;
        if (fs::is_directory(path, ignored)) {
            add_folder(path, set);
        } else {
            set.images.push_back(load_image(path));
        }
    }
    if (paths.empty()) {
        for (const EmbeddedFile& file : held_out ? embedded_held_out_backgrounds() : embedded_backgrounds()) {
            set.images.push_back(decode_image(file.bytes, std::string(file.name)));
        }
    }
    return set;
}

}  // namespace objloc
