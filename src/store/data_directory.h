// DataDirectory: the place on disk that one process has for itself. Makes it, takes its lock, and makes files
// that only their owner can read. The lock goes with the process, however it ends. Blocking; at start only.
#pragma once

#include <string>
#include <string_view>

#include "net/epoll.h"
#include "store/store.h"

namespace weir::store {

class DataDirectory {
 public:
  // Makes the directory (0700) when it is not there; its parent must be. Refused while another process has
  // it.
  static Opened<DataDirectory> open(std::string path);
  // With the lock of the process that has it, which is to end: then this one has it alone.
  static Opened<DataDirectory> share(std::string path, net::Descriptor lock);
  // The lock once more, for share() by another process.
  Result<net::Descriptor> lock() const;
  // Says in the lock's file that it is this process that has it.
  Opened<void> sign() const;

  // The path of a file in it, which is made empty when it is not there, and in either case is 0600.
  Opened<std::string> private_file(std::string_view name) const;
  std::string path_of(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  DataDirectory(std::string path, net::Descriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  net::Descriptor lock_;
};

}  // namespace weir::store
