// What a route does beside passing on, and what all readers share.
#include <envoy/config/core/v3/address.pb.h>
#include <envoy/config/route/v3/route_components.pb.h>
#include <envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h>
#include <envoy/extensions/filters/http/rbac/v3/rbac.pb.h>
#include <google/protobuf/any.pb.h>

#include <algorithm>
#include <array>

#include "config/kinds.h"
#include "translation/from_envoy_parts.h"
#include "translation/messages.h"
#include "translation/supported.h"

namespace weir::translation {
namespace {

namespace core = envoy::config::core::v3;
namespace http_filters = envoy::extensions::filters::http;
namespace rbac = envoy::config::rbac::v3;
namespace route = envoy::config::route::v3;
using Step = config::Report::Step;

struct Command {
  std::string_view envoy;
  std::string_view weir;
};
constexpr std::array kCommands{
    Command{"%%", "%"},
    Command{"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "${client_address}"},
    Command{"%REQ(X-REQUEST-ID)%", "${request_id}"},
    Command{"%REQ(:AUTHORITY)%", "${host}"},
};

std::string read_format(std::string_view from, config::Report& report) {
  std::string text;
  while (!from.empty()) {
    if (from.front() != '%') {
      text += from.front();
      from.remove_prefix(1);
      continue;
    }
    const auto* found =
        std::ranges::find_if(kCommands, [from](const Command& one) { return from.starts_with(one.envoy); });
    if (found == kCommands.end()) {
      report.add("has a command that is not known here: " + std::string(from.substr(0, 64)));
      return text;
    }
    text += found->weir;
    from.remove_prefix(found->envoy.size());
  }
  return text;
}

template <class Options, class Names>
void read_edits(const Options& options, const Names& removed, std::string_view field,
                std::optional<config::HeaderEdits>& into, config::Report& report) {
  if (options.empty() && removed.empty()) return;
  into.emplace();
  into->remove.assign(removed.begin(), removed.end());
  const Step list(report, field);
  for (int i = 0; i < options.size(); ++i) {
    const Step item(report, static_cast<std::size_t>(i));
    const core::HeaderValueOption& option = options[i];
    config::HeaderValue value{option.header().key(), read_format(option.header().value(), report)};
    switch (option.append_action()) {
      case core::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD:
        if (!into->add.empty()) report.add("sets after another has added, which weir does before");
        into->set.push_back(std::move(value));
        break;
      case core::HeaderValueOption::APPEND_IF_EXISTS_OR_ADD: into->add.push_back(std::move(value)); break;
      default: report.add("must be appended, or take the place of what is there");
    }
  }
}

void read_networks(const rbac::Principal& from, std::vector<std::string>& into, config::Report& report) {
  if (!from.has_or_ids()) return report.add("must have networks in or_ids");
  for (const rbac::Principal& one : from.or_ids().ids()) {
    if (!one.has_remote_ip()) return report.add("must be of remote_ip only");
    into.push_back(read_network(one.remote_ip()));
  }
}

// What to_envoy_filters.cc writes: (any or networks) and not networks.
void read_ip_access(const rbac::RBAC& from, config::IpAccess& into, config::Report& report) {
  const bool one_policy = from.action() == rbac::RBAC::ALLOW && from.policies().size() == 1;
  if (!one_policy) return report.add("must allow, by one policy");
  const rbac::Policy& policy = from.policies().begin()->second;
  const bool any = policy.permissions_size() == 1 && policy.permissions(0).any();
  if (!any || policy.principals_size() != 1 || !policy.principals(0).has_and_ids()) {
    return report.add("must permit any to one principal of and_ids");
  }
  for (const rbac::Principal& one : policy.principals(0).and_ids().ids()) {
    if (one.any()) continue;
    if (one.has_not_id()) {
      read_networks(one.not_id(), into.deny, report);
    } else if (into.allow.empty()) {
      read_networks(one, into.allow, report);
    } else {
      report.add("has two lists of networks that may come");
    }
  }
}

using LocalRateLimit = http_filters::local_ratelimit::v3::LocalRateLimit;

void read_rate_limit(const LocalRateLimit& from, config::RateLimit& into, config::Report& report) {
  const auto& bucket = from.token_bucket();
  into.requests = bucket.has_tokens_per_fill() ? bucket.tokens_per_fill().value() : 1;
  into.per = duration_of(bucket.fill_interval());
  into.burst = bucket.max_tokens() == into.requests ? 0 : bucket.max_tokens();
  const auto is_all = [](const core::RuntimeFractionalPercent& fraction) {
    return fraction.default_value().numerator() == 100 &&
           fraction.default_value().denominator() == envoy::type::v3::FractionalPercent::HUNDRED;
  };
  if (!is_all(from.filter_enabled()) || !is_all(from.filter_enforced())) {
    report.add("must be enabled and enforced for all");
  }
}

}  // namespace

void read_route_filters(const route::Route& from, config::Route& into, config::Report& report) {
  {
    const Step step(report, "typed_per_filter_config");
    for (const auto& [filter, any] : from.typed_per_filter_config()) {
      const Step item(report, filter);
      http_filters::rbac::v3::RBACPerRoute access;
      LocalRateLimit limit;
      if (unpack(any, access)) {
        read_ip_access(access.rbac().rules(), into.ip_access.emplace(), report);
      } else if (unpack(any, limit)) {
        read_rate_limit(limit, into.rate_limits.emplace_back(), report);
      } else {
        report.add("is not supported");
      }
    }
  }
  read_edits(from.request_headers_to_add(), from.request_headers_to_remove(), "request_headers_to_add",
             into.request_headers, report);
  read_edits(from.response_headers_to_add(), from.response_headers_to_remove(), "response_headers_to_add",
             into.response_headers, report);
}

bool parse(std::string_view body, google::protobuf::Message& into, config::Report& report) {
  if (into.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    check_supported(into, report);
  } else {
    report.add("can't be read as a " + into.GetDescriptor()->full_name());
  }
  return report.size() == 0;
}

bool unpack(const google::protobuf::Any& any, google::protobuf::Message& into) {
  return any.type_url() == "type.googleapis.com/" + into.GetDescriptor()->full_name() &&
         into.ParseFromString(any.value());
}

std::string sentence_of(const config::Violations& violations) {
  std::string text;
  for (const config::Violation& one : violations) {
    if (!text.empty()) text += "; ";
    text += one.field.empty() ? one.message : one.field + ": " + one.message;
  }
  return text;
}

std::string read_text(const core::DataSource& from, config::Report& report) {
  if (from.has_filename()) report.add("names a file, which is not read here; give inline_string");
  return from.has_inline_bytes() ? from.inline_bytes() : from.inline_string();
}

std::string read_network(const core::CidrRange& from) {
  const bool v6 = from.address_prefix().contains(':');
  const std::uint32_t whole = v6 ? 128 : 32;
  const std::uint32_t bits = from.has_prefix_len() ? from.prefix_len().value() : 0;
  return bits == whole ? from.address_prefix() : from.address_prefix() + '/' + std::to_string(bits);
}

void check_spec(const config::Spec& spec, config::Report& report) {
  config::Object object;
  object.metadata.name = "checked";
  object.spec = spec;
  const auto checked =
      config::parse_object(config::to_json(object, config::Secrets::kKeep), config::Origin::kStore);
  if (checked) return;
  for (const config::Violation& one : checked.error()) {
    const Step step(report, "as " + std::string(config::info_of(object.kind()).name) + " " + one.field);
    report.add(one.message);
  }
}

}  // namespace weir::translation
