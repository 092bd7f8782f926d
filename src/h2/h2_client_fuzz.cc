// Bytes from an origin to a client connection with exchanges under way: whatever they are, each exchange
// ends, and nothing is left. The first byte says how they are cut, and whether SETTINGS are sent for them.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "h2/client.h"
#include "testing/fake_env.h"

using namespace weir;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kSettings("\0\0\0\4\0\0\0\0\0", 9);
constexpr std::size_t kExchanges = 3;

class Upload final : public http::Body {
 public:
  net::Task<Result<net::Slice>> read() override {
    --left_;
    co_return net::as_slice("content");
  }
  bool at_end() const override { return left_ == 0; }

 private:
  int left_ = 100;
};

net::Task<void> call(h2::ClientConnectionPtr connection, bool uploads, std::size_t& ended) {
  http::RequestHead head;
  http::Request request{.head = head};
  Upload upload;
  head.method = uploads ? http::Method::kPost : http::Method::kGet;
  if (uploads) request.body = &upload;
  const h2::UpstreamHead upstream{.method = http::name_of(head.method),
                                  .scheme = "http",
                                  .authority = "a",
                                  .path = "/",
                                  .fields = head.fields};
  auto response = co_await h2::exchange(std::move(connection), upstream, request, {5s, 5s, 5s});
  if (response) {
    http::Response& answer = **response;
    WEIR_CHECK(answer.head.status >= 200 && answer.head.status <= 599);
    while (!answer.at_end()) {
      const auto piece = co_await answer.read();
      if (!piece || piece->empty()) break;
    }
    if (!answer.settled()) co_await answer.settle();
  } else {
    WEIR_CHECK(response.error().side != Side::kDownstream);
  }
  ++ended;
}

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
  const auto address = *net::Address::parse("127.0.0.1:80");
  auto listener = fake.network.listen(address);
  net::TaskGroup connections(fake.loop);
  net::TaskGroup tasks(fake.loop);
  std::size_t ended = 0;
  {
    h2::ClientPool pool(fake.loop, connections, 5s, nullptr);
    auto stream_to_origin = fake.run(fake.network.connect(address, 1s));
    WEIR_CHECK(stream_to_origin && *stream_to_origin);
    h2::ClientConnectionPtr connection = pool.add({std::move(**stream_to_origin), nullptr});
    auto origin = fake.run((*listener)->accept());
    WEIR_CHECK(origin && *origin);
    net::Stream& stream = *(*origin)->stream;
    for (std::size_t i = 0; i < kExchanges; ++i) tasks.spawn(call(connection, i == 1, ended));
    connection.reset();
    tasks.spawn(receive(stream));
    const std::string bytes = std::string((data[0] & 1U) != 0 ? kSettings : std::string_view()) +
                              std::string(reinterpret_cast<const char*>(data + 1), size - 1);
    (void)fake.run(send(stream, bytes, (data[0] & 2U) != 0 ? 1 + data[0] / 4U : 65536), 60s);
    fake.advance(30s);
    WEIR_CHECK(ended == kExchanges);
    tasks.cancel();
    fake.run_until_idle();
  }
  connections.cancel();
  fake.run_until_idle();
  WEIR_CHECK(tasks.size() == 0 && connections.size() == 0);
  return 0;
}
