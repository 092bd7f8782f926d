// Sockets: what mysocket calls a socket is a LoadBalancer and a Service of one name, which belong to a User,
// and a Secret when visitors have to give a password or to sign in; what it calls a tunnel is an Endpoint
// that keeps a place (a slot) for an origin. Here are both ways between the two: intents for the API's
// writer, and the objects as mysocket shows them. Pure: the objects and randomness come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/plan.h"
#include "api/problem.h"
#include "base/random.h"
#include "config/object.h"
#include "config/whole.h"
#include "mysocket/bodies.h"

namespace weir::mysocket {

// Of one User: a person's, and a team's that shares an account; so that one of them can't fill every edge.
inline constexpr std::size_t kSocketsOfUserMax = 100;
inline constexpr std::size_t kTunnelsOfSocketMax = 32;
// The ports of slots. Nobody listens on them: they tell the tunnels of all accounts apart. Below are those
// that people write into manifests.
inline constexpr std::uint32_t kSlotPortMin = 10'000;
inline constexpr std::uint32_t kSlotPortMax = 65'535;

// Annotations of a socket's LoadBalancer. What has the first is a socket.
inline constexpr std::string_view kTypeNote = "mysocket/type";
inline constexpr std::string_view kNameNote = "mysocket/name";
inline constexpr std::string_view kDescriptionNote = "mysocket/description";
inline constexpr std::string_view kVisitorNote = "mysocket/protected-username";
inline constexpr std::string_view kAddressesNote = "mysocket/allowed-addresses";  // with commas between
inline constexpr std::string_view kDomainsNote = "mysocket/allowed-domains";

// What a socket has from its weir.
struct Surroundings {
  std::string domain;                         // sockets' host names are below it
  std::vector<std::uint32_t> ports{80, 443};  // by which visitors reach them
};

// Null: there is none of that name, or it is somebody else's, which is the same to who asks.
config::ObjectPointer find_socket(const config::Whole& world, std::string_view user, std::string_view id);
std::vector<config::ObjectPointer> sockets_of(const config::Whole& world, std::string_view user);
// By name.
std::vector<config::ObjectPointer> tunnels_of(const config::Whole& world, const config::Object& socket);
config::ObjectPointer find_tunnel(const config::Whole& world, const config::Object& socket,
                                  std::string_view id);

nlohmann::ordered_json socket_json(const config::Whole& world, const config::Object& socket,
                                   const Surroundings& surroundings);
nlohmann::ordered_json tunnel_json(const config::Whole& world, const config::Object& tunnel);

struct SocketChange {
  std::string user;
  SocketWish wish;
  std::string password_hash;  // of wish.visitor_password; empty: as before
};
using Intents = api::Answer<std::vector<api::Intent>>;

// The first intent is the LoadBalancer's.
Intents create_socket(const config::Whole& world, const SocketChange& change,
                      const Surroundings& surroundings, bool with_tunnel, Random& random);
Intents replace_socket(const config::Whole& world, const std::string& id, const SocketChange& change,
                       const Surroundings& surroundings);
Intents delete_socket(const config::Whole& world, std::string_view user, const std::string& id);
// The only intent is the Endpoint's.
Intents create_tunnel(const config::Whole& world, std::string_view user, const std::string& socket_id,
                      Random& random);
Intents delete_tunnel(const config::Whole& world, std::string_view user, const std::string& socket_id,
                      std::string_view id);

}  // namespace weir::mysocket
