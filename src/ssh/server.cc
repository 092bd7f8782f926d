#include "ssh/server.h"

#include <libssh/libssh.h>
#include <libssh/server.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "ssh/session.h"

namespace weir::ssh {
namespace {

// What is offered. OpenSSH's client takes the first of its own list, ChaCha20, when it is there, which costs
// a third more than AES-GCM; paramiko 2 and dropbear know AES-CTR. Nothing uses SHA-1, CBC or DSA.
constexpr const char* kKeyExchanges =
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384";
constexpr const char* kCiphers = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes256-ctr";
constexpr const char* kMacs =
    "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512";
constexpr const char* kHostKeys = "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256";
constexpr const char* kUserKeys =
    "ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,"
    "ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,"
    "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,"
    "ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256";

// After an accept that failed, for want of descriptors for example.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

}  // namespace

void Server::FreeBind::operator()(ssh_bind_struct* bind) const { ssh_bind_free(bind); }

Result<std::unique_ptr<Server>> Server::create(net::Env& env, Gate& gate, ServerOptions options) {
  std::unique_ptr<Server> server(new Server(env, gate, std::move(options)));
  if (const auto configured = server->configure(); !configured) return fail(configured.error());
  return server;
}

Server::~Server() = default;

Result<void> Server::configure() {
  bind_.reset(ssh_bind_new());
  if (bind_ == nullptr) return fail(Code::kOverloaded, "out of memory");
  ssh_bind_struct* bind = bind_.get();
  const bool no_file = false;  // /etc/ssh/libssh_server_config is another program's
  bool good = ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no_file) == SSH_OK;
  const std::pair<ssh_bind_options_e, const char*> settings[] = {
      {SSH_BIND_OPTIONS_BANNER, options_.software.c_str()},
      {SSH_BIND_OPTIONS_KEY_EXCHANGE, kKeyExchanges},
      {SSH_BIND_OPTIONS_CIPHERS_C_S, kCiphers},
      {SSH_BIND_OPTIONS_CIPHERS_S_C, kCiphers},
      {SSH_BIND_OPTIONS_HMAC_C_S, kMacs},
      {SSH_BIND_OPTIONS_HMAC_S_C, kMacs},
      {SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, kHostKeys},
      {SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, kUserKeys}};
  for (const auto& [option, value] : settings) {
    good = good && ssh_bind_options_set(bind, option, value) == SSH_OK;
  }
  if (!good) return fail(Code::kInternal, "libssh lacks what is to be offered");
  if (options_.host_keys.empty()) return fail(Code::kInvalid, "a host key is needed");
  for (const std::string& text : options_.host_keys) {
    ssh_key key = nullptr;
    if (ssh_pki_import_privkey_base64(text.c_str(), nullptr, nullptr, nullptr, &key) != SSH_OK) {
      return fail(Code::kInvalid, "a host key is not a private key without a passphrase");
    }
    if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key) != SSH_OK) {
      ssh_key_free(key);
      return fail(Code::kInvalid, "a host key has a type that is not offered");
    }
  }
  return {};
}

// Somebody with IPv6 has at least a /64.
Server::Source Server::source_of(const net::Address& address) {
  Source source{};
  source[0] = address.is_v6() ? 6 : 4;
  std::copy_n(address.bytes().begin(), address.is_v6() ? 8 : 4, source.begin() + 1);
  return source;
}

bool Server::take_slot(const net::Address& peer) {
  if (handshakes_ >= options_.handshakes_max) {
    counters_.refused_total.add();
    return false;
  }
  std::size_t& from_there = sources_[source_of(peer)];
  if (from_there >= options_.handshakes_per_source_max) {
    counters_.refused_per_source.add();
    return false;
  }
  ++from_there;
  ++handshakes_;
  return true;
}

void Server::free_slot(const net::Address& peer) {
  const auto found = sources_.find(source_of(peer));
  WEIR_CHECK(found != sources_.end() && handshakes_ > 0);
  if (--found->second == 0) sources_.erase(found);
  --handshakes_;
}

net::Task<void> Server::serve(net::Listener& listener) {
  for (;;) {
    auto accepted = co_await listener.accept();
    if (accepted) {
      sessions_.spawn(run(*std::move(accepted)));
    } else if (accepted.error().code == Code::kCancelled) {
      co_return;
    } else if (!co_await env_.loop.sleep(kAcceptPause)) {
      co_return;
    }
  }
}

net::Task<void> Server::run(net::Accepted accepted) {
  counters_.accepted.add();
  if (!take_slot(accepted.peer)) {
    accepted.stream->abort();
    co_return;
  }
  Session session(*this, accepted.peer);
  co_await session.run(std::move(accepted.stream));
  if (session.authenticated_) {
    counters_.ended.add();
  } else {
    counters_.unauthenticated.add();
    free_slot(accepted.peer);
  }
}

net::Task<void> Server::stop() { co_await sessions_.stop(); }

}  // namespace weir::ssh
