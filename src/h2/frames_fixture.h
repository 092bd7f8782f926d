// Frames as text, both ways, for transcripts: what a test sends is made here frame by frame, and what comes
// is one line a frame, such as
//   HEADERS 1 :status=200 content-type=text/plain
//   DATA 1 end hello
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "h2/frame_scanner.h"
#include "http/connection.h"
#include "testing/peer.h"

namespace weir::h2 {

using FieldList = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::uint8_t kFlagPadded = 0x8;

// --- frames to send
std::string frame(FrameType type, std::uint8_t flags, std::int32_t id, std::string_view payload = {});
std::string preface();  // with empty SETTINGS
std::string settings(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> entries);
std::string data(std::int32_t id, std::string_view content, bool end);
std::string rst_stream(std::int32_t id, ErrorCode code);
std::string window_update(std::int32_t id, std::uint32_t bytes);
std::string goaway(std::int32_t last, ErrorCode code);
std::string ping();
// Literals, neither indexed nor compressed.
std::string hpack(const FieldList& fields);
std::string headers(std::int32_t id, const FieldList& fields, bool end);
// "GET / HTTP/2" to http://a, with more fields.
std::string get(std::int32_t id, std::string_view path, const FieldList& more = {});
std::string post(std::int32_t id, std::string_view path, const FieldList& more = {});

// What has come at a test's own end of a connection.
class FrameReader {
 public:
  FrameReader();
  FrameReader(FrameReader&&) noexcept;
  ~FrameReader();
  // One line a frame. In a client's bytes, the preface is "PREFACE". Date fields are left out.
  std::string read(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A testing::Peer with a reader.
class FramePeer {
 public:
  explicit FramePeer(testing::Peer peer) : peer_(std::move(peer)) {}
  FramePeer(testing::FakeEnv& fake, std::string_view address) : peer_(fake, address) {}

  testing::Peer& raw() { return peer_; }
  void send(std::string_view bytes) { peer_.send(bytes); }
  // All frames since the last take().
  std::string take() { return reader_.read(peer_.take()); }
  // The same, without SETTINGS and WINDOW_UPDATE, which every connection begins with.
  std::string take_streams();

 private:
  testing::Peer peer_;
  FrameReader reader_;
};

}  // namespace weir::h2
