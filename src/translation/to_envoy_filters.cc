// What a route does beside passing on: who may come, how often, and which fields are changed.
#include <envoy/config/route/v3/route_components.pb.h>
#include <envoy/extensions/filters/http/basic_auth/v3/basic_auth.pb.h>
#include <envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h>
#include <envoy/extensions/filters/http/rbac/v3/rbac.pb.h>

#include <limits>

#include "translation/messages.h"
#include "translation/to_envoy_parts.h"

namespace weir::translation {
namespace {

namespace core = envoy::config::core::v3;
namespace http_filters = envoy::extensions::filters::http;
namespace rbac = envoy::config::rbac::v3;
namespace route = envoy::config::route::v3;

// As many clients (or values of a header) have a bucket of their own; who was seen longest ago loses it.
constexpr std::uint32_t kBucketsMax = 10'000;

void replace_all(std::string& text, std::string_view name, std::string_view value) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
    text.replace(at, name.size(), value);
  }
}

// In Envoy's format, where % begins a command.
std::string format_of(std::string value) {
  replace_all(value, "%", "%%");
  replace_all(value, "${client_address}", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%");
  replace_all(value, "${request_id}", "%REQ(X-REQUEST-ID)%");
  replace_all(value, "${host}", "%REQ(:AUTHORITY)%");
  return value;
}

using Options = google::protobuf::RepeatedPtrField<core::HeaderValueOption>;
using Removed = google::protobuf::RepeatedPtrField<std::string>;

void write_edits(const config::HeaderEdits& edits, Options& into, Removed& removed) {
  for (const std::string& name : edits.remove) removed.Add(std::string(name));
  const auto write = [&into](const config::HeaderValue& field,
                             core::HeaderValueOption::HeaderAppendAction how) {
    auto& option = *into.Add();
    option.mutable_header()->set_key(field.name);
    option.mutable_header()->set_value(format_of(field.value));
    option.set_append_action(how);
    option.set_keep_empty_value(true);
  };
  for (const config::HeaderValue& field : edits.set) {
    write(field, core::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD);
  }
  for (const config::HeaderValue& field : edits.add) {
    write(field, core::HeaderValueOption::APPEND_IF_EXISTS_OR_ADD);
  }
}

template <class Ids>
void write_networks(const std::vector<std::string>& networks, Ids& into) {
  for (const std::string& network : networks) put_network(network, *into.add_ids()->mutable_remote_ip());
}

void write_ip_access(const config::IpAccess& from, route::Route& into) {
  http_filters::rbac::v3::RBACPerRoute filter;
  auto& rules = *filter.mutable_rbac()->mutable_rules();
  rules.set_action(rbac::RBAC::ALLOW);
  rbac::Policy& policy = (*rules.mutable_policies())["address"];
  policy.add_permissions()->set_any(true);
  auto& all = *policy.add_principals()->mutable_and_ids();
  if (from.allow.empty()) {
    all.add_ids()->set_any(true);
  } else {
    write_networks(from.allow, *all.add_ids()->mutable_or_ids());
  }
  if (!from.deny.empty()) write_networks(from.deny, *all.add_ids()->mutable_not_id()->mutable_or_ids());
  pack(filter, (*into.mutable_typed_per_filter_config())["envoy.filters.http.rbac"]);
}

using LocalRateLimit = http_filters::local_ratelimit::v3::LocalRateLimit;

// One descriptor, and the actions that make it of a request. An entry without a value stands for every value,
// each with a bucket of its own. absent: of the requests that do not have the header, which share one.
void write_descriptor(const config::RateLimit& from, std::size_t place, bool absent, LocalRateLimit& into) {
  auto& made = *into.add_rate_limits();
  auto& descriptor = *into.add_descriptors();
  write_bucket(from, *descriptor.mutable_token_bucket());
  const auto entry = [&descriptor](std::string key, std::string value = {}) {
    auto& one = *descriptor.add_entries();
    one.set_key(std::move(key));
    one.set_value(std::move(value));
  };
  auto& limit = *made.add_actions()->mutable_generic_key();
  limit.set_descriptor_key("limit");
  limit.set_descriptor_value(std::to_string(place));
  entry("limit", std::to_string(place));
  if (from.by_address) {  // one machine has a /64 of IPv6
    auto& address = *made.add_actions()->mutable_masked_remote_address();
    address.mutable_v4_prefix_mask_len()->set_value(32);
    address.mutable_v6_prefix_mask_len()->set_value(64);
    entry("masked_remote_address");
  }
  if (from.by_header.empty()) return;
  if (!absent) {
    auto& header = *made.add_actions()->mutable_request_headers();
    header.set_header_name(from.by_header);
    header.set_descriptor_key("value");
    return entry("value");
  }
  auto& match = *made.add_actions()->mutable_header_value_match();
  match.set_descriptor_key("absent");
  match.set_descriptor_value("yes");
  match.mutable_expect_match()->set_value(false);
  auto& header = *match.add_headers();
  header.set_name(from.by_header);
  header.set_present_match(true);
  entry("absent", "yes");
}

void write_rate_limits(const std::vector<config::RateLimit>& limits, route::Route& into) {
  LocalRateLimit filter;
  filter.set_stat_prefix("weir");
  for (auto* fraction : {filter.mutable_filter_enabled(), filter.mutable_filter_enforced()}) {
    fraction->mutable_default_value()->set_numerator(100);
  }
  filter.mutable_max_dynamic_descriptors()->set_value(kBucketsMax);
  const config::RateLimit unlimited{.requests = std::numeric_limits<std::uint32_t>::max()};
  write_bucket(unlimited, *filter.mutable_token_bucket());
  bool route_has_one = false;  // the filter's own bucket, which every request takes from
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const config::RateLimit& limit = limits[i];
    if (!limit.by_address && limit.by_header.empty() && !route_has_one) {
      write_bucket(limit, *filter.mutable_token_bucket());
      route_has_one = true;
      continue;
    }
    write_descriptor(limit, i, false, filter);
    if (!limit.by_header.empty()) write_descriptor(limit, i, true, filter);
  }
  pack(filter, (*into.mutable_typed_per_filter_config())["envoy.filters.http.local_ratelimit"]);
}

