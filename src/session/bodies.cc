#include "session/bodies.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/query.h"
#include "session/limits.h"

namespace weir::session {
namespace {

using Tree = nlohmann::json;

constexpr std::size_t kSshKeysMax = 100;
constexpr std::size_t kSshKeyBytesMax = 16 * 1024;

std::unexpected<api::Problem> refuse(std::string sentence) {
  return api::refuse(400, "invalid", std::move(sentence));
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string take_text(const Tree& tree, std::string& to, std::size_t bytes_max) {
  if (!tree.is_string()) return "must be a text";
  const auto& text = tree.get_ref<const std::string&>();
  if (text.size() > bytes_max) return "must be at most " + std::to_string(bytes_max) + " bytes long";
  if (has_control(text)) return "has a control character in it";
  to = text;
  return {};
}

std::string take_list(const Tree& tree, std::vector<std::string>& to) {
  if (!tree.is_array() || tree.size() > kSshKeysMax) return "must be a list of at most 100 texts";
  for (const Tree& item : tree) {
    if (std::string wrong = take_text(item, to.emplace_back(), kSshKeyBytesMax); !wrong.empty()) return wrong;
  }
  return {};
}

// take: what is wrong with a member, or nothing; null pointer text: the member is not known.
template <class Take>
std::optional<api::Problem> read_members(std::string_view json, const Take& take) {
  const Tree tree = Tree::parse(json, nullptr, false);
  if (!tree.is_object()) return refuse("the content must be a JSON object").error();
  for (const auto& [name, value] : tree.items()) {
    const std::optional<std::string> wrong = take(name, value);
    if (!wrong) return refuse("\"" + name.substr(0, 40) + "\" is not known here").error();
    if (!wrong->empty()) return refuse(name + " " + *wrong).error();
  }
  return std::nullopt;
}

std::string* member_of(DeviceWish& wish, std::string_view name) {
  if (name == "device") return &wish.device;
  if (name == "device_code") return &wish.device_code;
  if (name == "grant_type") return &wish.grant_type;
  return nullptr;
}

api::Answer<DeviceWish> parse_form(std::string_view content) {
  DeviceWish wish;
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('&'), content.size());
    const std::string_view pair = content.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::string* to = member_of(wish, pair.substr(0, equals));
    const auto value = api::percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!value || value->size() > kTextBytesMax || has_control(*value)) {
      return refuse("the form has a value that is none, or too long");
    }
    if (to != nullptr) *to = *value;
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  return wish;
}

}  // namespace

api::Answer<Login> parse_login(std::string_view json) {
  Login login;
  auto wrong =
      read_members(json, [&](std::string_view name, const Tree& value) -> std::optional<std::string> {
        if (name == "email") return take_text(value, login.email, kTextBytesMax);
        if (name == "password") return take_text(value, login.password, kPasswordBytesMax);
        if (name == "token") return take_text(value, login.token, kTextBytesMax);
        return std::nullopt;
      });
  if (wrong) return api::refuse(std::move(*wrong));
  const bool by_password = !login.email.empty() && !login.password.empty();
  if (by_password == !login.token.empty()) return refuse("send email and password, or a token");
  return login;
}

api::Answer<AccountChange> parse_account_change(std::string_view json) {
  AccountChange change;
  auto wrong =
      read_members(json, [&](std::string_view name, const Tree& value) -> std::optional<std::string> {
        if (name == "display_name") return take_text(value, change.display_name.emplace(), kTextBytesMax);
        if (name == "password") return take_text(value, change.password.emplace(), kPasswordBytesMax);
        if (name == "old_password") return take_text(value, change.old_password, kPasswordBytesMax);
        if (name == "ssh_keys") return take_list(value, change.ssh_keys.emplace());
        return std::nullopt;
      });
  if (wrong) return api::refuse(std::move(*wrong));
  if (change.password && change.password->empty()) return refuse("password must not be empty");
  return change;
}

api::Answer<Approval> parse_approval(std::string_view json) {
  Approval approval;
  auto wrong =
      read_members(json, [&](std::string_view name, const Tree& value) -> std::optional<std::string> {
        if (name == "user_code") return take_text(value, approval.user_code, kTextBytesMax);
        if (name != "approve") return std::nullopt;
        if (!value.is_boolean()) return "must be true or false";
        approval.approve = value.get<bool>();
        return "";
      });
  if (wrong) return api::refuse(std::move(*wrong));
  if (approval.user_code.empty()) return refuse("user_code is needed");
  return approval;
}

api::Answer<DeviceWish> parse_device_wish(std::string_view content, bool is_form) {
  if (is_form) return parse_form(content);
  DeviceWish wish;
  if (content.empty()) return wish;
  auto wrong =
      read_members(content, [&](std::string_view name, const Tree& value) -> std::optional<std::string> {
        std::string passed_over;
        std::string* to = member_of(wish, name);
        const bool is_known = to != nullptr || name == "client_id" || name == "scope";
        if (!is_known) return std::nullopt;
        return take_text(value, to == nullptr ? passed_over : *to, kTextBytesMax);
      });
  if (wrong) return api::refuse(std::move(*wrong));
  return wish;
}

}  // namespace weir::session
