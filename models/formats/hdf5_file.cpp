#include "objloc/models/formats/hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cstring>
#include <type_traits>
#include <utility>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"

namespace objloc {

static_assert(std::is_same_v<hid_t, int64_t>, "HDF5 1.10 or newer is needed: its identifiers have 64 bits");

namespace {

constexpr const char* kDamaged = "The file is damaged: download or copy it again.";
/// No weight tensor comes near this; a damaged header might claim any size.
constexpr int64_t kMostElements = int64_t{1} << 32;

/// The innermost message of HDF5's error stack: what went wrong, without the calls that led to it.
std::string hdf5_reason() {
    std::string reason;
    const auto take_first = [](unsigned, const H5E_error2_t* entry, void* out) -> herr_t {
        if (entry->desc != nullptr) *static_cast<std::string*>(out) = entry->desc;
        return 1;  // positive: stop here
    };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &reason);
    return reason.empty() ? "HDF5 gives no reason" : reason;
}

/// Passes a result of HDF5 on, or throws: HDF5 reports failure by negative numbers.
template <typename Result>
Result check(Result result, const std::string& where, const std::string& failure,
             const char* hint = kDamaged) {
    if (result < 0) throw Error(where, failure + ": " + hdf5_reason(), hint);
    return result;
}

/// HDF5 prints its error stack unless told otherwise. Our Errors carry its message instead.
void silence_hdf5() {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

/// conv2d_2 before conv2d_10: runs of digits compare by value.
bool natural_less(const std::string& left, const std::string& right) {
    const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
    size_t i = 0;
    size_t j = 0;
    while (i < left.size() && j < right.size()) {
        if (!is_digit(left[i]) || !is_digit(right[j])) {
            if (left[i] != right[j]) return left[i] < right[j];
            ++i, ++j;
            continue;
        }
        const auto number = [&](const std::string& text, size_t& at) {
            const size_t begin = std::min(text.find_first_not_of('0', at), text.size());
            at = begin;
            while (at < text.size() && is_digit(text[at])) ++at;
            return text.substr(begin, at - begin);
        };
        const std::string a = number(left, i);
        const std::string b = number(right, j);
        if (a.size() != b.size()) return a.size() < b.size();
        if (a != b) return a < b;
    }
    return left.size() - i < right.size() - j;
}

/// Reads an attribute's or dataset's text type once it is known to be text; frees what HDF5 allocated.
std::vector<std::string> read_text(hid_t attribute, hid_t type, size_t count, const std::string& where) {
    std::vector<std::string> values(count);
    if (check(H5Tis_variable_str(type), where, "has no readable type") > 0) {
        std::vector<char*> texts(count, nullptr);
        check(H5Aread(attribute, type, texts.data()), where, "could not be read");
        for (size_t i = 0; i < count; ++i) {
            if (texts[i] != nullptr) values[i] = texts[i];
            H5free_memory(texts[i]);
        }
        return values;
    }
    const size_t width = H5Tget_size(type);
    std::string bytes(count * width, '\0');
    check(H5Aread(attribute, type, bytes.data()), where, "could not be read");
    for (size_t i = 0; i < count; ++i) {
        const char* text = bytes.data() + i * width;
        values[i].assign(text, strnlen(text, width));
    }
    return values;
}

std::string name_of_type(hid_t type) {
    const std::string bits = std::to_string(8 * H5Tget_size(type));
    switch (H5Tget_class(type)) {
        case H5T_FLOAT:
            return "float" + bits;
        case H5T_INTEGER:
            return (H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int") + bits;
        case H5T_OPAQUE:
            return bits == "16" ? "bfloat16" : "opaque";  // so Keras 3 stores bfloat16
        case H5T_STRING:
            return "text";
        case H5T_ENUM:
            return "enum";
        case H5T_COMPOUND:
            return "compound";
        default:
            return "unknown type";
    }
}

std::vector<int64_t> extents_of(hid_t space, const std::string& where) {
    const int rank = check(H5Sget_simple_extent_ndims(space), where, "has no readable shape");
    std::vector<hsize_t> sizes(static_cast<size_t>(rank));
    if (rank > 0)
        check(H5Sget_simple_extent_dims(space, sizes.data(), nullptr), where, "has no readable shape");
    return {sizes.begin(), sizes.end()};
}

size_t count_of(const std::vector<int64_t>& extents, const std::string& where) {
    int64_t count = 1;
    for (const int64_t extent : extents) {
        if (extent < 0 || (extent > 0 && count > kMostElements / extent)) {
            throw Error(where, "claims more than " + std::to_string(kMostElements) + " elements", kDamaged);
        }
        count *= extent;
    }
    return static_cast<size_t>(count);
}

Hdf5Handle open_dataset(hid_t group, const std::string& name, const std::string& where) {
    return {check(H5Dopen2(group, name.c_str(), H5P_DEFAULT), where, "could not be opened"), H5Dclose};
}

Hdf5Handle dataset_space(hid_t dataset, const std::string& where) {
    return {check(H5Dget_space(dataset), where, "has no readable shape"), H5Sclose};
}

Hdf5Handle dataset_type(hid_t dataset, const std::string& where) {
    return {check(H5Dget_type(dataset), where, "has no readable type"), H5Tclose};
}

/// Refuses an array that claims more than its file can hold, before memory is taken for it: a damaged shape
/// may say anything. Only chunks can be compressed, by deflate to 1/1032 at best.
void require_stored(hid_t dataset, size_t bytes, const std::string& where) {
    const Hdf5Handle file{check(H5Iget_file_id(dataset), where, "has no readable file"), H5Fclose};
    hsize_t file_bytes = 0;
    check(H5Fget_filesize(file.id(), &file_bytes), where, "has no readable file");
    const Hdf5Handle creation{check(H5Dget_create_plist(dataset), where, "has no readable layout"), H5Pclose};
    const bool chunked = check(H5Pget_layout(creation.id()), where, "has no readable layout") == H5D_CHUNKED;
    const hsize_t most = file_bytes * (chunked ? 1032 : 1);
    if (bytes > most || (bytes > 0 && H5Dget_storage_size(dataset) == 0)) {
        throw Error(where, "claims " + std::to_string(bytes) + " bytes that are not in the file", kDamaged);
    }
}

template <typename T>
hid_t native_type() {
    if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
    if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
    if constexpr (std::is_same_v<T, int64_t>) return H5T_NATIVE_INT64;
}

/// bfloat16 is the upper half of a float32.
template <typename T>
void read_bfloat16(hid_t dataset, hid_t type, std::vector<T>& values, const std::string& where) {
    std::vector<uint16_t> halves(values.size());
    check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, halves.data()), where, "could not be read");
    for (size_t i = 0; i < halves.size(); ++i) {
        values[i] = static_cast<T>(std::bit_cast<float>(static_cast<uint32_t>(halves[i]) << 16));
    }
}

/// The first bytes of a file that HDF5 will not open tell what it is instead.
Error not_hdf5(const std::string& path, const std::string& reason) {
    const std::vector<uint8_t> file = read_file(path);  // throws for what cannot be read at all
    const std::string bytes(file.begin(), file.begin() + std::min<ptrdiff_t>(16, std::ssize(file)));
    if (bytes.empty()) return {path, "is empty", kDamaged};
    if (bytes.starts_with("\x89HDF")) {
        const bool truncated = reason.find("truncated") != std::string::npos;
        return {path, (truncated ? "is cut short: " : "is HDF5, but cannot be opened: ") + reason, kDamaged};
    }
    if (bytes.starts_with("PK")) {
        return {path, "is a zip archive, such as Keras's .keras files, not HDF5",
                "In Keras: model.save_weights('model.weights.h5')."};
    }
    std::string shown;
    for (const char c : bytes) shown += std::isprint(static_cast<unsigned char>(c)) ? c : '.';
    return {path, "is not an HDF5 file: it begins with \"" + shown + "\"",
            "A download that failed often leaves a web page under the file's name."};
}

/// What both kinds of group and array are made with: no time stamps, so that equal weights make equal files.
Hdf5Handle creation_list(hid_t kind, const std::string& where) {
    Hdf5Handle list{check(H5Pcreate(kind), where, "could not be prepared", ""), H5Pclose};
    check(H5Pset_obj_track_times(list.id(), false), where, "could not be prepared", "");
    return list;
}

}  // namespace

