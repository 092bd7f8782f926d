#include "translation/own.h"

#include <weir.pb.h>

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

#include "config/kinds.h"

namespace weir::translation {

std::string key_of(config::Kind kind, std::string_view name) {
  return std::string(config::info_of(kind).plural).append("/").append(name);
}

xds::ResourcePtr object_resource(const config::Object& object) {
  std::string key = key_of(object.kind(), object.metadata.name);
  v1::Object message;
  if (object.status.empty() && object.kind() != config::Kind::kUser) {
    message.set_json(config::to_json(object, config::Secrets::kKeep));
  } else {
    config::Object bare = object;
    bare.status.clear();
    if (auto* user = std::get_if<config::UserSpec>(&bare.spec)) user->password.clear();
    message.set_json(config::to_json(bare, config::Secrets::kKeep));
  }
  return xds::make_resource(xds::Type::kObject, key, xds::serialize(message), key);
}

xds::ResourcePtr revision_resource(std::uint64_t revision, std::uint64_t digest) {
  v1::Object message;
  message.set_revision(revision);
  message.set_digest(digest);
  return xds::make_resource(xds::Type::kObject, std::string(xds::kRevisionName), xds::serialize(message), {});
}

xds::ResourcePtr health_resource(const std::string& service, const std::set<std::string>& unhealthy) {
  v1::ServiceHealth message;
  for (const std::string& key : unhealthy) message.add_unhealthy(key);
  return xds::make_resource(xds::Type::kHealth, service, xds::serialize(message),
                            key_of(config::Kind::kService, service));
}

namespace {

void fill(v1::IssuedPair& message, const std::string& host, const IssuedPair& pair) {
  message.set_host(host);
  message.set_certificate(pair.certificate);
  message.set_private_key(pair.private_key);
}

IssuedPair pair_of(const v1::IssuedPair& message) { return {message.certificate(), message.private_key()}; }

}  // namespace

xds::ResourcePtr edge_resource(const EdgeSecrets& secrets) {
  v1::Object message;
  v1::EdgeSecrets& edge = *message.mutable_edge();
  edge.set_cookie_key(secrets.cookie_key.data(), secrets.cookie_key.size());
  edge.set_domain(secrets.domain);
  edge.set_ssh_host_key(secrets.ssh_host_key);
  if (secrets.tunnel != IssuedPair{}) fill(*edge.mutable_tunnel(), {}, secrets.tunnel);
  for (const auto& [host, pair] : secrets.issued) fill(*edge.add_issued(), host, pair);
  return xds::make_resource(xds::Type::kObject, std::string(kEdgeResource), xds::serialize(message), {});
}

xds::ResourcePtr issued_resource(const std::string& host, const IssuedPair& pair) {
  v1::Object message;
  fill(*message.mutable_issued(), host, pair);
  return xds::make_resource(xds::Type::kObject, std::string(kIssuedPrefix) + host, xds::serialize(message),
                            {});
}

Result<ObjectKey> parse_key(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos)
    return fail(Code::kInvalid, "a resource's name is no key of an object");
  for (const config::KindInfo& info : config::kKinds) {
    if (info.plural == key.substr(0, slash)) return ObjectKey{info.kind, std::string(key.substr(slash + 1))};
  }
  return fail(Code::kInvalid, "a resource is of a kind that this version does not know");
}

config::Checked<config::Object> read_object(std::string_view body) {
  v1::Object message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size())) || !message.has_json()) {
    return std::unexpected(
        config::Violations{{.field = {}, .message = "is no weir.v1.Object", .object = {}}});
  }
  return config::parse_object(message.json(), config::Origin::kStore);
}

Result<std::uint64_t> read_revision(std::string_view body) {
  v1::Object message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size())) || !message.has_revision()) {
    return fail(Code::kInvalid, "the resource \"revision\" holds none");
  }
  return message.revision();
}

Result<std::set<std::string>> read_health(std::string_view body) {
  v1::ServiceHealth message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return fail(Code::kInvalid, "is no weir.v1.ServiceHealth");
  }
  return std::set<std::string>(message.unhealthy().begin(), message.unhealthy().end());
}

Result<EdgeSecrets> read_edge(std::string_view body) {
  v1::Object message;
  EdgeSecrets secrets;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size())) || !message.has_edge() ||
      message.edge().cookie_key().size() != secrets.cookie_key.size()) {
    return fail(Code::kInvalid, "is no weir.v1.EdgeSecrets");
  }
  std::ranges::copy(std::as_bytes(std::span(message.edge().cookie_key())), secrets.cookie_key.begin());
  secrets.domain = message.edge().domain();
  secrets.ssh_host_key = message.edge().ssh_host_key();
  secrets.tunnel = pair_of(message.edge().tunnel());
  for (const v1::IssuedPair& one : message.edge().issued()) secrets.issued[one.host()] = pair_of(one);
  return secrets;
}

Result<IssuedPair> read_issued(std::string_view body) {
  v1::Object message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size())) || !message.has_issued()) {
    return fail(Code::kInvalid, "is no weir.v1.IssuedPair");
  }
  return pair_of(message.issued());
}

}  // namespace weir::translation
