// LogReading, Exec: what a container writes, and a command in one, pulled from podman as it comes: what is
// not asked for yet makes who writes it wait. Made by Client, each on a connection of its own; on its loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "http/service.h"
#include "net/buffer.h"
#include "net/stream.h"
#include "net/task.h"
#include "podman/log_frames.h"
#include "podman/trouble.h"

namespace weir::podman {

class LogReading {
 public:
  explicit LogReading(http::ResponsePtr response) : response_(std::move(response)) {}

  // Tells what comes next, however long that takes, in whole frames: a line each, or a part of a long one,
  // which has no end of a line then. False: that was all.
  net::Task<Told<bool>> read(const LogFrames::Tell& tell);

 private:
  http::ResponsePtr response_;
  LogFrames frames_;
  std::string frame_;  // as much of it as has come
};

// One task reads and one writes at a time.
class Exec {
 public:
  static constexpr Duration kWriteTimeout = std::chrono::minutes(10);  // the command takes some of its input

  // early: what came with the head.
  Exec(std::string id, std::unique_ptr<net::Stream> stream, std::string early, bool terminal)
      : id_(std::move(id)), stream_(std::move(stream)), early_(std::move(early)), terminal_(terminal) {}

  const std::string& id() const { return id_; }
  // Tells what comes next; of a terminal, all is kOut. False: the command has ended.
  net::Task<Told<bool>> read(const LogFrames::Tell& tell);
  // Refused: the command takes none of its input; how much it has is not known then.
  net::Task<Told<void>> write(std::string bytes);
  // Of the command's input.
  void end_input() { (void)stream_->shutdown_write(); }

 private:
  Told<bool> take(std::string_view bytes, const LogFrames::Tell& tell);

  std::string id_;
  std::unique_ptr<net::Stream> stream_;
  std::string early_;
  bool terminal_;
  LogFrames frames_;
};

}  // namespace weir::podman
