// A server for tests on the fake Env, and the service behind it, which does by its path what is asked of it.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "h2/frames_fixture.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "testing/fake_env.h"

namespace weir::h2 {

using namespace std::chrono_literals;

// Content in pieces, each when the test lets it; then trailers.
class PiecesResponse final : public http::Response {
 public:
  PiecesResponse(net::Loop& loop, std::size_t pieces, std::string piece)
      : loop_(loop), left_(pieces), piece_(std::move(piece)) {
    head.status = 200;
    head.framing = http::Framing::kChunked;
    trailers_.add("grpc-status", "0");
  }
  net::Task<Result<net::Slice>> read() override {
    if (left_ == 0) co_return net::Slice{};
    if (auto slept = co_await loop_.sleep(1s); !slept) co_return fail(slept.error());
    --left_;
    co_return net::as_slice(piece_);
  }
  bool at_end() const override { return left_ == 0; }
  const http::Fields* trailers() const override { return left_ == 0 ? &trailers_ : nullptr; }

 private:
  net::Loop& loop_;
  std::size_t left_;
  std::string piece_;
  http::Fields trailers_;
};

// Fails in the middle of its content.
class BrokenResponse final : public http::Response {
 public:
  BrokenResponse() {
    head.status = 200;
    head.framing = http::Framing::kChunked;
  }
  net::Slice take_buffered() override { return net::as_slice("part"); }
  net::Task<Result<net::Slice>> read() override { co_return fail(Code::kReset, "gone", Side::kUpstream); }
  bool at_end() const override { return false; }
};

// Agrees to a WebSocket and gives back what the client says in it.
class EchoResponse final : public http::Response {
 public:
  explicit EchoResponse(http::Upgrade& client) : said_(client.take_up(1h)) {
    head.status = 101;
    head.framing = http::Framing::kUntilClose;
    head.keep_alive = false;
  }
  net::Task<Result<net::Slice>> read() override { return said_.read(); }
  bool at_end() const override { return said_.at_end(); }

 private:
  http::Body& said_;
};

class PathService final : public http::Service {
 public:
  explicit PathService(net::Loop& loop) : loop_(loop) {}

  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override {
    ++requests;
    request.note = kNote;
    const std::string path(request.head.path);
    last_head = text_of(request.head);
    if (path == "/slow" && !co_await loop_.sleep(5s)) {
      ++cancelled;
      co_return fail(Code::kCancelled, "cancelled");
    }
    if (path == "/error") co_return fail(Code::kNoEndpoint, "nobody there");
    if (path == "/204") co_return std::make_unique<http::TextResponse>(204, "", "");
    if (path == "/big") co_return std::make_unique<http::TextResponse>(200, "", std::string(300000, 'x'));
    if (path == "/pieces") co_return std::make_unique<PiecesResponse>(loop_, 3, "piece");
    if (path == "/trailers-only") co_return std::make_unique<PiecesResponse>(loop_, 0, "");
    if (path == "/chat" && request.upgrade != nullptr)
      co_return std::make_unique<EchoResponse>(*request.upgrade);
    if (path == "/broken") co_return std::make_unique<BrokenResponse>();
    if (path == "/hints") {
      http::ResponseHead hints{.status = 103};
      hints.fields.add("Link", "</x.css>");
      if (auto sent = co_await request.interim->send_interim(hints); !sent) co_return fail(sent.error());
    }
    if (path == "/limited" && request.body != nullptr) request.body->set_bytes_max(4);
    std::string content = std::string(request.head.method_text) + " " + path;
    if (path == "/reads-late" && !co_await loop_.sleep(60s)) co_return fail(Code::kCancelled, "cancelled");
    if (request.body != nullptr && path != "/unread") {
      while (!request.body->at_end()) {
        if (path == "/reads-slowly" && !co_await loop_.sleep(1s))
          co_return fail(Code::kCancelled, "cancelled");
        auto piece = co_await request.body->read();
        if (!piece) {
          last_error = piece.error();
          co_return fail(piece.error());
        }
        read_bytes += piece->size();
        if (piece->size() < 1000) content.append(" ").append(net::as_text(*piece));
      }
      if (const http::Fields* trailers = request.body->trailers(); trailers != nullptr) {
        for (const http::Field& field : *trailers)
          content.append(" ").append(field.name).append("=").append(field.value);
      }
    }
    co_return std::make_unique<http::TextResponse>(200, "", content);
  }

  void refused(http::Request& request, const Error& error) override {
    last_error = error;
    request.note = kNote;
  }
  void ended(http::Request& request, const http::RequestEnd& end) override {
    CHECK(request.version_major == 2);
    CHECK(request.note == kNote);
    ends.push_back(std::string(request.head.path) + " " + std::to_string(end.status) + " " +
                   std::to_string(end.body_bytes_received) + " " + std::to_string(end.body_bytes_sent) +
                   (end.head_sent ? " head" : ""));
    cuts.push_back(end.cut);
  }

  static std::string text_of(const http::RequestHead& head) {
    std::string text = std::string(head.method_text) + " " + std::string(head.authority) + " " +
                       std::string(head.path) + " " + std::string(head.query) + " " +
                       std::to_string(static_cast<int>(head.framing)) + " " +
                       std::to_string(head.content_length);
    for (const http::Field& field : head.fields)
      text.append(" ").append(field.name).append("=").append(field.value);
    return text;
  }

  static constexpr std::uint64_t kNote = 7;

  std::vector<std::string> ends;
  std::vector<http::Cut> cuts;
  int requests = 0;
  int cancelled = 0;
  std::size_t read_bytes = 0;
  std::string last_head;
  Error last_error;

 private:
  net::Loop& loop_;
};

struct ServerFixture {
  explicit ServerFixture(http::ServerOptions options = {})
      : server(fake.env, service, with_h2(std::move(options))) {
    server.listen(*fake.network.listen(*net::Address::parse("127.0.0.1:80")),
                  std::make_shared<PriorKnowledge>());
  }
  ~ServerFixture() {
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), 60s));
  }
  // A client that has said hello, and heard the server's.
  FramePeer client() {
    FramePeer peer(fake, "127.0.0.1:80");
    peer.send(preface());
    (void)peer.take();
    peer.send(frame(FrameType::kSettings, kFlagAck, 0));
    return peer;
  }

  static http::ServerOptions with_h2(http::ServerOptions options) {
    options.h2 = make_connection;
    return options;
  }

  testing::FakeEnv fake;
  PathService service{fake.loop};
  http::Server server;
};

}  // namespace weir::h2
