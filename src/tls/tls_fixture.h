// What the tests of tls/ share: an authority, certificates of it, and both ends of a connection in memory.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/task_group.h"
#include "testing/fake_env.h"
#include "testing/memory_stream.h"
#include "tls/authority.h"
#include "tls/tls_stream.h"

namespace weir::tls {

inline constexpr Duration kPatience = std::chrono::seconds(10);

inline Authority make_authority(WallTime now = testing::ManualClock::kWallStart) {
  return *Authority::load(*Authority::create("weir test authority", now));
}

inline std::shared_ptr<const Certificate> load(const PemPair& pair) {
  return *Certificate::load(pair.certificate, pair.private_key);
}

inline std::shared_ptr<const CertificateSet> set_of(std::vector<std::shared_ptr<const Certificate>> all) {
  return std::make_shared<const CertificateSet>(std::move(all));
}

// One authority and a certificate for each of the names; what a test changes, it changes before connecting.
struct World {
  testing::FakeEnv fake;
  Authority authority = make_authority();
  std::shared_ptr<TicketKeys> ticket_keys = std::make_shared<TicketKeys>();
  ServerOptions server_options{.protocols = {"h2", "http/1.1"}};
  ClientOptions client_options{.authorities = trust(), .protocols = {"http/1.1"}};
  testing::LinkOptions link_options;
  std::shared_ptr<testing::MemoryLink> link;  // of the last connection

  std::shared_ptr<const TrustStore> trust() const { return *TrustStore::parse(authority.root_pem()); }
  PemPair issue(std::vector<std::string> names, Usage usage = Usage::kServer,
                Duration validity = Authority::kLeafValidity) const {
    return *authority.issue(names, usage, testing::ManualClock::kWallStart, validity);
  }
  std::shared_ptr<ServerContext> server(std::vector<std::string> names = {"a.example"}) const {
    return *ServerContext::create(server_options, set_of({load(issue(std::move(names)))}), ticket_keys);
  }
  std::shared_ptr<ClientContext> client() const { return *ClientContext::create(client_options); }

  struct Ends {
    Result<std::unique_ptr<TlsStream>> client = fail(Code::kInternal, "not ended");
    Result<std::unique_ptr<TlsStream>> server = fail(Code::kInternal, "not ended");
  };
  static net::Task<void> run(net::Task<Result<std::unique_ptr<TlsStream>>> task,
                             Result<std::unique_ptr<TlsStream>>& result) {
    result = co_await task;
  }
  testing::MemoryStream::Pair pipe() {
    link = std::make_shared<testing::MemoryLink>(link_options, fake.random);
    return testing::MemoryStream::pair(fake.loop, link);
  }
  // A whole handshake; both ends have ended, well or not.
  Ends connect(std::shared_ptr<ClientContext> client_context,
               std::shared_ptr<const ServerContext> server_context,
               ServerName name = {.name = "a.example", .endpoint = {}}) {
    Ends ends;
    auto [near, far] = pipe();
    net::TaskGroup group(fake.loop);
    group.spawn(
        run(TlsStream::accept(std::move(far), std::move(server_context), {}, kPatience), ends.server));
    group.spawn(
        run(TlsStream::connect(std::move(near), std::move(client_context), std::move(name), kPatience),
            ends.client));
    fake.run_until_idle();
    fake.advance(kPatience * 2);
    return ends;
  }
};

}  // namespace weir::tls
