#include "inspection/exchange_text.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "auth/crypto.h"
#include "base/text.h"

namespace weir::inspection {
namespace {

constexpr std::string_view kHidden = "(hidden)";

// What of a text is left when its end was cut off in the middle of a character.
std::string_view whole_characters(std::string_view text) {
  constexpr std::size_t kCharacterBytesMax = 4;
  for (std::size_t cut = 0; cut < std::min(kCharacterBytesMax, text.size()); ++cut) {
    const std::string_view shorter = text.substr(0, text.size() - cut);
    if (record::is_text(shorter)) return shorter;
  }
  return {};
}

}  // namespace

bool is_secret(std::string_view field_name) {
  // Of the names that are in use: Authorization, Cookie, Set-Cookie, X-Auth-Token, X-Api-Key, ...
  constexpr std::array<std::string_view, 8> kWords{"authorization", "cookie",  "token",   "secret",
                                                   "password",      "api-key", "api_key", "apikey"};
  const std::string name = to_lower(field_name);
  return std::ranges::any_of(kWords, [&name](std::string_view word) { return name.contains(word); });
}

void write(record::Json& json, const capture::Captured& captured) {
  json.begin_object();
  json.key("headers").begin_array();
  for (const auto& [name, value] : captured.fields) {
    json.begin_object();
    json.key("name").text(name);
    json.key("value").text(is_secret(name) ? kHidden : value);
    json.end_object();
  }
  json.end_array();
  const std::string& body = captured.body;
  const std::string_view text = captured.truncated ? whole_characters(body) : body;
  const bool base64 = !record::is_text(text) || (text.empty() && !body.empty());
  json.key("body").text(base64 ? auth::to_base64(std::as_bytes(std::span(body))) : text);
  json.key("base64").boolean(base64);
  json.key("truncated").boolean(captured.truncated);
  json.end_object();
}

std::string with_exchange(std::string line, const capture::Exchange& exchange) {
  line.pop_back();
  for (const auto& [name, captured] :
       {std::pair{R"(,"request":)", &exchange.request}, std::pair{R"(,"response":)", &exchange.response}}) {
    line += name;
    record::Json json(line);
    write(json, *captured);
  }
  return line += '}';
}

}  // namespace weir::inspection
