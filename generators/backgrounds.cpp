#include "objloc/generators/backgrounds.h"

#include <algorithm>
#include <filesystem>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/generators/embedded_assets.h"
#include "objloc/generators/resize.h"

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
        throw Error(folder, "the folder holds no PNG or JPEG file", "Put at least one picture into it.");
    }
}

}  // namespace

Image make_background(const Image& image, int side) {
    const int square = std::min(image.width, image.height);
    const int left = (image.width - square) / 2, top = (image.height - square) / 2;
    return resize(to_rgb(crop(image, left, top, square, square)), side, side);
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

BackgroundSet load_backgrounds(const std::vector<std::string>& paths, int side, bool held_out,
                               const Augmentation& variety) {
    PhotographSet photographs = load_photographs(paths, held_out);
    BackgroundSet set;
    for (size_t i = 0; i < photographs.images.size(); ++i) {
        for (Image& cut :
             background_variants(photographs.images[i], side, variety.backgrounds, variety.seed, i)) {
            set.images.push_back(std::move(cut));
        }
    }
    set.skipped = std::move(photographs.skipped);
    return set;
}

}  // namespace objloc
