#include "enroll/door.h"

#include <algorithm>
#include <utility>

#include "tls/ticket_keys.h"
#include "tls/tls_stream.h"

namespace weir::enroll {
namespace {

constexpr Duration kRetryAfterError = std::chrono::minutes(1);
constexpr std::size_t kNamesMax = 100;  // of a certificate; see tls::Authority::issue

}  // namespace

Result<std::shared_ptr<Door>> Door::create(net::Env& env, std::shared_ptr<const tls::Authority> authority,
                                           DoorOptions options) {
  std::shared_ptr<Door> made(new Door(env, std::move(authority), std::move(options)));
  auto certificates = made->issue();
  if (!certificates) return fail(certificates.error());
  auto clients = tls::TrustStore::parse(made->authority_->root_pem());
  if (!clients) return fail(clients.error());
  auto context = tls::ServerContext::create({.protocols = made->options_.protocols,
                                             .client_certificates = made->options_.clients,
                                             .client_authorities = std::move(*clients)},
                                            std::move(*certificates), std::make_shared<tls::TicketKeys>());
  if (!context) return fail(context.error());
  made->context_ = std::move(*context);
  return made;
}

Result<std::shared_ptr<const tls::CertificateSet>> Door::issue() const {
  std::vector<std::string> names;
  for (std::string& name : options_.names()) {
    if (names.size() < kNamesMax && std::ranges::find(names, name) == names.end())
      names.push_back(std::move(name));
  }
  const auto pair = authority_->issue(names, tls::Usage::kServer, env_.loop.clock().wall_now());
  if (!pair) return fail(pair.error());
  auto certificate = tls::Certificate::load(pair->certificate, pair->private_key);
  if (!certificate) return fail(certificate.error());
  std::vector<std::shared_ptr<const tls::Certificate>> all;
  all.push_back(std::move(*certificate));
  return std::make_shared<const tls::CertificateSet>(std::move(all));
}

net::Task<Result<http::Incoming>> Door::run(http::Incoming incoming) {
  auto stream = co_await tls::TlsStream::accept(std::move(incoming.stream), context_, {}, kTimeout);
  if (!stream) {
    if (stream.error().code == Code::kUnauthenticated && refused_) {
      refused_(incoming.peer, stream.error().text);
    }
    co_return fail(stream.error());
  }
  tls::TlsDetails details = (*stream)->details();
  incoming.tls = std::make_shared<const http::TlsInfo>(
      http::TlsInfo{.version = std::string(details.version),
                    .cipher = std::string(details.cipher),
                    .server_name = std::move(details.server_name),
                    .protocol = std::move(details.protocol),
                    .client_subject = std::move(details.client_subject),
                    .client_names = std::move(details.client_names),
                    .client_fingerprint = std::move(details.client_fingerprint)});
  incoming.scheme = "https";
  incoming.stream = std::move(*stream);
  co_return incoming;
}

net::Task<void> Door::keep_fresh() {
  Duration wait = kRenewAfter;
  while (co_await env_.loop.sleep(wait)) {
    auto certificates = issue();
    wait = certificates ? kRenewAfter : kRetryAfterError;
    if (certificates) {
      context_->replace(std::move(*certificates));
    } else {
      env_.log.error("the port's certificate could not be made anew",
                     {{"reason", certificates.error().text}});
    }
  }
}

}  // namespace weir::enroll
