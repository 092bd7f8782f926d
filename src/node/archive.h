// ArchiveBody: a file as the content of a request. Read with pread in pieces: it is on this machine, and an
// image is loaded once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/body.h"
#include "net/epoll.h"

namespace weir::node {

class ArchiveBody final : public http::Body {
 public:
  static Result<std::unique_ptr<ArchiveBody>> open(const std::string& path);

  std::uint64_t bytes() const { return bytes_; }
  net::Task<Result<net::Slice>> read() override;
  bool at_end() const override { return at_ == bytes_; }

 private:
  ArchiveBody(net::Descriptor file, std::uint64_t bytes) : file_(std::move(file)), bytes_(bytes) {}

  net::Descriptor file_;
  std::uint64_t bytes_;
  std::uint64_t at_ = 0;
  std::vector<std::byte> piece_;
};

}  // namespace weir::node
