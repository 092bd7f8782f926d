#include "mysocket/accounts.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "auth/account_token.h"
#include "auth/password.h"
#include "auth/ssh_key.h"
#include "base/text.h"
#include "config/kinds.h"

namespace weir::mysocket {
namespace {

// RFC 9562 section 4: the groups of a UUID's 32 digits.
constexpr std::array<std::size_t, 5> kUuidGroups{8, 4, 4, 4, 12};
constexpr std::size_t kUuidDigits = 32;

const config::UserSpec& user_spec(const config::Object& user) {
  return std::get<config::UserSpec>(user.spec);
}

std::string made_name(Random& random) {
  const std::array<std::uint64_t, 2> bits{random.next(), random.next()};
  return to_hex(std::as_bytes(std::span(bits)));
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = trim(text.substr(0, end));
    if (!line.empty() && !line.starts_with('#')) lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

std::string user_id_of(std::string_view name) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (name.size() != kUuidDigits || !std::ranges::all_of(name, is_digit)) return std::string(name);
  std::string id;
  for (const std::size_t digits : kUuidGroups) {
    if (!id.empty()) id += '-';
    id += name.substr(0, digits);
    name.remove_prefix(digits);
  }
  return id;
}

std::string name_of_user(std::string_view user_id) {
  std::string name(user_id);
  std::erase(name, '-');
  return user_id_of(name) == user_id ? name : std::string(user_id);
}

nlohmann::ordered_json user_json(const config::Object& user) {
  const config::UserSpec& spec = user_spec(user);
  std::string keys;
  for (const std::string& key : spec.ssh_keys) keys.append(keys.empty() ? "" : "\n").append(key);
  return {{"name", spec.display_name},
          {"email", spec.email},
          {"user_id", user_id_of(user.metadata.name)},
          {"user_name", user.metadata.name},
          {"sshkey", keys}};
}

bool can_log_in(const config::ObjectPointer& user) {
  return user && !user_spec(*user).disabled && !user_spec(*user).password.empty();
}

const std::string& hash_to_compare(const config::ObjectPointer& user) {
  static const std::string kOfNobody = auth::kHashOfNobody;
  return user && !user_spec(*user).password.empty() ? user_spec(*user).password : kOfNobody;
}

config::ObjectPointer user_of_token(const config::Whole& world, std::string_view token,
                                    std::span<const std::byte> key, WallTime now) {
  const auto presented = auth::AccountToken::parse(token);
  if (!presented) return nullptr;
  const std::string name = name_of_user(presented->user_id());
  config::ObjectPointer user = world.find(config::Kind::kUser, name);
  const bool is_genuine = presented->is_signed_by(auth::account_key(key, name, hash_to_compare(user)));
  if (!is_genuine || !presented->is_current(now) || !can_log_in(user)) return nullptr;
  return user;
}

api::Answer<api::Intent> sign_up_intent(const SignUp& sign_up, Random& random) {
  config::Object wanted;
  wanted.metadata.name = made_name(random);
  wanted.spec = config::UserSpec{.email = sign_up.email,
                                 .display_name = sign_up.name,
                                 .password = sign_up.password,
                                 .ssh_keys = lines_of(sign_up.sshkey)};
  // By the rules for all who write objects.
  auto object =
      config::parse_object(config::to_json(wanted, config::Secrets::kKeep), config::Origin::kClient);
  if (!object) return api::refuse(api::invalid(std::move(object.error())));
  // But for options: whoever signs up brings keys, and is nobody's authority.
  for (const std::string& line : std::get<config::UserSpec>(object->spec).ssh_keys) {
    if (const auto key = auth::parse_ssh_key(line); !key) {
      return api::refuse(api::invalid({{.field = "spec.ssh_keys", .message = key.error(), .object = {}}}));
    }
  }
  api::Intent intent{.verb = api::Verb::kCreate, .kind = config::Kind::kUser, .name = wanted.metadata.name};
  intent.wanted = std::move(*object);
  return intent;
}

std::string sentence_of(const api::Problem& problem) {
  if (problem.violations.empty()) return problem.detail;
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kFields{{
      {"spec.email", "email"},
      {"spec.display_name", "name"},
      {"spec.password", "password"},
      {"spec.ssh_keys", "sshkey"},
  }};
  std::string text;
  for (const config::Violation& violation : problem.violations) {
    const auto* known = std::ranges::find_if(
        kFields, [&](const auto& field) { return violation.field.starts_with(field.first); });
    if (!text.empty()) text += "; ";
    text.append(known == kFields.end() ? std::string_view(violation.field) : known->second).append(" ");
    const bool is_taken = violation.message.starts_with("is taken by");
    text.append(is_taken ? "is that of another account" : violation.message);
  }
  return text;
}

}  // namespace weir::mysocket
