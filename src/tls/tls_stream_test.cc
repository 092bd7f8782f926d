#include "tls/tls_stream.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "tls/tls_fixture.h"

namespace weir::tls {
namespace {

using namespace std::chrono_literals;
using net::as_slice;
using net::as_text;
using net::Slice;
using net::Stream;
using net::Task;

std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i * 31 + i / 251) & 0xff);
  return text;
}

struct Got {
  std::string text;
  Result<std::size_t> last = std::size_t{0};
  std::size_t reads = 0;
};

// Until the end, an error, or that many bytes.
Task<void> read_into(Stream& stream, Got& got, std::size_t bytes_max, std::size_t piece_bytes = 32768) {
  std::vector<std::byte> piece(piece_bytes);
  while (got.text.size() < bytes_max) {
    got.last =
        co_await stream.read(std::span(piece).first(std::min(piece_bytes, bytes_max - got.text.size())), 60s);
    ++got.reads;
    if (!got.last || *got.last == 0) co_return;
    got.text += as_text(Slice(piece).first(*got.last));
  }
}

Task<void> write_from(Stream& stream, std::string text, Result<std::size_t>& result) {
  result = co_await stream.write(as_slice(text), 60s);
}

std::string read_text(World& world, Stream& stream, std::size_t bytes_max) {
  Got got;
  (void)world.fake.run(read_into(stream, got, bytes_max));
  return got.text;
}

World::Ends connected(World& world) { return world.connect(world.client(), world.server()); }

TEST_CASE("a handshake, bytes both ways, and an orderly end, however the bytes are cut") {
  for (const bool tls13_only : {false, true}) {
    for (const std::size_t segment :
         {std::size_t{1}, std::size_t{7}, std::size_t{1400}, std::size_t{65536}}) {
      CAPTURE(segment);
      World world;
      world.server_options.tls13_only = tls13_only;
      world.link_options = {.segment_bytes_max = segment, .random_segments = true};
      auto ends = connected(world);
      REQUIRE(ends.client);
      REQUIRE(ends.server);
      TlsStream& client = **ends.client;
      TlsStream& server = **ends.server;
      CHECK(client.details().version == "TLSv1.3");
      CHECK(client.details().cipher == "TLS_AES_128_GCM_SHA256");
      CHECK(server.details().protocol == "http/1.1");
      CHECK(server.protocol() == "http/1.1");
      CHECK(server.details().server_name == "a.example");
      CHECK_FALSE(server.details().resumed);
      CHECK(server.details().client_subject.empty());

      const Stream::Slices head{as_slice("GET"), Slice{}, as_slice(" /")};
      CHECK(world.fake.run(client.write(head, 1s)) == Result<std::size_t>(5));
      CHECK(read_text(world, server, 5) == "GET /");
      CHECK(world.fake.run(server.write(as_slice("200"), 1s)) == Result<std::size_t>(3));
      CHECK(read_text(world, client, 3) == "200");

      CHECK(client.shutdown_write().has_value());
      Got end;
      CHECK(world.fake.run(read_into(server, end, 10)));
      CHECK(end.last == Result<std::size_t>(0));
      CHECK(world.fake.run(server.write(as_slice("late"), 1s)) == Result<std::size_t>(4));  // half-closed
      CHECK(read_text(world, client, 4) == "late");
    }
  }
}

TEST_CASE("an idle connection holds no buffer") {
  World world;
  auto ends = connected(world);
  REQUIRE(ends.client);
  CHECK(world.fake.run((*ends.client)->write(as_slice("ping"), 1s)) == Result<std::size_t>(4));
  CHECK(read_text(world, **ends.server, 4) == "ping");
  CHECK((*ends.client)->buffered_bytes() == 0);
  CHECK((*ends.server)->buffered_bytes() == 0);
}

TEST_CASE("what came before TLS began is read first") {
  World world;
  auto [near, far] = world.pipe();
  World::Ends ends;
  net::TaskGroup group(world.fake.loop);
  group.spawn(World::run(TlsStream::connect(std::move(near), world.client(), {.name = "a.example"}, 10s),
                         ends.client));
  Received received{.buffer = net::Buffer::acquire(), .begin = 3, .end = 3};
  const auto got = world.fake.run(far->read(received.buffer.span().subspan(3, 100), 1s));
  REQUIRE(got);
  received.end += got->value();
  group.spawn(
      World::run(TlsStream::accept(std::move(far), world.server(), std::move(received), 10s), ends.server));
  world.fake.run_until_idle();
  CHECK(ends.client.has_value());
  CHECK(ends.server.has_value());
}

