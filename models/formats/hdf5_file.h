// Reading and writing HDF5 files: groups, attributes that are text, and arrays of numbers.
//
// A thin, owning layer over the HDF5 library's C interface (https://docs.hdfgroup.org/hdf5/v1_14/), for what
// Keras's weight files need. Every library call is checked; the library's own error report, which it would
// print, becomes part of our Error. `hid_t` is kept as int64_t so that nothing else has to include HDF5's
// headers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "objloc/engine/shape.h"

namespace objloc {

/// Owns one HDF5 identifier (file, group, dataset, attribute, dataspace, datatype or property list).
class Hdf5Handle {
  public:
    using Closer = int (*)(int64_t);
    Hdf5Handle() = default;
    Hdf5Handle(int64_t id, Closer closer) : id_(id), closer_(closer) {}
    ~Hdf5Handle();
    Hdf5Handle(Hdf5Handle&& other) noexcept;
    Hdf5Handle& operator=(Hdf5Handle&& other) noexcept;

    int64_t id() const { return id_; }

  private:
    int64_t id_ = -1;
    Closer closer_ = nullptr;
};

/// What the file holds of an array, before its values are read.
struct Hdf5ArrayInfo {
    std::vector<int64_t> extents;
    /// "float32", "float16", "bfloat16", "int64", "text", ...
    std::string type;
};

/// A group of an open file. Paths are relative to it and may have several components ("vars/0").
/// A group keeps its file open, as in HDF5 itself.
class Hdf5Group {
  public:
    Hdf5Group(Hdf5Handle handle, std::string file, std::string path);

    /// "model.h5: /model_weights/dense", for messages.
    std::string where(const std::string& name = "") const;

    /// Names of the groups and arrays in this group: runs of digits count as numbers, so conv2d_2 comes
    /// before conv2d_10.
    std::vector<std::string> children() const;
    bool has(const std::string& name) const;
    bool is_group(const std::string& name) const;
    Hdf5Group group(const std::string& name) const;
    /// Makes the groups on the way too.
    Hdf5Group create_group(const std::string& name);

    bool has_attribute(const std::string& name) const;
    /// The names of the attributes that hold text.
    std::vector<std::string> text_attributes() const;
    /// Text of fixed or variable length; a scalar gives one entry; an empty array of any type gives none.
    std::vector<std::string> read_strings(const std::string& attribute) const;
    /// One text. Throws Error when the attribute holds several.
    std::string read_string(const std::string& attribute) const;
    /// Fixed-length, padded with zeros: what h5py makes of a list of `bytes`.
    void write_strings(const std::string& attribute, const std::vector<std::string>& values);
    /// One text in UTF-8, of fixed length: HDF5 1.10 can crash, or never end, on a damaged text of variable
    /// length.
    void write_string(const std::string& attribute, const std::string& value);

    Hdf5ArrayInfo info(const std::string& name) const;
    /// The values converted to T (float, double or int64_t) from whatever number type the file has.
    template <typename T>
    std::vector<T> read(const std::string& name) const;
    /// Writes float32 with a checksum, so that a flipped bit is noticed on reading.
    void write(const std::string& name, const Shape& shape, std::span<const float> values);

  private:
    Hdf5Handle handle_;
    std::string file_;
    std::string path_;
};

/// Opens a file for reading and gives its root group. Throws Error, with a hint, for a file that is missing,
/// empty, truncated, or something other than HDF5.
Hdf5Group open_hdf5(const std::string& path);

/// A file to be written. It is built in memory and reaches the disk in `save`, whole or not at all: when a
/// disk is full, HDF5 itself may end the program, while plain writing reports it.
class Hdf5Writer {
  public:
    explicit Hdf5Writer(const std::string& path);
    Hdf5Group& root() { return *root_; }
    /// Writes beside `path` and renames. Throws Error and leaves nothing half written on failure.
    void save();

  private:
    std::string path_;
    Hdf5Handle file_;
    std::unique_ptr<Hdf5Group> root_;
};

}  // namespace objloc
