// Bytes from a client to a server connection: whatever they are, it ends, and nothing of it is left. The
// first byte says how they are cut, and whether the preface is sent for them.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "testing/fake_env.h"

using namespace weir;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

// As if TLS had agreed upon HTTP/2: then nothing else is spoken.
class OnlyH2 final : public http::Handshake {
 public:
  net::Task<Result<http::Incoming>> run(http::Incoming incoming) override {
    auto tls = std::make_shared<http::TlsInfo>();
    tls->protocol = "h2";
    incoming.tls = std::move(tls);
    co_return incoming;
  }
};

// Reads what it is sent, late or at once, and answers with as much.
class Service final : public http::Service {
 public:
  explicit Service(net::Loop& loop) : loop_(loop) {}
  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override {
    WEIR_CHECK(request.head.path.starts_with('/') || request.head.path == "*");
    WEIR_CHECK(http::is_valid_authority(request.head.authority));
    WEIR_CHECK(request.head.fields.value_of(http::Known::kHost) == request.head.authority);
    WEIR_CHECK(!request.head.fields.has(http::Known::kTransferEncoding));
    std::size_t bytes = request.head.fields.size();
    if (request.head.path.contains('s') && !co_await loop_.sleep(1s)) co_return fail(Code::kCancelled, "");
    while (request.body != nullptr && !request.body->at_end() && !request.head.path.contains('u')) {
      const auto piece = co_await request.body->read();
      if (!piece) co_return fail(piece.error());
      bytes += piece->size();
      WEIR_CHECK(request.head.framing != http::Framing::kLength ||
                 bytes <= request.head.content_length + 200);
    }
    co_return std::make_unique<http::TextResponse>(200, "text/plain", std::string(bytes, 'x'));
  }

 private:
  net::Loop& loop_;
};

net::Task<void> send(net::Stream& stream, std::string_view bytes, std::size_t piece_bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, piece_bytes);
    if (!co_await stream.write(net::as_slice(piece), 1s)) co_return;
    bytes.remove_prefix(piece.size());
    if (!co_await stream.loop().sleep(Duration::zero())) co_return;
  }
}

net::Task<void> receive(net::Stream& stream) {
  std::array<std::byte, 4096> bytes{};
  for (;;) {
    const auto got = co_await stream.read(bytes, 3600s);
    if (!got || *got == 0) co_return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  testing::FakeEnv fake;
  Service service(fake.loop);
  http::ServerOptions options;
  options.h2 = h2::make_connection;
  http::Server server(fake.env, service, options);
  const auto address = *net::Address::parse("127.0.0.1:80");
  server.listen(std::move(*fake.network.listen(address)), std::make_shared<OnlyH2>());
  auto stream = fake.run(fake.network.connect(address, 1s));
  WEIR_CHECK(stream && *stream);

  const bool with_preface = (data[0] & 1U) != 0;
  const std::size_t piece_bytes = (data[0] & 2U) != 0 ? 1 + data[0] / 4U : 65536;
  const std::string bytes = std::string(with_preface ? kPreface : std::string_view()) +
                            std::string(reinterpret_cast<const char*>(data + 1), size - 1);
  net::TaskGroup receiving(fake.loop);
  receiving.spawn(receive(***stream));
  (void)fake.run(send(***stream, bytes, piece_bytes), 60s);
  fake.advance(2s);
  receiving.cancel();
  fake.run_until_idle();
  stream->value().reset();
  fake.run_until_idle();
  server.drain();
  fake.advance(1s);
  server.cut();
  WEIR_CHECK(fake.run(server.join(), 60s));
  WEIR_CHECK(server.open_connections() == 0);
  return 0;
}
