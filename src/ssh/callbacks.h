// What libssh calls back: of the room alone. A callback only notes, decides by the Gate and answers; it never
// resumes a task and never ends the connection, because libssh is below it on the stack.
#pragma once

#include <cstddef>
#include <memory>

#include "ssh/session.h"

namespace weir::ssh {

struct Session::Callbacks {
  struct Library;

  explicit Callbacks(Session& session);
  ~Callbacks();

  void install(ssh_session_struct* ssh);
  // A channel that nobody here wants any more: what still comes is dropped.
  void disown(ssh_channel_struct* channel);

  std::unique_ptr<Library> library;
};

}  // namespace weir::ssh