Hdf5Handle::~Hdf5Handle() {
    if (id_ >= 0) closer_(id_);
}

Hdf5Handle::Hdf5Handle(Hdf5Handle&& other) noexcept
    : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {
}

Hdf5Handle& Hdf5Handle::operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
}

Hdf5Group::Hdf5Group(Hdf5Handle handle, std::string file, std::string path)
    : handle_(std::move(handle)), file_(std::move(file)), path_(std::move(path)) {
}

std::string Hdf5Group::where(const std::string& name) const {
    return file_ + ": " + path_ + (name.empty() || path_.ends_with('/') ? "" : "/") + name;
}

std::vector<std::string> Hdf5Group::children() const {
    std::vector<std::string> names;
    const auto take = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
    };
    check(H5Literate(handle_.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, take, &names), where(),
          "its contents could not be listed");
    std::sort(names.begin(), names.end(), natural_less);
    return names;
}

bool Hdf5Group::has(const std::string& name) const {
    // Every group on the way has to be asked for: HDF5 takes a missing one for an error.
    for (size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
        if (H5Lexists(handle_.id(), name.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
    }
    return H5Lexists(handle_.id(), name.c_str(), H5P_DEFAULT) > 0;
}

bool Hdf5Group::is_group(const std::string& name) const {
    const Hdf5Handle object{
        check(H5Oopen(handle_.id(), name.c_str(), H5P_DEFAULT), where(name), "could not be opened"),
        H5Oclose};
    return H5Iget_type(object.id()) == H5I_GROUP;
}

Hdf5Group Hdf5Group::group(const std::string& name) const {
    Hdf5Handle handle{
        check(H5Gopen2(handle_.id(), name.c_str(), H5P_DEFAULT), where(name), "is not a readable group"),
        H5Gclose};
    return {std::move(handle), file_, path_ + (path_.ends_with('/') ? "" : "/") + name};
}

Hdf5Group Hdf5Group::create_group(const std::string& name) {
    const Hdf5Handle links{check(H5Pcreate(H5P_LINK_CREATE), where(name), "could not be prepared", ""),
                           H5Pclose};
    check(H5Pset_create_intermediate_group(links.id(), 1), where(name), "could not be prepared", "");
    const Hdf5Handle creation = creation_list(H5P_GROUP_CREATE, where(name));
    Hdf5Handle handle{check(H5Gcreate2(handle_.id(), name.c_str(), links.id(), creation.id(), H5P_DEFAULT),
                            where(name), "could not be made", ""),
                      H5Gclose};
    return {std::move(handle), file_, path_ + (path_.ends_with('/') ? "" : "/") + name};
}

bool Hdf5Group::has_attribute(const std::string& name) const {
    return check(H5Aexists(handle_.id(), name.c_str()), where(), "its attributes could not be read") > 0;
}

std::vector<std::string> Hdf5Group::text_attributes() const {
    std::vector<std::string> names;
    const auto take = [](hid_t object, const char* name, const H5A_info_t*, void* out) -> herr_t {
        const Hdf5Handle attribute{H5Aopen(object, name, H5P_DEFAULT), H5Aclose};
        const Hdf5Handle type{H5Aget_type(attribute.id()), H5Tclose};
        if (H5Tget_class(type.id()) == H5T_STRING)
            static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
    };
    check(H5Aiterate2(handle_.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, take, &names), where(),
          "its attributes could not be read");
    return names;
}

std::vector<std::string> Hdf5Group::read_strings(const std::string& name) const {
    const std::string place = where("@" + name);
    const Hdf5Handle attribute{
        check(H5Aopen(handle_.id(), name.c_str(), H5P_DEFAULT), place, "could not be opened"), H5Aclose};
    const Hdf5Handle space{check(H5Aget_space(attribute.id()), place, "has no readable shape"), H5Sclose};
    const size_t count = count_of(extents_of(space.id(), place), place);
    if (count == 0) return {};  // h5py writes an empty list as float64
    const Hdf5Handle type{check(H5Aget_type(attribute.id()), place, "has no readable type"), H5Tclose};
    if (H5Tget_class(type.id()) != H5T_STRING) {
        throw Error(place, "should be text, is " + name_of_type(type.id()), kDamaged);
    }
    return read_text(attribute.id(), type.id(), count, place);
}

std::string Hdf5Group::read_string(const std::string& name) const {
    const std::vector<std::string> values = read_strings(name);
    if (values.size() != 1) {
        throw Error(where("@" + name), "should be one text, is " + std::to_string(values.size()), kDamaged);
    }
    return values[0];
}

void Hdf5Group::write_strings(const std::string& name, const std::vector<std::string>& values) {
    size_t width = 1;
    for (const std::string& value : values) width = std::max(width, value.size());
    std::string bytes;
    for (const std::string& value : values) bytes += value + std::string(width - value.size(), '\0');

    const std::string place = where("@" + name);
    const Hdf5Handle type{check(H5Tcopy(H5T_C_S1), place, "could not be written", ""), H5Tclose};
    check(H5Tset_size(type.id(), width), place, "could not be written", "");
    check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), place, "could not be written", "");
    const hsize_t count = values.size();
    const Hdf5Handle space{check(H5Screate_simple(1, &count, nullptr), place, "could not be written", ""),
                           H5Sclose};
    const Hdf5Handle attribute{
        check(H5Acreate2(handle_.id(), name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), place,
              "could not be written", ""),
        H5Aclose};
    if (count > 0)
        check(H5Awrite(attribute.id(), type.id(), bytes.data()), place, "could not be written", "");
}

