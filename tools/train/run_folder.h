// The folder that a training run leaves behind: config.json, metrics.jsonl, model.h5, samples.png,
// predictions.png, summary.txt.
#pragma once

#include <fstream>
#include <string>

namespace objloc {

class RunFolder {
  public:
    /// Makes the folder. An empty `path` picks runs/`name`, numbered when that exists. Throws Error when it
    /// cannot be made or written to, before anything is computed.
    RunFolder(const std::string& path, const std::string& name);

    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    /// Writes a whole file, or nothing.
    void write(const std::string& name, const std::string& text) const;
    /// Appends one line to metrics.jsonl. Throws Error when the disk is full.
    void log(const std::string& json_line);

  private:
    std::string path_;
    std::ofstream metrics_;
};

}  // namespace objloc
