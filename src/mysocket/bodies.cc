#include "mysocket/bodies.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/text.h"
#include "config/formats.h"

namespace weir::mysocket {
namespace {

using Tree = nlohmann::json;

std::unexpected<api::Problem> refuse(std::string sentence) {
  return api::refuse(400, "invalid", std::move(sentence));
}

api::Answer<Tree> parse_object(std::string_view json) {
  if (json.size() > kBodyBytesMax) return refuse("the content is too large");
  Tree tree = Tree::parse(json, nullptr, false);
  if (!tree.is_object()) return refuse("the content must be a JSON object");
  return tree;
}

// Reads members one after the other and keeps the first thing that is wrong.
class Reader {
 public:
  explicit Reader(const Tree& tree) : tree_(tree) {}

  // Null counts as absent.
  void text(const char* name, std::string& to, std::size_t bytes_max, bool lines = false) {
    const Tree* found = find(name);
    if (found == nullptr) return;
    if (const std::string wrong = take(*found, to, bytes_max, lines); !wrong.empty()) say(name, wrong);
  }
  void truth(const char* name, bool& to) {
    const Tree* found = find(name);
    if (found == nullptr) return;
    if (!found->is_boolean()) return say(name, "must be true or false");
    to = found->get<bool>();
  }
  void texts(const char* name, std::vector<std::string>& to) {
    const Tree* found = find(name);
    if (found == nullptr) return;
    if (!found->is_array() || found->size() > kAllowedMax)
      return say(name, "must be a list of at most 100 texts");
    to.clear();
    for (const Tree& item : *found) {
      const std::string wrong = take(item, to.emplace_back(), kAllowedBytesMax, false);
      if (!wrong.empty()) return say(name, "has one in it that " + wrong);
      if (to.back().contains(',')) return say(name, "has one in it with a comma");
    }
  }
  void say(std::string_view name, std::string_view what) {
    if (wrong_.empty()) wrong_ = std::string(name).append(" ").append(what);
  }
  void needs(const char* name, const std::string& text) {
    if (text.empty()) say(name, "is needed");
  }
  std::string take_wrong() { return std::move(wrong_); }

 private:
  const Tree* find(const char* name) const {
    const auto found = tree_.find(name);
    return found == tree_.end() || found->is_null() ? nullptr : &*found;
  }
  static std::string take(const Tree& tree, std::string& to, std::size_t bytes_max, bool lines) {
    if (!tree.is_string()) return "must be a text";
    const auto& text = tree.get_ref<const std::string&>();
    if (text.size() > bytes_max) return "must be at most " + std::to_string(bytes_max) + " bytes long";
    const auto is_control = [lines](char c) {
      if (lines && (c == '\n' || c == '\r' || c == '\t')) return false;
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    };
    if (std::ranges::any_of(text, is_control)) return "has a control character in it";
    to = text;
    return {};
  }

  const Tree& tree_;
  std::string wrong_;
};

void check_type(Reader& reader, std::string& type) {
  type = to_lower(type);
  constexpr std::array<std::string_view, 4> kTypes{"http", "https", "tcp", "tls"};
  if (std::ranges::find(kTypes, type) == kTypes.end()) {
    reader.say("socket_type", "must be http, https, tcp or tls");
  }
}

void check_allowed(Reader& reader, const SocketWish& wish) {
  for (const std::string& address : wish.allowed_addresses) {
    const std::string wrong = config::check_email(address);
    if (!wrong.empty())
      reader.say("cloud_authentication_email_allowed_addressses", "has one in it that " + wrong);
  }
  for (const std::string& domain : wish.allowed_domains) {
    const std::string wrong = config::check_hostname(domain);
    if (!wrong.empty())
      reader.say("cloud_authentication_email_allowed_domains", "has one in it that " + wrong);
  }
  if (wish.allowed_addresses.empty() && wish.allowed_domains.empty()) {
    reader.say("cloud_authentication_enabled",
               "needs addresses or domains that are allowed, or nobody could come");
  }
}

}  // namespace

api::Answer<SignUp> parse_sign_up(std::string_view json) {
  const auto tree = parse_object(json);
  if (!tree) return std::unexpected(tree.error());
  constexpr std::size_t kTextBytesMax = 254;
  SignUp sign_up;
  Reader reader(*tree);
  reader.text("name", sign_up.name, kNameBytesMax);
  reader.text("email", sign_up.email, kTextBytesMax);
  reader.text("password", sign_up.password, kTextBytesMax);
  reader.text("sshkey", sign_up.sshkey, kBodyBytesMax, true);
  reader.needs("email", sign_up.email);
  reader.needs("password", sign_up.password);
  if (std::string wrong = reader.take_wrong(); !wrong.empty()) return refuse(std::move(wrong));
  return sign_up;
}

api::Answer<Login> parse_login(std::string_view json) {
  const auto tree = parse_object(json);
  if (!tree) return std::unexpected(tree.error());
  constexpr std::size_t kTextBytesMax = 256;
  Login login;
  Reader reader(*tree);
  reader.text("email", login.email, kTextBytesMax);
  reader.text("password", login.password, kTextBytesMax);
  if (std::string wrong = reader.take_wrong(); !wrong.empty()) return refuse(std::move(wrong));
  return login;
}

api::Answer<SocketWish> parse_socket(std::string_view json) {
  const auto tree = parse_object(json);
  if (!tree) return std::unexpected(tree.error());
  SocketWish wish;
  Reader reader(*tree);
  reader.text("name", wish.name, kNameBytesMax);
  reader.text("description", wish.description, kNameBytesMax);
  reader.text("socket_type", wish.type, kNameBytesMax);
  reader.truth("protected_socket", wish.is_protected);
  reader.text("protected_username", wish.visitor_name, kVisitorNameBytesMax);
  reader.text("protected_password", wish.visitor_password, kVisitorPasswordBytesMax);
  reader.truth("cloud_authentication_enabled", wish.asks_sign_in);
  // Some clients write it with two s.
  reader.texts("cloud_authentication_email_allowed_addresses", wish.allowed_addresses);
  reader.texts("cloud_authentication_email_allowed_addressses", wish.allowed_addresses);
  reader.texts("cloud_authentication_email_allowed_domains", wish.allowed_domains);
  reader.needs("name", wish.name);
  check_type(reader, wish.type);
  if (wish.asks_sign_in) check_allowed(reader, wish);
  if (wish.is_protected) {
    reader.needs("protected_username", wish.visitor_name);
    if (const std::string wrong = config::check_label_key(wish.visitor_name); !wrong.empty()) {
      reader.say("protected_username", wrong);
    }
  }
  if (std::string wrong = reader.take_wrong(); !wrong.empty()) return refuse(std::move(wrong));
  return wish;
}

}  // namespace weir::mysocket