// As Envoy reads it: lines of htpasswd -s. Empty: a hash is of another kind.
std::string htpasswd_of(const config::Secret* secret) {
  std::string lines;
  if (secret == nullptr) return lines;
  for (const auto& [user, hash] : secret->spec.values) {
    if (!hash.starts_with("{SHA}")) return {};
    lines += user + ':' + hash + '\n';
  }
  return lines;
}

bool write_basic_auth(const PortContext& context, const config::LoadBalancer& balancer,
                      const std::string& field, const config::BasicAuth& from, route::Route& into) {
  const std::string lines = htpasswd_of(context.snapshot.find_secret(from.secret));
  if (lines.empty()) {
    context.add(balancer, field + ".basic_auth", "Envoy knows passwords only as {SHA} of htpasswd -s",
                Unsaid::Effect::kHeldBack);
    return false;
  }
  if (from.realm != config::BasicAuth().realm) {
    context.add(balancer, field + ".basic_auth.realm", "Envoy names a realm of its own");
  }
  http_filters::basic_auth::v3::BasicAuthPerRoute filter;
  filter.mutable_users()->set_inline_string(lines);
  pack(filter, (*into.mutable_typed_per_filter_config())["envoy.filters.http.basic_auth"]);
  return true;
}

}  // namespace

void write_bucket(const config::RateLimit& from, envoy::type::v3::TokenBucket& into) {
  into.set_max_tokens(from.burst == 0 ? from.requests : from.burst);
  into.mutable_tokens_per_fill()->set_value(from.requests);
  put(from.per, *into.mutable_fill_interval());
}

bool write_route_filters(const PortContext& context, const config::LoadBalancer& balancer,
                         const std::string& field, const config::Route& from, route::Route& into) {
  if (from.ip_access) write_ip_access(*from.ip_access, into);
  if (!from.rate_limits.empty()) write_rate_limits(from.rate_limits, into);
  if (from.basic_auth && !write_basic_auth(context, balancer, field, *from.basic_auth, into)) return false;
  if (from.sign_in) {
    context.add(balancer, field + ".sign_in", "Envoy can't tell whom of a provider's people to let in",
                Unsaid::Effect::kHeldBack);
    return false;
  }
  if (from.request_headers) {
    write_edits(*from.request_headers, *into.mutable_request_headers_to_add(),
                *into.mutable_request_headers_to_remove());
  }
  if (from.response_headers) {
    write_edits(*from.response_headers, *into.mutable_response_headers_to_add(),
                *into.mutable_response_headers_to_remove());
  }
  return true;
}

}  // namespace weir::translation
