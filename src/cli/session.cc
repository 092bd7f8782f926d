#include "cli/session.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/uri_path.h"
#include "client/objects.h"

namespace weir::cli {
namespace {

struct ShortForm {
  std::string_view word;
  config::Kind kind;
};
constexpr std::string_view kPageItems = "500";  // small enough to come soon, large enough for one round trip

constexpr std::array kShortForms{
    ShortForm{"lb", config::Kind::kLoadBalancer}, ShortForm{"lbs", config::Kind::kLoadBalancer},
    ShortForm{"svc", config::Kind::kService}, ShortForm{"ep", config::Kind::kEndpoint}};

std::string about_token(const Settings& settings) {
  if (!settings.token_source.empty()) {
    return "the API at " + settings.api.text + " does not accept the token from " + settings.token_source;
  }
  return "the API at " + settings.api.text +
         " wants a token: set WEIR_TOKEN, or `token:` in ~/.config/weir/config.yaml; the first start of "
         "`weir "
         "up` keeps one in <data-dir>/admin.token";
}

// "web.yaml:12: service/web: spec.balance: must be ..."
std::string violation_line(const Tree& violation, const Manifest* manifest) {
  const std::string object = text_at(violation, "/object");
  const client::Place* place = manifest == nullptr ? nullptr : manifest->place_of(object);
  std::string line;
  if (place != nullptr) line += place->text() + ": ";
  const std::size_t slash = object.find('/');
  if (slash != std::string::npos) {
    line += shown_name(object.substr(0, slash), object.substr(slash + 1)) + ": ";
  } else if (!object.empty() && place == nullptr) {
    line += object + ": ";
  }
  if (const std::string field = text_at(violation, "/field"); !field.empty()) line += field + ": ";
  return line + text_at(violation, "/message");
}

}  // namespace

std::optional<std::string> Session::content_of(const Result<ApiAnswer>& answer, const Manifest* manifest) {
  if (!answer) {
    say_failed(answer.error());
  } else if (answer->status < 200 || answer->status > 299) {
    say_refused(*answer, manifest);
  } else {
    return answer->content;
  }
  return std::nullopt;
}

void Session::say_refused(const ApiAnswer& answer, const Manifest* manifest) {
  if (answer.status == 401) return terminal.say("weir: " + about_token(settings));
  if (!answer.content_type.starts_with("application/problem+json")) {
    return terminal.say("weir: what answers at " + settings.api.text + " is no weir API (status " +
                        std::to_string(answer.status) + "); --api or WEIR_API names another");
  }
  const Tree problem = parse_tree(answer.content);
  const Tree& violations = at(problem, "/violations");
  if (violations.is_array() && !violations.empty()) {
    for (const Tree& violation : violations) terminal.say(violation_line(violation, manifest));
    return;
  }
  const std::string detail = text_at(problem, "/detail");
  terminal.say("weir: " + (detail.empty() ? "refused with status " + std::to_string(answer.status) : detail));
}

// The handshake went wrong: in most cases there is something to be done about it.
void Session::say_no_tls(const Error& error) {
  const std::string& url = settings.api.text;
  const std::string_view why = error.text;
  if (why == tls::kNotTls) {
    return terminal.say("weir: what answers at " + url +
                        " does not speak TLS; an API on a loopback address is http://");
  }
  std::string text = "weir: " + url + " is not who it should be: " + error.text;
  if (why == tls::kUntrusted) {
    text += settings.ca_path.empty() ? "" : " (it is not in " + settings.ca_path + ")";
    text +=
        "; `weir ca` on the controller prints its authority: keep that in a file, and name the file in "
        "WEIR_CA "
        "or as `ca:` in ~/.config/weir/config.yaml";
  }
  if (why == tls::kOtherName || why == tls::kOtherAddress) {
    text += "; `weir up --api-name " + settings.api.host.name + "` on the controller adds this one";
  }
  terminal.say(text);
}

void Session::say_failed(const Error& error) {
  const std::string& url = settings.api.text;
  const bool system_refused = error.os_errno != 0;
  if (settings.api.over_tls && error.code == Code::kConnectFailed && !system_refused)
    return say_no_tls(error);
  const bool broken_off =
      error.code == Code::kClosed || error.code == Code::kReset || error.code == Code::kMalformed;
  if (!settings.api.over_tls && !settings.api.host.is_loopback() && broken_off && !system_refused) {
    return terminal.say("weir: what answers at " + url +
                        " does not speak HTTP without TLS; an API beyond loopback is https://");
  }
  constexpr std::string_view kHow = "; --api or WEIR_API names another";
  switch (error.code) {
    case Code::kNotResolved:
      return terminal.say("weir: " + settings.api.host.name + " has no address" + std::string(kHow));
    case Code::kTimedOut: return terminal.say("weir: " + url + " does not answer in time");
    case Code::kMalformed:
    case Code::kBadVersion:
      return terminal.say("weir: what answers at " + url + " does not speak HTTP" + std::string(kHow));
    case Code::kBodyTooLarge: return terminal.say(std::string("weir: ") + error.text);
    default: break;
  }
  terminal.say("weir: no API answers at " + url + " (" + why_not(error) + "); is `weir up` running?" +
               std::string(kHow).substr(1));
}

void Session::say_ended(const Result<ApiAnswer>& answer) {
  if (answer) {
    say_refused(*answer);
  } else {
    say_failed(answer.error());
  }
}

net::Task<bool> Following::goes_on(const Result<ApiAnswer>& answer) {
  const bool over = answer && answer->status != 200 && answer->status != 503;
  if (over || ++tries_ > kTriesMax) {
    session_.say_ended(answer);
    co_return false;
  }
  if (tries_ == 1) {
    session_.terminal.say("weir: " + std::string(interrupted_) + " interrupted; trying to go on");
  }
  co_return static_cast<bool>(co_await session_.env.loop.sleep(kPause));
}

const config::KindInfo* kind_meant(std::string_view word, Terminal& terminal) {
  if (const auto* kind = config::find_kind_loosely(word); kind != nullptr) return kind;
  for (const ShortForm& form : kShortForms) {
    if (equal_ignoring_case(form.word, word)) return &config::info_of(form.kind);
  }
  std::vector<std::string_view> words;
  std::string all;
  for (const config::KindInfo& kind : config::kKinds) {
    words.push_back(kind.plural);
    all.append(all.empty() ? "" : ", ").append(kind.plural);
  }
  const std::string lower = to_lower(word.substr(0, 64));
  const std::string_view near = nearest(lower, words);
  std::string text = "weir: there is no kind \"" + std::string(word.substr(0, 80)) + "\"";
  terminal.say(near.empty() ? text + "; there are " + all
                            : text + "; did you mean " + std::string(near) + "?");
  return nullptr;
}

std::string path_of(const config::KindInfo& kind, std::string_view name) {
  std::string path = "/v1/" + std::string(kind.plural);
  if (!name.empty()) path.append("/").append(encoded(name));
  return path;
}

net::Task<std::optional<Listed>> list_objects(Session& session, const config::KindInfo& kind,
                                              std::string labels) {
  Listed listed;
  std::string next;
  do {
    std::string target = path_of(kind, {}) + "?limit=" + std::string(kPageItems) + labels;
    if (!next.empty()) target += "&continue=" + encoded(next);
    const auto content = session.content_of(co_await session.api.ask(http::Method::kGet, target));
    if (!content) co_return std::nullopt;
    const Tree page = parse_tree(*content);
    if (!at(page, "/items").is_array()) {
      session.terminal.say("weir: the answer of the API is no list");
      co_return std::nullopt;
    }
    for (const Tree& object : at(page, "/items")) listed.objects.push_back(object);
    // Of the first page: what changes while the others are read is among the changes since.
    if (next.empty()) listed.revision = parse_decimal(text_at(page, "/revision")).value_or(0);
    next = text_at(page, "/continue");
  } while (!next.empty());
  co_return listed;
}

std::string shown_name(std::string_view kind, std::string_view name) {
  return to_lower(kind).append("/").append(name);
}

}  // namespace weir::cli
