// Spool: lines that wait on disk for one collector, in files of which each is sent as a whole, under an id of
// its own. Bounded: beyond that the oldest go, and are counted. Several processes may use one folder, as
// during an upgrade: each has files of its own, and takes up those of one that has ended. Blocking; on one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/random.h"
#include "base/time.h"
#include "net/epoll.h"

namespace weir::shipping {

class Spool {
 public:
  // What is sent at once: a collector has to take so much, and when it is lost, so much is.
  static constexpr std::size_t kFileBytesMax = std::size_t{1} << 20U;
  static constexpr std::uint64_t kBytesMin = std::uint64_t{8} << 20U;
  // What a line that a foreign hand put there may make of a file.
  static constexpr std::size_t kForeignFileBytesMax = std::size_t{4} << 20U;

  // Makes the folder, below one that is there. bytes_max: of all files that this process answers for; that
  // of what is being sent comes on top.
  static Result<std::unique_ptr<Spool>> open(std::string folder, std::uint64_t bytes_max, Random& random);
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool();

  // Whole lines. When they can't be written, nothing of them is there.
  Result<void> append(std::string_view lines, WallTime now);

  struct Pack {
    std::string id;  // the same as often as it is sent, and of no other
    std::string lines;
    std::uint64_t count = 0;
  };
  // The oldest, to which nothing is added any more. None: nothing waits.
  std::optional<Pack> oldest();
  // It is done with; otherwise oldest() gives it again.
  void remove(const std::string& id);

  // What waits is there even when the machine loses power.
  void sync();
  // Takes up what processes that have ended have left. True: there is more now.
  bool adopt();

  std::uint64_t bytes() const { return bytes_; }
  std::optional<WallTime> waiting_since() const;
  // Lines of files that went because of the bound, or could not be read; since the last time.
  std::uint64_t take_dropped() { return std::exchange(dropped_, 0); }

 private:
  struct File {
    std::string id;
    std::uint64_t bytes = 0;
    WallTime since;
    bool synced = false;
  };
  Spool(std::string folder, std::uint64_t bytes_max, std::string tag);

  std::string path_of(const std::string& id) const;
  std::string lock_path_of(const std::string& tag) const;
  Result<void> begin_file(WallTime now);
  void keep_bound();
  void forget(std::deque<File>::iterator file);
  void release_locks();
  Result<std::string> read(const std::string& id) const;

  std::string folder_;
  std::uint64_t bytes_max_;
  std::string tag_;                               // of this process
  std::map<std::string, net::Descriptor> locks_;  // by the tags whose files are here
  std::deque<File> files_;                        // the oldest first; the last may be open
  net::Descriptor open_;
  std::uint64_t next_ = 1;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::string sending_;  // id; it is not dropped meanwhile
};

}  // namespace weir::shipping
