// StandardInput: bytes of a descriptor that may be a terminal, a pipe or a file, as they come, by a thread of
// its own, which reads on only when what it read was taken. On the loop of its owner, but for that thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "net/loop.h"
#include "net/socket.h"

namespace weir::client {

class StandardInput {
 public:
  // Told on the loop; the next comes behind go_on(). Empty: the end, and no more comes.
  using Tell = std::function<void(std::string bytes)>;

  StandardInput(net::Loop& loop, int descriptor, Tell tell);
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;
  // Waits for the thread, which waits for nothing then.
  ~StandardInput();

  // What was told has been taken.
  void go_on();

 private:
  void run();

  net::Loop& loop_;
  int descriptor_;
  Tell tell_;
  net::Descriptor wake_;  // an eventfd: go on, or end
  std::atomic<bool> ending_ = false;
  std::shared_ptr<bool> there_ = std::make_shared<bool>(true);  // on the loop: false once this is gone
  std::thread thread_;
};

// The terminal of a descriptor in raw mode, until it is destroyed: keys go to the other side, whatever they
// are.
class RawMode {
 public:
  // False: it is no terminal.
  bool begin(int descriptor);
  ~RawMode();
  RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  struct Saved;
  std::unique_ptr<Saved> saved_;
};

struct WindowSize {
  unsigned rows = 0;
  unsigned columns = 0;
};
WindowSize window_size(int descriptor);  // zeros: it is no terminal

}  // namespace weir::client
