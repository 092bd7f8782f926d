#include "ssh/callbacks.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include <algorithm>
#include <string>
#include <utility>

#include "auth/crypto.h"
#include "auth/ssh_key.h"
#include "ssh/key.h"
#include "ssh/limits.h"
#include "ssh/server.h"
#include "ssh/terminal.h"

namespace weir::ssh {

struct Session::Callbacks::Library {
  explicit Library(Session& owner) : session(owner) {}
  static Session& of(void* self) { return static_cast<Library*>(self)->session; }

  static int on_none(ssh_session, const char* user, void* self);
  static int on_password(ssh_session, const char* user, const char* password, void* self);
  static int on_key(ssh_session, const char* user, ssh_key key, char state, void* self);
  static int on_service(ssh_session, const char* service, void* self);
  static ssh_channel on_channel(ssh_session, void* self);
  static int on_message(ssh_session, ssh_message message, void* self);

  Session& session;
  static void on_progress(void* self, float status);

  ssh_callbacks_struct common{};
  ssh_server_callbacks_struct server{};
  ssh_channel_callbacks_struct disowned{};
};

namespace {

int answer(bool allowed) { return allowed ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED; }

}  // namespace

Session::Callbacks::Callbacks(Session& session) : library(std::make_unique<Library>(session)) {
  ssh_server_callbacks_struct& server = library->server;
  server.size = sizeof server;
  server.userdata = library.get();
  server.auth_none_function = Library::on_none;
  server.auth_password_function = Library::on_password;
  server.auth_pubkey_function = Library::on_key;
  server.service_request_function = Library::on_service;
  server.channel_open_request_session_function = Library::on_channel;

  library->common.size = sizeof library->common;
  library->common.userdata = library.get();
  library->common.connect_status_function = Library::on_progress;

  ssh_channel_callbacks_struct& disowned = library->disowned;
  disowned.size = sizeof disowned;
  disowned.userdata = library.get();
  disowned.channel_data_function = [](ssh_session, ssh_channel, void*, std::uint32_t bytes, int,
                                      void*) -> int { return static_cast<int>(bytes); };
  disowned.channel_close_function = [](ssh_session, ssh_channel channel, void* self) {
    Library::of(self).on_disowned_closed(channel);
  };
}

Session::Callbacks::~Callbacks() = default;

void Session::Callbacks::install(ssh_session_struct* ssh) {
  ssh_set_callbacks(ssh, &library->common);
  ssh_set_server_callbacks(ssh, &library->server);
  ssh_set_message_callback(ssh, Library::on_message, library.get());
}

void Session::Callbacks::disown(ssh_channel_struct* channel) {
  (void)ssh_add_channel_callbacks(channel, &library->disowned);
}

// Called when the client's version has come, before ours of the key exchange goes. The client's order of
// ciphers decides, and OpenSSH's has ChaCha20 and AES-CTR before AES-GCM, which costs the least here: it is
// offered nothing else.
void Session::Callbacks::Library::on_progress(void* self, float /*status*/) {
  Session& session = of(self);
  if (std::exchange(session.greeted_, true) || !session.client().starts_with("SSH-2.0-OpenSSH_")) return;
  constexpr const char* kGcm = "aes128-gcm@openssh.com,aes256-gcm@openssh.com";
  ssh_options_set(session.ssh_, SSH_OPTIONS_CIPHERS_C_S, kGcm);
  ssh_options_set(session.ssh_, SSH_OPTIONS_CIPHERS_S_C, kGcm);
  (void)ssh_server_init_kex(session.ssh_);
}

// --- authentication, RFC 4252

int Session::Callbacks::Library::on_none(ssh_session, const char* user, void* self) {
  return answer(of(self).authenticate({.method = Method::kNone, .user = user}));
}

int Session::Callbacks::Library::on_password(ssh_session, const char* user, const char* password,
                                             void* self) {
  return answer(of(self).authenticate({.method = Method::kPassword, .user = user, .password = password}));
}

int Session::Callbacks::Library::on_key(ssh_session, const char* user, ssh_key key, char state, void* self) {
  const bool proven = state == SSH_PUBLICKEY_STATE_VALID;
  if (!proven && state != SSH_PUBLICKEY_STATE_NONE) return SSH_AUTH_DENIED;
  char* text = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK) return SSH_AUTH_DENIED;
  const auto blob = auth::from_base64(text);
  ssh_string_free_char(text);
  return answer(blob && of(self).authenticate_key(user, net::as_slice(*blob), proven));
}

int Session::Callbacks::Library::on_service(ssh_session, const char* service, void* self) {
  of(self).keys_exchanged();
  return std::string_view(service) == "ssh-userauth" ? 0 : -1;
}

void Session::keys_exchanged() {
  if (std::exchange(keys_exchanged_, true)) return;
  started_at_ = loop_.now();
  loop_.arm(ticker_, next_tick());
}

