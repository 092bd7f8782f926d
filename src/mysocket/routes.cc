#include "mysocket/routes.h"

#include <array>
#include <string>

namespace weir::mysocket {
namespace {

using http::Method;

struct Line {
  Call call;
  Method method;
  std::string_view path;  // "*" stands for an id
};

constexpr std::array kLines{
    Line{Call::kSignUp, Method::kPost, "/user"},
    Line{Call::kLogin, Method::kPost, "/login"},
    Line{Call::kShowUser, Method::kGet, "/user/*"},
    Line{Call::kConnect, Method::kPost, "/connect"},
    Line{Call::kListSockets, Method::kGet, "/connect"},
    Line{Call::kCreateSocket, Method::kPost, "/socket"},
    Line{Call::kListSockets, Method::kGet, "/socket"},
    Line{Call::kShowSocket, Method::kGet, "/socket/*"},
    Line{Call::kReplaceSocket, Method::kPut, "/socket/*"},
    Line{Call::kDeleteSocket, Method::kDelete, "/socket/*"},
    Line{Call::kCreateTunnel, Method::kPost, "/socket/*/tunnel"},
    Line{Call::kListTunnels, Method::kGet, "/socket/*/tunnel"},
    Line{Call::kShowTunnel, Method::kGet, "/socket/*/tunnel/*"},
    Line{Call::kDeleteTunnel, Method::kDelete, "/socket/*/tunnel/*"},
};

// Takes the first segment, "/socket".
std::string_view take_segment(std::string_view& path) {
  const std::string_view segment = path.substr(0, path.find('/', 1));
  path.remove_prefix(segment.size());
  return segment;
}

std::optional<Asked> match(const Line& line, std::string_view path) {
  Asked asked{.call = line.call, .id = {}, .tunnel = {}};
  std::string_view pattern = line.path;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (wanted != "/*") {
      if (wanted != given) return std::nullopt;
      continue;
    }
    if (given.size() < 2) return std::nullopt;
    (asked.id.empty() ? asked.id : asked.tunnel) = given.substr(1);
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return asked;
}

}  // namespace

std::optional<api::Answer<Asked>> find_call(std::string_view path, http::Method method) {
  std::string allow;
  for (const Line& line : kLines) {
    const auto asked = match(line, path);
    if (!asked) continue;
    if (line.method == method) return *asked;
    if (!allow.empty()) allow += ", ";
    allow += http::name_of(line.method);
  }
  if (allow.empty()) return std::nullopt;
  return api::refuse(
      api::Problem{405, "method-not-allowed", "this is not done here", {}, std::move(allow), 0});
}

}  // namespace weir::mysocket
