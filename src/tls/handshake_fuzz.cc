// Whatever a client sends in place of a handshake, in any segments: the server's side ends, by itself or when
// the client does, and holds nothing back.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "net/task_group.h"
#include "testing/fake_env.h"
#include "testing/memory_stream.h"
#include "tls/authority.h"
#include "tls/tls_stream.h"

namespace {

using namespace weir;

std::shared_ptr<tls::ServerContext> make_context() {
  const WallTime now = testing::ManualClock::kWallStart;
  const auto authority = *tls::Authority::load(*tls::Authority::create("fuzz", now));
  const auto leaf =
      *authority.issue(std::vector<std::string>{"a.example", "*.b.example"}, tls::Usage::kServer, now);
  std::vector<std::shared_ptr<const tls::Certificate>> certificates{
      *tls::Certificate::load(leaf.certificate, leaf.private_key)};
  return *tls::ServerContext::create({.protocols = {"h2", "http/1.1"},
                                      .client_certificates = tls::ClientCertificates::kRequested,
                                      .client_authorities = *tls::TrustStore::parse(authority.root_pem())},
                                     std::make_shared<const tls::CertificateSet>(std::move(certificates)),
                                     std::make_shared<tls::TicketKeys>());
}

net::Task<void> serve(std::unique_ptr<net::Stream> below, std::shared_ptr<const tls::ServerContext> context,
                      bool& established) {
  auto stream =
      co_await tls::TlsStream::accept(std::move(below), std::move(context), {}, std::chrono::seconds(5));
  established = stream.has_value();
}

net::Task<void> send(net::Stream& stream, net::Slice bytes) {
  (void)co_await stream.write(bytes, std::chrono::seconds(1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto context = make_context();
  testing::FakeEnv fake(size);
  const testing::LinkOptions options{.buffer_bytes = 4096, .segment_bytes_max = 600, .random_segments = true};
  auto link = std::make_shared<testing::MemoryLink>(options, fake.random);
  auto [near, far] = testing::MemoryStream::pair(fake.loop, link);
  bool established = false;
  net::TaskGroup group(fake.loop);
  group.spawn(serve(std::move(far), context, established));
  group.spawn(send(*near, std::as_bytes(std::span(data, size))));
  fake.run_until_idle();
  (void)near->shutdown_write();
  fake.run_until_idle();
  fake.advance(std::chrono::seconds(6));
  WEIR_CHECK(group.size() == 0);
  WEIR_CHECK(!established);  // nobody guesses a Finished
  return 0;
}
