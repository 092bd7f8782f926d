// weir join: makes what serves here a member of a service, for as long as it runs: the Service is made when
// it is not there, the Endpoint put there under a lease, the lease renewed, and at the end the Endpoint taken
// out. weir leave: takes out what others have left there.
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "config/formats.h"
#include "net/loop.h"
#include "net/task_group.h"
#include "role/machine.h"

namespace weir::cli {
namespace {

constexpr Duration kBackoffMin = std::chrono::milliseconds(500);
constexpr Duration kBackoffMax = std::chrono::seconds(10);
constexpr std::size_t kNameMax = 63;

const config::KindInfo& services() { return config::info_of(config::Kind::kService); }
const config::KindInfo& endpoints() { return config::info_of(config::Kind::kEndpoint); }

// Whose names all that has joined from this machine begins with.
std::string own_prefix(const std::string& service) {
  return (service + '-' + role::name_of_this_machine()).substr(0, kNameMax - 6) + '-';
}

std::string duration_text(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + "ms";
}

class Membership {
 public:
  Membership(Session& session, const JoinFlags& flags)
      : session_(session),
        flags_(flags),
        has_lease_(!flags.once || flags.lease_given),
        name_(flags.name.empty() ? own_prefix(flags.service) + std::to_string(flags.port) : flags.name) {}

  const std::string& name() const { return name_; }
  const std::string& address() const { return address_; }

  // False: why was said.
  net::Task<bool> join() {
    if (address_.empty() && !co_await find_address()) co_return false;
    if (!co_await see_to_service()) co_return false;
    const Tree list{{"objects", {endpoint()}}};
    co_return session_.content_of(co_await session_.api.ask(http::Method::kPost, "/v1/apply", list.dump()))
        .has_value();
  }

  // Renews it, and puts it there again when it is gone. Until it is cancelled.
  net::Task<void> keep() {
    if (!has_lease_) co_return;
    Duration pause = jittered(flags_.lease / 3);
    Duration backoff = kBackoffMin;
    bool failing = false;
    while (co_await session_.env.loop.sleep(pause)) {
      const auto answer =
          co_await session_.api.ask(http::Method::kPost, path_of(endpoints(), name_) + "/renew");
      bool done = answer && answer->status == 200;
      if (answer && answer->status == 404) {
        session_.terminal.say("weir: " + shown_name("Endpoint", name_) + " was taken out; joining again");
        done = co_await join();
      } else if (!done && !std::exchange(failing, true)) {
        if (answer) {
          session_.say_refused(*answer);
        } else {
          session_.say_failed(answer.error());
        }
      }
      if (done && std::exchange(failing, false)) session_.terminal.say("weir: the API answers again");
      backoff = done ? kBackoffMin : std::min(backoff * 2, kBackoffMax);
      pause = jittered(done ? flags_.lease / 3 : std::min(backoff, flags_.lease / 3));
    }
  }

  net::Task<bool> leave() {
    const auto answer = co_await session_.api.ask(http::Method::kDelete, path_of(endpoints(), name_));
    if (answer && answer->status == 404) co_return true;
    co_return session_.content_of(answer).has_value();
  }

 private:
  // From 80 to 120 percent, so that those who began together don't go on together.
  Duration jittered(Duration duration) {
    return duration * 8 / 10 + duration * static_cast<int>(session_.env.random.next() % 400) / 1000;
  }

  net::Task<bool> find_address() {
    std::string host = flags_.address;
    if (host.empty()) {
      const tls::Host& api = session_.settings.api.host;
      auto towards = net::Address::parse_ip(api.name, api.port);
      if (!towards) {
        const auto resolved =
            co_await session_.env.network.resolve(api.name, api.port, ApiClient::kConnectTimeout);
        if (!resolved) {
          session_.say_failed(resolved.error());
          co_return false;
        }
        towards = resolved->addresses.front();
      }
      const auto own = role::address_towards(*towards);
      if (!own) {
        session_.terminal.say("weir: no address of this machine leads to the API (" + why_not(own.error()) +
                              "); --address names one");
        co_return false;
      }
      host = own->ip();
    }
    const bool bare_v6 = host.contains(':') && !host.starts_with('[');
    address_ = (bare_v6 ? '[' + host + ']' : host) + ':' + std::to_string(flags_.port);
    co_return true;
  }