void Hdf5Group::write_string(const std::string& name, const std::string& value) {
    const std::string place = where("@" + name);
    const Hdf5Handle type{check(H5Tcopy(H5T_C_S1), place, "could not be written", ""), H5Tclose};
    const std::string padded = value.empty() ? std::string(1, '\0') : value;
    check(H5Tset_size(type.id(), padded.size()), place, "could not be written", "");
    check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), place, "could not be written", "");
    check(H5Tset_cset(type.id(), H5T_CSET_UTF8), place, "could not be written", "");
    const Hdf5Handle space{check(H5Screate(H5S_SCALAR), place, "could not be written", ""), H5Sclose};
    const Hdf5Handle attribute{
        check(H5Acreate2(handle_.id(), name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), place,
              "could not be written", ""),
        H5Aclose};
    check(H5Awrite(attribute.id(), type.id(), padded.data()), place, "could not be written", "");
}

Hdf5ArrayInfo Hdf5Group::info(const std::string& name) const {
    const Hdf5Handle dataset = open_dataset(handle_.id(), name, where(name));
    const Hdf5Handle space = dataset_space(dataset.id(), where(name));
    const Hdf5Handle type = dataset_type(dataset.id(), where(name));
    return {extents_of(space.id(), where(name)), name_of_type(type.id())};
}

