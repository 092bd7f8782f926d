#include "record/connection.h"

#include <algorithm>
#include <utility>

#include "record/peer_text.h"

namespace weir::record {
namespace {

void text_or_null(Json& json, std::string_view key, std::string_view value) {
  json.key(key);
  if (value.empty()) {
    json.null();
  } else {
    json.text(value);
  }
}

}  // namespace

Connection::Connection(const net::Address& client, std::uint16_t port, Random& random, Instant now)
    : peer(client), local_port(port), began(now) {
  http::RequestId made;
  made.assign({}, random);
  id.assign(made.text());
}

void Connection::write(Json& json) const {
  json.key("connection_id").text(id.view());
  json.key("protocol").text(mode);
  json.key("port").number(local_port);
  text_or_null(json, "tls_server_name", server_name.view());
  text_or_null(json, "tls_version", tls_version);
  json.key("flags").text(flags.text());
  text_or_null(json, "reason", reason);
  text_or_null(json, "detail", detail);
  json.key("bytes_received").number(bytes_received);
  json.key("bytes_sent").number(bytes_sent);
  json.key("duration_ms").milliseconds(took);
  json.key("upstream_ms");
  if (tries > 0) {
    json.milliseconds(connect_took);
  } else {
    json.null();
  }
  text_or_null(json, "load_balancer", load_balancer());
  text_or_null(json, "listener", listener.view());
  text_or_null(json, "service", service.view());
  text_or_null(json, "endpoint", endpoint.view());
  json.key("tries").number(tries);
  json.key("peer").text(PeerText(peer).view());
}

void Connections::end(std::unique_ptr<Connection> connection) {
  kept_[std::exchange(next_, (next_ + 1) % kKeptMax)] = std::move(connection);
}

const Connection* Connections::find(std::string_view id) const {
  const auto found =
      std::ranges::find_if(kept_, [id](const auto& one) { return one && one->id.view() == id; });
  return found == kept_.end() ? nullptr : found->get();
}

}  // namespace weir::record
