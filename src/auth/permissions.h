// What a role may do to the objects of a kind. Pure. What is not allowed here is refused.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir::auth {

// Of people and programs, each with all that the next may do; and of machines.
enum class Role : std::uint8_t { kOwner, kAdmin, kEditor, kViewer, kJoin, kTunnel, kMember };
enum class Verb : std::uint8_t { kRead, kCreate, kUpdate, kDelete };

// Who has access, and what must stay unread, is the admins' business even to look at. An image, which is no
// object, may hold anything.
inline constexpr std::array<std::string_view, 6> kKindsForAdminsOnly{"Token",   "User",   "Organization",
                                                                     "Session", "Secret", "Image"};

constexpr bool is_withheld(std::string_view kind) {
  for (const std::string_view withheld : kKindsForAdminsOnly) {
    if (kind == withheld) return true;
  }
  return false;
}

// kind: as in an object, "LoadBalancer".
constexpr bool allowed(Role role, Verb verb, std::string_view kind) {
  switch (role) {
    case Role::kOwner:
    case Role::kAdmin: return true;
    case Role::kEditor: return !is_withheld(kind);
    case Role::kViewer: return verb == Verb::kRead && !is_withheld(kind);
    case Role::kJoin: break;    // lets a machine enrol, and nothing else
    case Role::kTunnel: break;  // lets origins in at edges, and nothing else
    case Role::kMember:         // of some services alone, which is looked at where they are known
      return verb == Verb::kRead ? kind == "Service" : kind == "Endpoint";
  }
  return false;
}

// Whether scopes ("services:write", "*:read"; to write is to read, too) leave the kind, as in paths:
// "services". None leave all.
constexpr bool in_scopes(std::span<const std::string> scopes, Verb verb, std::string_view plural) {
  if (scopes.empty()) return true;
  for (const std::string_view scope : scopes) {
    const std::size_t colon = scope.find(':');
    const std::string_view kind = scope.substr(0, colon);
    if (kind != "*" && kind != plural) continue;
    if (verb == Verb::kRead || scope.substr(colon + 1) == "write") return true;
  }
  return false;
}

constexpr std::string_view name_of(Role role) {
  constexpr std::array<std::string_view, 7> kNames{"owner", "admin",  "editor", "viewer",
                                                   "join",  "tunnel", "member"};
  return kNames[static_cast<std::size_t>(role)];
}

}  // namespace weir::auth
