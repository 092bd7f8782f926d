// What a role may do to the objects of a kind. Pure. What is not allowed here is refused.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::auth {

enum class Role : std::uint8_t { kAdmin, kViewer, kJoin, kTunnel, kMember };
enum class Verb : std::uint8_t { kRead, kCreate, kUpdate, kDelete };

// Who has access, and what must stay unread, is the admins' business even to look at. An image, which is no
// object, may hold anything.
inline constexpr std::array<std::string_view, 4> kKindsForAdminsOnly{"Token", "User", "Secret", "Image"};

// kind: as in an object, "LoadBalancer".
constexpr bool allowed(Role role, Verb verb, std::string_view kind) {
  switch (role) {
    case Role::kAdmin: return true;
    case Role::kViewer:
      if (verb != Verb::kRead) return false;
      for (const std::string_view withheld : kKindsForAdminsOnly) {
        if (kind == withheld) return false;
      }
      return true;
    case Role::kJoin: break;    // lets a machine enrol, and nothing else
    case Role::kTunnel: break;  // lets origins in at edges, and nothing else
    case Role::kMember:         // of some services alone, which is looked at where they are known
      return verb == Verb::kRead ? kind == "Service" : kind == "Endpoint";
  }
  return false;
}

constexpr std::string_view name_of(Role role) {
  constexpr std::array<std::string_view, 5> kNames{"admin", "viewer", "join", "tunnel", "member"};
  return kNames[static_cast<std::size_t>(role)];
}

}  // namespace weir::auth
