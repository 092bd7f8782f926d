// KeptFile: one text that is kept on disk as it changes, whole or not at all, readable by its owner only.
// Texts are made and written on a thread of its own; of those that come faster than it writes, only the last
// is. On the loop of its owner.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"

namespace weir::store {

class KeptFile {
 public:
  // Between two writes: a burst of changes costs the disk one.
  static constexpr Duration kPause = std::chrono::seconds(1);

  // kNotFound: there is none. Blocking; for the start.
  static Result<std::string> read(const std::string& path, std::size_t bytes_max);
  // The text in place of what is there. Blocking; for those who keep nothing else going.
  static Result<void> replace(const std::string& path, std::string_view text);

  KeptFile(std::string path, Log& log, Duration pause = kPause);
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;
  ~KeptFile();  // writes what waits

  // Makes the text on the file's thread, so it must refer to nothing that others change.
  using Make = std::move_only_function<std::string()>;
  void keep(Make make);

 private:
  void run();
  void write(Make make);

  std::string path_;
  Log& log_;
  Duration pause_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable work_;
  Make waiting_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace weir::store
