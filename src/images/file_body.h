// FileBody: a file, or what comes through a pipe, as the content of a message. Read in pieces, blocking: it
// is on this machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/body.h"
#include "net/epoll.h"

namespace weir::images {

class FileBody final : public http::Body {
 public:
  static Result<std::unique_ptr<FileBody>> open(const std::string& path);
  // What is open already: a file from its beginning, or a pipe to its end.
  static Result<std::unique_ptr<FileBody>> take(net::Descriptor file);

  // Nothing: it is a pipe.
  std::optional<std::uint64_t> bytes() const { return bytes_; }
  net::Task<Result<net::Slice>> read() override;
  bool at_end() const override { return bytes_ ? at_ == *bytes_ : ended_; }

 private:
  FileBody(net::Descriptor file, std::optional<std::uint64_t> bytes)
      : file_(std::move(file)), bytes_(bytes) {}

  net::Descriptor file_;
  std::optional<std::uint64_t> bytes_;
  std::uint64_t at_ = 0;
  bool ended_ = false;  // of a pipe
  std::vector<std::byte> piece_;
};

}  // namespace weir::images
