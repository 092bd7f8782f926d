// Peer: the other side of the code under test, in text. Every call drives the loop until nothing is left to
// do, so that a test reads as a transcript:
//
//   FakeEnv fake;
//   PeerListener origin(fake, "10.0.0.1:80");
//   Peer client(fake, "127.0.0.1:8080");            // connects to the code under test
//   client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
//   Peer upstream = origin.accept();
//   CHECK(upstream.take() == "GET / ...");
//   upstream.send("HTTP/1.1 204 No Content\r\n\r\n");
//   CHECK(client.take() == "HTTP/1.1 204 No Content\r\n...");
//   CHECK(client.open());
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/network.h"
#include "net/stream.h"
#include "testing/fake_env.h"

namespace weir::testing {

class Peer {
 public:
  // Connects; connected() tells whether that worked. The text is an address with a port.
  Peer(FakeEnv& fake, std::string_view address);
  Peer(FakeEnv& fake, std::unique_ptr<net::Stream> stream);
  Peer(Peer&&) noexcept;
  Peer& operator=(Peer&&) noexcept;
  ~Peer();  // closes

  bool connected() const;
  void send(std::string_view text);
  // What waits because the other side doesn't read, in bytes.
  std::size_t unsent_bytes() const;

  // All that came since the last take().
  const std::string& received() const;
  std::string take();
  // take() up to and including `end`; "" when that has not come.
  std::string take_until(std::string_view end);

  // The other side ended its direction, or reset the connection.
  bool ended() const;
  bool reset() const;
  bool open() const { return connected() && !ended() && !reset(); }

  // Backpressure: what comes stays in the stream's buffer meanwhile.
  void stop_reading();
  void read_again();

  void finish();  // half-close: the other side reads an end
  void close();
  void abort();  // close with a reset

 private:
  friend class PeerListener;
  class State;
  std::unique_ptr<State> state_;
};

// A server that the test plays itself. Closing it refuses further connections.
class PeerListener {
 public:
  PeerListener(FakeEnv& fake, std::string_view address);
  PeerListener(PeerListener&&) noexcept;
  PeerListener& operator=(PeerListener&&) noexcept;
  ~PeerListener();

  net::Address address() const;
  // The next connection; connected() is false when none has come.
  Peer accept();
  // From now on every connection is accepted, and each time that `end` has come on one, `answer` is sent:
  // an origin for tests that look at the other side.
  void answer(std::string end, std::string answer);
  std::size_t answered() const;
  // Where the connection of the last accept() came from.
  net::Address last_peer() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::testing
