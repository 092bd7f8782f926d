#include "client/membership.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/host_port.h"
#include "base/uri_path.h"
#include "config/formats.h"
#include "net/loop.h"
#include "role/machine.h"

namespace weir::client {
namespace {

constexpr Duration kBackoffMin = std::chrono::milliseconds(500);
constexpr Duration kBackoffMax = std::chrono::seconds(10);
constexpr std::size_t kNameMax = 63;

std::string duration_text(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + "ms";
}

bool is_done(const Result<ApiAnswer>& answer) {
  return answer && answer->status >= 200 && answer->status <= 299;
}

std::string service_path(const std::string& name) { return "/v1/services/" + encoded(name); }
std::string endpoint_path(const std::string& name) { return "/v1/endpoints/" + encoded(name); }

}  // namespace

std::string own_prefix(const std::string& service) {
  return (service + '-' + role::name_of_this_machine()).substr(0, kNameMax - 6) + '-';
}

Membership::Membership(net::Env& env, MemberApi api, Member member)
    : env_(env),
      api_(std::move(api)),
      member_(std::move(member)),
      name_(member_.name.empty() ? own_prefix(member_.service) + std::to_string(member_.port)
                                 : member_.name) {}

bool Membership::went_well(const Result<ApiAnswer>& answer) {
  if (is_done(answer)) return true;
  if (!std::exchange(failing_, true)) api_.say_wrong(answer);
  return false;
}

net::Task<bool> Membership::join() {
  if (address_.empty() && !co_await find_address()) co_return false;
  if (!co_await see_to_service()) co_return false;
  const Tree list{{"objects", {endpoint()}}};
  if (!went_well(co_await api_.ask(http::Method::kPost, "/v1/apply", list.dump()))) co_return false;
  api_.on_joined();
  co_return true;
}

net::Task<void> Membership::keep() {
  if (!member_.lease) co_return;
  const Duration usual = *member_.lease / 3;
  Duration pause = jittered(usual);
  Duration backoff = kBackoffMin;
  while (co_await env_.loop.sleep(pause)) {
    const auto answer = co_await api_.ask(http::Method::kPost, endpoint_path(name_) + "/renew", {});
    bool done = is_done(answer);
    if (answer && answer->status == 404) {
      if (!failing_) api_.say("endpoint/" + name_ + " was taken out; joining again");
      done = co_await join();
    } else {
      done = went_well(answer);
    }
    if (done && std::exchange(failing_, false)) api_.say("the API answers again");
    backoff = done ? kBackoffMin : std::min(backoff * 2, kBackoffMax);
    pause = jittered(done ? usual : std::min(backoff, usual));
  }
}

net::Task<void> Membership::stay() {
  Duration backoff = kBackoffMin;
  while (!co_await join()) {
    if (!co_await env_.loop.sleep(jittered(backoff))) co_return;
    backoff = std::min(backoff * 2, kBackoffMax);
  }
  failing_ = false;
  api_.say(welcome());
  co_await keep();
}

std::string Membership::welcome() const {
  return address_ + " has joined service/" + member_.service + " as endpoint/" + name_;
}

net::Task<bool> Membership::leave() {
  const auto answer = co_await api_.ask(http::Method::kDelete, endpoint_path(name_), {});
  const bool is_gone = answer && answer->status == 404;
  failing_ = false;
  if (!is_gone && !went_well(answer)) co_return false;
  co_return true;
}

// From 80 to 120 percent, so that those who began together don't go on together.
Duration Membership::jittered(Duration duration) {
  return duration * 8 / 10 + duration * static_cast<int>(env_.random.next() % 400) / 1000;
}

net::Task<bool> Membership::find_address() {
  std::string host = member_.address;
  if (host.empty()) {
    const tls::Host api = api_.host();
    auto towards = net::Address::parse_ip(api.name, api.port);
    if (!towards) {
      const auto resolved = co_await env_.network.resolve(api.name, api.port, ApiClient::kConnectTimeout);
      if (!resolved) co_return went_well(fail(resolved.error()));
      towards = resolved->addresses.front();
    }
    const auto own = role::address_towards(*towards);
    if (!own) {
      if (!std::exchange(failing_, true)) {
        api_.say("no address of this machine leads to the API (" + why_not(own.error()) +
                 "); say which to take");
      }
      co_return false;
    }
    host = own->ip();
  }
  address_ = with_port(host, member_.port);
  co_return true;
}

// Made when it is not there; who makes it at the same time is as good.
net::Task<bool> Membership::see_to_service() {
  const auto there = co_await api_.ask(http::Method::kGet, service_path(member_.service), {});
  if (!there || there->status != 404) {
    if (!went_well(there)) co_return false;
    if (at(parse_tree(there->content), "/spec/discovery").is_null() && !std::exchange(told_, true)) {
      api_.say("service/" + member_.service + " has no `discovery`, so DNS-SD does not find it");
    }
    co_return true;
  }
  const auto service = new_service();
  if (!service) co_return false;
  const auto made = co_await api_.ask(http::Method::kPost, "/v1/services", service->dump());
  co_return (made && made->status == 409) || went_well(made);
}

std::optional<Tree> Membership::new_service() {
  const bool http = member_.health.starts_with("http:") || member_.type.starts_with("_http");
  std::string type = member_.type.empty() ? '_' + member_.service + "._tcp" : member_.type;
  if (!config::check_service_type(type).empty() && member_.type.empty()) {
    if (!http) {
      if (!std::exchange(failing_, true)) {
        api_.say('"' + member_.service +
                 "\" makes no type of service (RFC 6335); its type has to be named, such as _http._tcp");
      }
      return std::nullopt;
    }
    type = "_http._tcp";
  }
  Tree spec{{"protocol", http ? "HTTP" : "TCP"}, {"discovery", {{"type", type}}}};
  if (member_.health == "tcp") spec["health_check"]["tcp"] = Tree::object();
  if (member_.health.starts_with("http:")) spec["health_check"]["http"]["path"] = member_.health.substr(5);
  return Tree{{"kind", "Service"}, {"metadata", {{"name", member_.service}}}, {"spec", std::move(spec)}};
}

Tree Membership::endpoint() const {
  Tree spec{{"service", member_.service},
            {"address", address_},
            {"weight", member_.weight},
            {"priority", member_.priority}};
  const auto add = [&spec](const char* key, const std::string& value) {
    if (!value.empty()) spec[key] = value;
  };
  add("zone", member_.zone);
  add("instance", member_.instance);
  add("version", member_.version);
  if (!member_.text.empty()) spec["text"] = member_.text;
  if (member_.lease) spec["lease"] = duration_text(*member_.lease);
  return {{"kind", "Endpoint"}, {"metadata", {{"name", name_}}}, {"spec", std::move(spec)}};
}

}  // namespace weir::client
