// Body: the content of a message, pulled piece by piece by whoever sends it on. Back pressure is the pulling
// itself. On the core of the connection that it comes from.
#pragma once

#include <cstdint>
#include <optional>

#include "http/fields.h"
#include "net/buffer.h"
#include "net/frame_pool.h"
#include "net/pump.h"
#include "net/stream.h"
#include "net/task.h"

namespace weir::http {

class Body : public net::Pooled {
 public:
  Body() = default;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  virtual ~Body() = default;

  // The next piece, valid until the next call on this body; empty at the end.
  virtual net::Task<Result<net::Slice>> read() = 0;
  // What read() would give without waiting, and counts as read: lets a sender put the head and the first
  // content into one write. Empty: nothing is here yet, or it is the end.
  virtual net::Slice take_buffered() { return {}; }
  // All of it was read.
  virtual bool at_end() const = 0;
  // The rest, as it is, into a stream; with splice where both ends allow it. Not after trailers matter: a
  // chunked body is read piece by piece.
  virtual net::Task<net::Pumped> pump_to(net::Stream& to, net::Patience& writing);
  // Nothing of it has been read: the request could still go elsewhere.
  virtual bool untouched() const { return false; }
  // Makes it untouched() again, if what was read was one piece that take_buffered() gave and that is still
  // there; true: it is.
  virtual bool rewind() { return untouched(); }
  // Reading fails with kBodyTooLarge beyond this. Set before the first read.
  virtual void set_bytes_max(std::uint64_t /*bytes_max*/) {}
  // How long the next bytes may take (net::Patience). Set before the first read.
  virtual void set_read_timeout(Duration /*timeout*/) {}
  // After the end, when there were any: valid as long as the body.
  virtual const Fields* trailers() const { return nullptr; }
};

}  // namespace weir::http