bool Session::authenticate(const Credential& credential) {
  if (ending_ || authenticated_) return false;
  if (server_.gate_.authenticate(*this, credential)) {
    if (!credential.proven) return true;
    user_ = credential.user;
    authenticated_ = true;
    heard_at_ = loop_.now();
    server_.free_slot(peer_);
    loop_.arm(ticker_, next_tick());
    return true;
  }
  if (credential.method != Method::kNone) count_refused_try();
  return false;
}

void Session::count_refused_try() {
  if (++tries_ < limits::kAuthenticationTriesMax) return;
  end({Code::kUnauthenticated, Side::kDownstream, Retry::kNever, 0, "too many refused tries"},
      "Too many authentication failures");
}

bool Session::authenticate_key(std::string_view user, net::Slice blob, bool proven) {
  if (ending_ || authenticated_) return false;
  Credential credential{.method = Method::kPublicKey, .user = user, .key_blob = blob, .proven = proven};
  credential.key_type = type_of_key(blob);
  std::optional<Certificate> certificate;
  std::string kept;
  if (is_certificate_type(credential.key_type)) {
    kept = net::as_text(blob);
    auto parsed = parse_certificate(net::as_slice(kept));
    // The gate first: anybody can make signatures that take long to check.
    Result<void> good = !parsed ? fail(parsed.error()) : server_.gate_.trusts(*this, user, *parsed);
    if (good) good = check_certificate(*parsed, {peer_, loop_.clock().wall_now()});
    if (!good) {
      if (const auto passed_over = server_.certificates_refused_.take(loop_.now())) {
        server_.env_.log.info("certificate refused", {{"peer", peer_.to_string()},
                                                      {"why", good.error().text},
                                                      {"passed_over", std::to_string(*passed_over)}});
      }
      count_refused_try();
      return false;
    }
    certificate = *std::move(parsed);
    credential.certificate = &*certificate;
    credential.key_type = certificate->key_type;
    credential.key_blob = net::as_slice(certificate->key_blob);
  }
  const std::string fingerprint = auth::ssh_fingerprint(credential.key_blob);
  credential.fingerprint = fingerprint;
  if (!authenticate(credential)) return false;
  if (proven && certificate) {
    certificate_blob_ = std::move(kept);
    certificate_ = *parse_certificate(net::as_slice(certificate_blob_));  // its views are of the kept blob
  }
  return true;
}

void Session::ensure_began() {
  if (std::exchange(began_, true)) return;
  server_.counters_.began.add();
  server_.gate_.began(*this);
}

// --- RFC 4254

int Session::Callbacks::Library::on_message(ssh_session, ssh_message message, void* self) {
  constexpr int kHandled = 0;
  constexpr int kRefuse = 1;  // libssh says no, in the way of the message
  Session& session = of(self);
  if (ssh_message_type(message) != SSH_REQUEST_GLOBAL || session.ending_) return kRefuse;
  session.ensure_began();
  const char* address = ssh_message_global_request_address(message);
  const auto port = static_cast<std::uint16_t>(ssh_message_global_request_port(message));
  if (address == nullptr) return kRefuse;
  switch (ssh_message_subtype(message)) {
    case SSH_GLOBAL_REQUEST_TCPIP_FORWARD: {
      const auto forward = session.forward(address, port);
      if (!forward) return kRefuse;
      ssh_message_global_request_reply_success(message, forward->port);
      return kHandled;
    }
    case SSH_GLOBAL_REQUEST_CANCEL_TCPIP_FORWARD:
      if (!session.cancel_forward(address, port)) return kRefuse;
      ssh_message_global_request_reply_success(message, 0);
      return kHandled;
    default: return kRefuse;
  }
}

Result<Forward> Session::forward(std::string_view address, std::uint16_t port) {
  if (certificate_ && !certificate_->permits_port_forwarding) {
    return fail(Code::kForbidden, "the certificate does not permit forwards");
  }
  if (forwards_.size() >= limits::kForwardsMax) return fail(Code::kOverloaded, "too many forwards");
  if (address.size() > limits::kAddressBytesMax) return fail(Code::kInvalid, "the address is too long");
  if (port != 0 && std::ranges::count(forwards_, Forward{std::string(address), port}) > 0) {
    return fail(Code::kExists, "the forward exists");
  }
  const auto got = server_.gate_.forward(*this, address, port);
  if (!got) return fail(got.error());
  return forwards_.emplace_back(std::string(address), port == 0 ? *got : port);
}

bool Session::cancel_forward(std::string_view address, std::uint16_t port) {
  const auto found = std::ranges::find(forwards_, Forward{std::string(address), port});
  if (found == forwards_.end()) return false;
  const Forward forward = std::move(*found);
  forwards_.erase(found);
  server_.gate_.cancelled(*this, forward.address, forward.port);
  return true;
}

ssh_channel Session::Callbacks::Library::on_channel(ssh_session ssh, void* self) {
  Session& session = of(self);
  if (session.ending_ || session.terminals_.size() >= limits::kTerminalsMax) return nullptr;
  session.ensure_began();
  ssh_channel channel = ssh_channel_new(ssh);
  if (channel != nullptr) session.terminals_.push_back(std::make_unique<Terminal>(session, channel));
  return channel;
}

}  // namespace weir::ssh