TEST_CASE("big transfers both ways at once, with back pressure, arrive whole") {
  for (const std::size_t buffer_bytes : {std::size_t{4096}, std::size_t{65536}}) {
    World world;
    world.link_options = {.buffer_bytes = buffer_bytes, .segment_bytes_max = 3000, .random_segments = true};
    auto ends = connected(world);
    REQUIRE(ends.client);
    const std::string up = pattern(1'000'000);
    const std::string down = pattern(777'777);
    Got at_server;
    Got at_client;
    Result<std::size_t> sent_up = std::size_t{0};
    Result<std::size_t> sent_down = std::size_t{0};
    net::TaskGroup group(world.fake.loop);
    group.spawn(write_from(**ends.client, up, sent_up));
    group.spawn(write_from(**ends.server, down, sent_down));
    group.spawn(read_into(**ends.server, at_server, up.size(), 5000));
    group.spawn(read_into(**ends.client, at_client, down.size(), 40000));
    world.fake.run_until_idle();
    REQUIRE(group.size() == 0);
    CHECK(sent_up == Result<std::size_t>(up.size()));
    CHECK(sent_down == Result<std::size_t>(down.size()));
    CHECK(at_server.text == up);
    CHECK(at_client.text == down);
    CHECK((*ends.client)->buffered_bytes() == 0);
  }
}

struct Written {
  int times = 0;
  std::string bytes;
};

// Notes what reaches the stream below.
class Counted final : public Stream {
 public:
  Counted(std::unique_ptr<Stream> below, Written& written)
      : Stream(below->loop()), below_(std::move(below)), written_(written) {}
  std::size_t untaken_bytes() const override { return below_->untaken_bytes(); }
  Result<void> shutdown_write() override { return below_->shutdown_write(); }
  void abort() override { below_->abort(); }
  bool has_input() const override { return below_->has_input(); }
  bool peer_closed() const override { return below_->peer_closed(); }
  void watch_hangup(net::HangupWatch* watch) override { below_->watch_hangup(watch); }

 private:
  class Step final : public net::StreamStep {
   public:
    Step(Stream& below, net::StreamOperation*& above) : StreamStep(below), above_(above) {}

   private:
    void done() override {
      net::StreamOperation* ended = std::exchange(above_, nullptr);
      ended->result = result;
      ended->bytes_done += bytes_done;
      ended->resume();
    }
    net::StreamOperation*& above_;
  };

  bool start(net::StreamOperation& operation) override {
    const bool writes = operation.kind == net::StreamOperation::Kind::kWrite;
    if (writes) {
      ++written_.times;
      for (const Slice slice : operation.from) written_.bytes += as_text(slice);
    }
    Step& step = writes ? write_ : read_;
    step.kind = operation.kind;
    step.into = operation.into;
    step.from = operation.from;
    if (step.begin()) {
      operation.result = step.result;
      operation.bytes_done = step.bytes_done;
      return true;
    }
    (writes ? writer_ : reader_) = &operation;
    return false;
  }
  void forget(net::StreamOperation& operation) override {
    Step& step = operation.kind == net::StreamOperation::Kind::kWrite ? write_ : read_;
    step.abandon();
    operation.bytes_done += step.bytes_done;
    (&step == &write_ ? writer_ : reader_) = nullptr;
  }

  std::unique_ptr<Stream> below_;
  Written& written_;
  net::StreamOperation* reader_ = nullptr;
  net::StreamOperation* writer_ = nullptr;
  Step read_{*below_, reader_};
  Step write_{*below_, writer_};
};

World::Ends connected_over(World& world, Written& written) {
  auto [near, far] = world.pipe();
  World::Ends ends;
  net::TaskGroup group(world.fake.loop);
  auto counted = std::make_unique<Counted>(std::move(far), written);
  group.spawn(World::run(TlsStream::accept(std::move(counted), world.server(), {}, 10s), ends.server));
  group.spawn(World::run(TlsStream::connect(std::move(near), world.client(), {.name = "a.example"}, 10s),
                         ends.client));
  world.fake.run_until_idle();
  return ends;
}

TEST_CASE("a write of slices is one write below, and one read takes all that came") {
  World world;
  Written written;
  auto ends = connected_over(world, written);
  REQUIRE(ends.server);
  CHECK(written.times == 1);  // the server's whole flight; its tickets wait for the first response
  const std::string body = pattern(60'000);
  for (const std::size_t bytes : {std::size_t{10}, std::size_t{3000}, std::size_t{20'000}, body.size()}) {
    CAPTURE(bytes);
    written.times = 0;
    const Stream::Slices slices{as_slice("head"), as_slice(std::string_view(body).substr(0, bytes)),
                                as_slice("tail")};
    CHECK(world.fake.run((*ends.server)->write(slices, 1s)) == Result<std::size_t>(bytes + 8));
    CHECK(written.times == 1);
    Got got;
    CHECK(world.fake.run(read_into(**ends.client, got, bytes + 8, 65536)));
    CHECK(got.text == "head" + body.substr(0, bytes) + "tail");
    CHECK(got.reads <= 1 + bytes / 16384);
  }
}

// The content of each record in what was sent.
std::vector<std::size_t> record_bytes(std::string_view sent) {
  constexpr std::size_t kOverhead = 17;  // of TLS 1.3 with AES-GCM, beside the header
  std::vector<std::size_t> found;
  while (sent.size() >= 5) {
    const std::size_t length =
        (static_cast<unsigned char>(sent[3]) << 8) | static_cast<unsigned char>(sent[4]);
    found.push_back(length - kOverhead);
    sent.remove_prefix(5 + length);
  }
  CHECK(sent.empty());
  return found;
}

TEST_CASE("records are small at first and after a pause, and large in a long transfer") {
  using Sizes = std::vector<std::size_t>;
  World world;
  Written written;
  auto ends = connected_over(world, written);
  REQUIRE(ends.server);
  const auto send = [&](std::size_t bytes) {
    written.bytes.clear();
    CHECK(world.fake.run((*ends.server)->write(as_slice(pattern(bytes)), 1s)) == Result<std::size_t>(bytes));
    CHECK(read_text(world, **ends.client, bytes).size() == bytes);
    return record_bytes(written.bytes);
  };
  CHECK(send(1).back() == 1);  // behind the tickets
  CHECK(send(9000) == Sizes{4096, 4096, 808});
  for (int i = 0; i < 8; ++i) (void)send(9000);
  CHECK(send(40'000) == Sizes{16384, 16384, 7232});
  world.fake.advance(900ms);
  CHECK(send(5000) == Sizes{5000});
  world.fake.advance(1100ms);
  CHECK(send(5000) == Sizes{4096, 904});
}

TEST_CASE("a stream cut without close_notify is an error, not an end") {
  World world;
  auto ends = connected(world);
  REQUIRE(ends.client);
  CHECK(world.fake.run((*ends.client)->write(as_slice("abc"), 1s)) == Result<std::size_t>(3));
  SUBCASE("by the end of the stream below") {
    auto [near, far] = world.pipe();
    World::Ends cut;
    net::TaskGroup group(world.fake.loop);
    testing::MemoryStream* below = near.get();
    group.spawn(World::run(TlsStream::accept(std::move(far), world.server(), {}, 10s), cut.server));
    group.spawn(World::run(TlsStream::connect(std::move(near), world.client(), {.name = "a.example"}, 10s),
                           cut.client));
    world.fake.run_until_idle();
    REQUIRE(cut.server);
    CHECK(below->shutdown_write().has_value());
    Got got;
    CHECK(world.fake.run(read_into(**cut.server, got, 10)));
    REQUIRE_FALSE(got.last);
    CHECK(got.last.error().code == Code::kClosed);
    CHECK((*cut.server)->peer_closed());
    CHECK((*cut.server)->has_input());
  }
  SUBCASE("by abort") {
    (*ends.client)->abort();
    ends.client->reset();
    Got got;
    CHECK(world.fake.run(read_into(**ends.server, got, 10)));
    CHECK(got.text == "abc");
    REQUIRE_FALSE(got.last);
    CHECK(got.last.error().code == Code::kReset);
  }
  SUBCASE("while somebody reads") {
    CHECK(read_text(world, **ends.server, 3) == "abc");
    Got got;
    net::TaskGroup group(world.fake.loop);
    group.spawn(read_into(**ends.server, got, 10));
    world.fake.run_until_idle();
    CHECK(group.size() == 1);
    world.link->cut();
    world.fake.run_until_idle();
    CHECK(group.size() == 0);
    REQUIRE_FALSE(got.last);
    CHECK(got.last.error().code == Code::kReset);
  }
}

TEST_CASE("destroying a stream ends it in order") {
  World world;
  auto ends = connected(world);
  REQUIRE(ends.client);
  CHECK(world.fake.run((*ends.client)->write(as_slice("abc"), 1s)) == Result<std::size_t>(3));
  CHECK(read_text(world, **ends.server, 3) == "abc");
  CHECK_FALSE((*ends.server)->has_input());
  ends.client->reset();
  world.fake.run_until_idle();
  CHECK((*ends.server)->has_input());
  Got got;
  CHECK(world.fake.run(read_into(**ends.server, got, 10)));
  CHECK(got.last == Result<std::size_t>(0));
}

TEST_CASE("a deadline and a cancellation end a read and a write, and leave the stream usable") {
  World world;
  world.link_options = {.buffer_bytes = 8192};
  auto ends = connected(world);
  REQUIRE(ends.client);
  TlsStream& client = **ends.client;
  TlsStream& server = **ends.server;
  std::array<std::byte, 16> into{};
  const auto late = world.fake.run(server.read(into, 3s), 5s);
  REQUIRE(late);
  CHECK(late->error().code == Code::kTimedOut);
  CHECK_FALSE(world.fake.run(server.readable(100s), 1s));  // cancelled
  CHECK(world.fake.run(client.write(as_slice("ok"), 1s)) == Result<std::size_t>(2));
  CHECK(read_text(world, server, 2) == "ok");

  const std::string much = pattern(200'000);
  const auto stuck = world.fake.run(client.write(as_slice(much), 2s), 5s);
  REQUIRE(stuck);
  CHECK(stuck->error().code == Code::kTimedOut);
  // What was sealed before goes on with the next write: no record is torn.
  Result<std::size_t> sent = std::size_t{0};
  Got got;
  net::TaskGroup group(world.fake.loop);
  group.spawn(write_from(client, "end", sent));
  group.spawn(read_into(server, got, 1'000'000));
  world.fake.run_until_idle();
  CHECK(sent == Result<std::size_t>(3));
  CHECK(got.text.ends_with("end"));
  CHECK(much.starts_with(got.text.substr(0, got.text.size() - 3)));
  CHECK(client.shutdown_write().has_value());
  world.fake.run_until_idle();
  CHECK(got.last == Result<std::size_t>(0));
  CHECK(group.size() == 0);
}

TEST_CASE("writing nothing waits for room") {
  World world;
  world.link_options = {.buffer_bytes = 8192};
  auto ends = connected(world);
  REQUIRE(ends.client);
  CHECK(world.fake.run((*ends.client)->write(Slice{}, 1s)) == Result<std::size_t>(0));
  CHECK(world.fake.run((*ends.client)->write(as_slice(pattern(100'000)), 1s), 2s)->error().code ==
        Code::kTimedOut);
  CHECK(world.fake.run((*ends.client)->write(Slice{}, 1s), 2s)->error().code == Code::kTimedOut);
  net::TaskGroup group(world.fake.loop);
  Got got;
  group.spawn(read_into(**ends.server, got, 1'000'000));
  CHECK(world.fake.run((*ends.client)->write(Slice{}, 1s)) == Result<std::size_t>(0));
  CHECK((*ends.client)->shutdown_write().has_value());
  world.fake.run_until_idle();
}

struct Told final : net::HangupWatch {
  int times = 0;
  void on_hangup() override { ++times; }
};

TEST_CASE("a watch is told once that the peer has gone, and bytes are no hangup") {
  World world;
  auto ends = connected(world);
  REQUIRE(ends.client);
  Told told;
  (*ends.server)->watch_hangup(&told);
  CHECK(world.fake.run((*ends.client)->write(as_slice("abc"), 1s)) == Result<std::size_t>(3));
  world.fake.run_until_idle();
  CHECK(told.times == 0);
  CHECK((*ends.server)->has_input());
  CHECK(read_text(world, **ends.server, 3) == "abc");
  CHECK_FALSE((*ends.server)->has_input());
  CHECK_FALSE((*ends.server)->peer_closed());
  ends.client->reset();
  world.fake.run_until_idle();
  CHECK(told.times == 1);
  CHECK((*ends.server)->peer_closed());
  Told again;
  (*ends.server)->watch_hangup(&again);
  CHECK(again.times == 1);
}

TEST_CASE("tickets that come on an idle client connection are no input") {
  World world;
  auto ends = connected(world);
  REQUIRE(ends.client);
  CHECK(world.fake.run((*ends.server)->write(as_slice("x"), 1s)) ==
        Result<std::size_t>(1));  // tickets go first
  CHECK(read_text(world, **ends.client, 1) == "x");
  world.fake.run_until_idle();
  CHECK_FALSE((*ends.client)->has_input());
}

TEST_CASE("who writes rubbish below a TLS stream is told by an alert and an error") {
  World world;
  auto [near, far] = world.pipe();
  World::Ends ends;
  net::TaskGroup group(world.fake.loop);
  testing::MemoryStream* below = near.get();
  group.spawn(World::run(TlsStream::accept(std::move(far), world.server(), {}, 10s), ends.server));
  group.spawn(World::run(TlsStream::connect(std::move(near), world.client(), {.name = "a.example"}, 10s),
                         ends.client));
  world.fake.run_until_idle();
  REQUIRE(ends.server);
  CHECK(world.fake.run(
      below->write(as_slice(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x')), 1s)));
  Got got;
  CHECK(world.fake.run(read_into(**ends.server, got, 10)));
  REQUIRE_FALSE(got.last);
  CHECK(got.last.error().code == Code::kMalformed);
  Got alert;
  CHECK(world.fake.run(read_into(**ends.client, alert, 10)));
  REQUIRE_FALSE(alert.last);
  CHECK(alert.last.error().code == Code::kReset);
}

}  // namespace
}  // namespace weir::tls