  // Made when it is not there; who makes it at the same time is as good.
  net::Task<bool> see_to_service() {
    const auto there = co_await session_.api.ask(http::Method::kGet, path_of(services(), flags_.service));
    if (!there || there->status != 404) {
      const auto content = session_.content_of(there);
      if (!content) co_return false;
      if (at(parse_tree(*content), "/spec/discovery").is_null() && !std::exchange(told_, true)) {
        session_.terminal.say("weir: " + shown_name("Service", flags_.service) +
                              " has no `discovery`, so DNS-SD does not find it");
      }
      co_return true;
    }
    auto service = new_service();
    if (!service) co_return false;
    const auto made =
        co_await session_.api.ask(http::Method::kPost, path_of(services(), {}), service->dump());
    if (made && made->status == 409) co_return true;
    co_return session_.content_of(made).has_value();
  }

  std::optional<Tree> new_service() {
    const bool http = flags_.health.starts_with("http:") || flags_.type.starts_with("_http");
    std::string type = flags_.type.empty() ? '_' + flags_.service + "._tcp" : flags_.type;
    if (!config::check_service_type(type).empty() && flags_.type.empty()) {
      if (!http) {
        session_.terminal.say("weir: \"" + flags_.service +
                              "\" makes no type of service (RFC 6335); --type names one, such as _http._tcp");
        return std::nullopt;
      }
      type = "_http._tcp";
    }
    Tree spec{{"protocol", http ? "HTTP" : "TCP"}, {"discovery", {{"type", type}}}};
    if (flags_.health == "tcp") spec["health_check"]["tcp"] = Tree::object();
    if (flags_.health.starts_with("http:")) spec["health_check"]["http"]["path"] = flags_.health.substr(5);
    return Tree{{"kind", "Service"}, {"metadata", {{"name", flags_.service}}}, {"spec", std::move(spec)}};
  }

  Tree endpoint() const {
    Tree spec{{"service", flags_.service},
              {"address", address_},
              {"weight", flags_.weight},
              {"priority", flags_.priority}};
    const auto add = [&spec](const char* key, const std::string& value) {
      if (!value.empty()) spec[key] = value;
    };
    add("zone", flags_.zone);
    add("instance", flags_.instance);
    add("version", flags_.version);
    if (!flags_.text.empty()) spec["text"] = flags_.text;
    if (has_lease_) spec["lease"] = duration_text(flags_.lease);
    return {{"kind", "Endpoint"}, {"metadata", {{"name", name_}}}, {"spec", std::move(spec)}};
  }

  Session& session_;
  const JoinFlags& flags_;
  bool has_lease_;
  bool told_ = false;  // that it is not found by DNS-SD
  std::string name_;
  std::string address_;
};

}  // namespace

net::Task<int> join_command(Session& session, const Arguments& arguments) {
  Membership membership(session, arguments.join);
  if (!co_await membership.join()) co_return kFailed;
  session.terminal.say("weir: " + membership.address() + " has joined " +
                       shown_name("Service", arguments.join.service) + " as " +
                       shown_name("Endpoint", membership.name()));
  if (arguments.join.once) co_return kDone;
  net::TaskGroup keeping(session.env.loop);
  keeping.spawn(membership.keep());
  (void)co_await session.ended.wait(session.env.loop);
  co_await keeping.stop();
  if (!co_await membership.leave()) co_return kFailed;
  session.terminal.say("weir: " + shown_name("Endpoint", membership.name()) + " has left");
  co_return kDone;
}

net::Task<int> leave_command(Session& session, const Arguments& arguments) {
  std::vector<std::string> names;
  if (!arguments.join.name.empty()) {
    names.push_back(arguments.join.name);
  } else {
    const auto listed = co_await list_objects(session, endpoints(), {});
    if (!listed) co_return kFailed;
    const std::string prefix = own_prefix(arguments.join.service);
    for (const Tree& object : listed->objects) {
      const std::string name = text_at(object, "/metadata/name");
      const bool is_own = name.starts_with(prefix) && parse_decimal(name.substr(prefix.size()));
      if (is_own && text_at(object, "/spec/service") == arguments.join.service) names.push_back(name);
    }
    if (names.empty()) {
      session.terminal.say("weir: nothing has joined " + shown_name("Service", arguments.join.service) +
                           " from this machine; --name names an Endpoint of another");
      co_return kFailed;
    }
  }
  for (const std::string& name : names) {
    const auto left = co_await session.api.ask(http::Method::kDelete, path_of(endpoints(), name));
    if (!session.content_of(left)) co_return kFailed;
    session.terminal.say("weir: " + shown_name("Endpoint", name) + " has left");
  }
  co_return kDone;
}

}  // namespace weir::cli
