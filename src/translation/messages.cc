#include "translation/messages.h"

#include <envoy/config/core/v3/address.pb.h>
#include <envoy/config/core/v3/config_source.pb.h>
#include <envoy/config/core/v3/socket_option.pb.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/duration.pb.h>

#include <algorithm>
#include <string>

#include "base/text.h"
#include "xds/resource.h"

namespace weir::translation {

void pack(const google::protobuf::Message& message, google::protobuf::Any& into) {
  into.set_type_url("type.googleapis.com/" + message.GetDescriptor()->full_name());
  into.set_value(xds::serialize(message));
}

void put(Duration duration, google::protobuf::Duration& into) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  into.set_seconds(seconds.count());
  into.set_nanos(static_cast<std::int32_t>(std::chrono::nanoseconds(duration - seconds).count()));
}

Duration duration_of(const google::protobuf::Duration& message) {
  constexpr std::int64_t kSecondsMax = 1'000'000'000;  // 31 years; what is longer means "never"
  return std::chrono::seconds(std::min(std::max<std::int64_t>(message.seconds(), 0), kSecondsMax)) +
         std::chrono::nanoseconds(std::max(message.nanos(), 0));
}

void put_address(std::string_view host, std::uint32_t port, envoy::config::core::v3::Address& into) {
  into.mutable_socket_address()->set_address(std::string(host));
  into.mutable_socket_address()->set_port_value(port);
  if (host == "::") into.mutable_socket_address()->set_ipv4_compat(true);
}

void put_network(std::string_view network, envoy::config::core::v3::CidrRange& into) {
  const std::size_t slash = network.find('/');
  const std::string_view address = network.substr(0, slash);
  const std::uint64_t whole = address.contains(':') ? 128 : 32;
  const auto bits =
      slash == std::string_view::npos ? whole : parse_decimal(network.substr(slash + 1)).value_or(whole);
  into.set_address_prefix(std::string(address));
  into.mutable_prefix_len()->set_value(static_cast<std::uint32_t>(bits));
}

void put_keepalive(Duration silence, envoy::config::core::v3::TcpKeepalive& into) {
  constexpr std::int64_t kSecondsMax = 32767;  // of Linux; an option that it refuses costs the connection
  constexpr std::uint32_t kProbes = 3;         // that go unanswered
  const auto seconds = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(silence).count(), 1, kSecondsMax));
  into.mutable_keepalive_time()->set_value(seconds);
  into.mutable_keepalive_interval()->set_value(std::max(1U, seconds / kProbes));
  into.mutable_keepalive_probes()->set_value(kProbes);
}

void put_user_timeout(Duration timeout, envoy::config::core::v3::SocketOption& into) {
  constexpr int kTcp = 6;  // numbers of Linux, where Envoy runs
  constexpr int kUserTimeout = 18;
  into.set_description("TCP_USER_TIMEOUT");
  into.set_level(kTcp);
  into.set_name(kUserTimeout);
  into.set_int_value(std::chrono::ceil<std::chrono::milliseconds>(timeout).count());
}

void put_ads(envoy::config::core::v3::ConfigSource& into) {
  into.mutable_ads();
  into.set_resource_api_version(envoy::config::core::v3::ApiVersion::V3);
}

}  // namespace weir::translation
