// What the translations share: how values are put into protobuf messages. For the .cc files of this room.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace google::protobuf {
class Any;
class Duration;
class Message;
}  // namespace google::protobuf
namespace envoy::config::core::v3 {
class Address;
class CidrRange;
class ConfigSource;
class SocketOption;
class TcpKeepalive;
}  // namespace envoy::config::core::v3

namespace weir::translation {

// Envoy's words of retry_on, by config::GrpcStatus.
inline constexpr std::array<std::string_view, 5> kGrpcRetries{
    "cancelled", "deadline-exceeded", "resource-exhausted", "internal", "unavailable"};

// With the same bytes for equal messages, as xds::serialize() gives them.
void pack(const google::protobuf::Message& message, google::protobuf::Any& into);
void put(Duration duration, google::protobuf::Duration& into);
Duration duration_of(const google::protobuf::Duration& message);
// host: an IP address, or a name where Envoy resolves names; "::" stands for all of IPv4, too.
void put_address(std::string_view host, std::uint32_t port, envoy::config::core::v3::Address& into);
// network: "10.0.0.0/8" or one address; was validated.
void put_network(std::string_view network, envoy::config::core::v3::CidrRange& into);
// As edges find out that a peer has vanished (config::TcpOptions).
void put_keepalive(Duration silence, envoy::config::core::v3::TcpKeepalive& into);
void put_user_timeout(Duration timeout, envoy::config::core::v3::SocketOption& into);
// From the stream that the resource itself came by.
void put_ads(envoy::config::core::v3::ConfigSource& into);

}  // namespace weir::translation
