#include "generators/backgrounds.h"

#include <algorithm>
#include <filesystem>

#include "engine/error.h"
#include "engine/file.h"
#include "generators/embedded_assets.h"
#include "generators/resize.h"

namespace objloc {

namespace {

namespace fs = std::filesystem;

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

void add_folder(const std::string& folder, int side, BackgroundSet& set) {
    const size_t before = set.images.size();
    for (const std::string& file : files_of(folder)) {
        const std::vector<uint8_t> bytes = read_file(file);
        if (is_image(bytes)) {
            set.images.push_back(make_background(decode_image(bytes, file), side));
        } else {
            set.skipped.push_back(file);
        }
    }
    if (set.images.size() == before) {
        throw Error(folder, "the folder holds no PNG or JPEG file", "Put at least one background into it.");
    }
}

}  // namespace

Image make_background(const Image& image, int side) {
    const int square = std::min(image.width, image.height);
    const int left = (image.width - square) / 2, top = (image.height - square) / 2;
    return resize(to_rgb(crop(image, left, top, square, square)), side, side);
}

BackgroundSet load_backgrounds(const std::vector<std::string>& paths, int side) {
    BackgroundSet set;
    for (const std::string& path : paths) {
        std::error_code ignored;
        if (fs::is_directory(path, ignored)) {
            add_folder(path, side, set);
        } else {
            set.images.push_back(make_background(load_image(path), side));
        }
    }
    if (!paths.empty()) return set;
    for (const EmbeddedFile& file : embedded_backgrounds()) {
        set.images.push_back(make_background(decode_image(file.bytes, std::string(file.name)), side));
    }
    return set;
}

}  // namespace objloc