template <typename T>
std::vector<T> Hdf5Group::read(const std::string& name) const {
    const std::string place = where(name);
    const Hdf5Handle dataset = open_dataset(handle_.id(), name, place);
    const Hdf5Handle space = dataset_space(dataset.id(), place);
    const Hdf5Handle type = dataset_type(dataset.id(), place);
    const size_t count = count_of(extents_of(space.id(), place), place);
    require_stored(dataset.id(), count * H5Tget_size(type.id()), place);
    std::vector<T> values(count);
    const std::string stored = name_of_type(type.id());
    if (stored == "bfloat16") {
        read_bfloat16(dataset.id(), type.id(), values, place);
        return values;
    }
    if (H5Tget_class(type.id()) != H5T_FLOAT && H5Tget_class(type.id()) != H5T_INTEGER) {
        throw Error(place, "should hold numbers, holds " + stored, "");
    }
    check(H5Dread(dataset.id(), native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), place,
          "could not be read");
    return values;
}

template std::vector<float> Hdf5Group::read(const std::string&) const;
template std::vector<double> Hdf5Group::read(const std::string&) const;
template std::vector<int64_t> Hdf5Group::read(const std::string&) const;

void Hdf5Group::write(const std::string& name, const Shape& shape, std::span<const float> values) {
    const std::string place = where(name);
    if (shape.count() != static_cast<int64_t>(values.size())) {
        throw Error(place, "has " + std::to_string(values.size()) + " values for the shape " + shape.text());
    }
    std::array<hsize_t, Shape::kMaxRank> extents{};
    for (int axis = 0; axis < shape.rank(); ++axis) {
        extents[static_cast<size_t>(axis)] = static_cast<hsize_t>(shape[axis]);
    }
    const Hdf5Handle creation = creation_list(H5P_DATASET_CREATE, place);
    if (shape.rank() > 0 && shape.count() > 0) {
        // HDF5 keeps checksums for chunks only; the whole array is one chunk.
        check(H5Pset_chunk(creation.id(), shape.rank(), extents.data()), place, "could not be written", "");
        check(H5Pset_fletcher32(creation.id()), place, "could not be written", "");
    }
    const Hdf5Handle space{
        check(H5Screate_simple(shape.rank(), extents.data(), nullptr), place, "could not be written", ""),
        H5Sclose};
    const Hdf5Handle dataset{check(H5Dcreate2(handle_.id(), name.c_str(), H5T_IEEE_F32LE, space.id(),
                                              H5P_DEFAULT, creation.id(), H5P_DEFAULT),
                                   place, "could not be written", ""),
                             H5Dclose};
    check(H5Dwrite(dataset.id(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), place,
          "could not be written", "");
}

Hdf5Group open_hdf5(const std::string& path) {
    silence_hdf5();
    const Hdf5Handle file{H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose};
    if (file.id() < 0) throw not_hdf5(path, hdf5_reason());
    Hdf5Handle root{check(H5Gopen2(file.id(), "/", H5P_DEFAULT), path, "its root group could not be opened"),
                    H5Gclose};
    return {std::move(root), path, "/"};
}

Hdf5Writer::Hdf5Writer(const std::string& path) : path_(path) {
    silence_hdf5();
    const Hdf5Handle access{check(H5Pcreate(H5P_FILE_ACCESS), path, "could not be prepared", ""), H5Pclose};
    constexpr size_t kGrowth = 1 << 20;  // bytes
    check(H5Pset_fapl_core(access.id(), kGrowth, false), path, "could not be prepared", "");
    // The oldest format, which every HDF5 reads. (Newer ones keep a checksum of the file's head, which
    // H5Fget_file_image then makes wrong.)
    check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18), path,
          "could not be prepared", "");
    const Hdf5Handle creation = creation_list(H5P_FILE_CREATE, path);
    file_ = {check(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), path,
                   "could not be made", ""),
             H5Fclose};
    Hdf5Handle root{check(H5Gopen2(file_.id(), "/", H5P_DEFAULT), path, "could not be made", ""), H5Gclose};
    root_ = std::make_unique<Hdf5Group>(std::move(root), path, "/");
}

void Hdf5Writer::save() {
    check(H5Fflush(file_.id(), H5F_SCOPE_GLOBAL), path_, "could not be put together", "");
    const ssize_t size =
        check(H5Fget_file_image(file_.id(), nullptr, 0), path_, "could not be put together", "");
    std::vector<uint8_t> image(static_cast<size_t>(size));
    check(H5Fget_file_image(file_.id(), image.data(), image.size()), path_, "could not be put together", "");
    write_file_atomically(path_, image);
}

}  // namespace objloc
