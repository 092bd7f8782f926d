// weir resolve: where a service can be reached now, by the API or by a name server: of those that may serve
// the lowest priority, among these by weight (RFC 2782), and with -w each time that another one has to be
// taken.
#include <algorithm>
#include <chrono>
#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/host_port.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "client/service_lookup.h"
#include "config/formats.h"
#include "net/loop.h"
#include "role/machine.h"

namespace weir::cli {
namespace {

// A health moves without an event, so it is looked for.
constexpr Duration kLookInterval = std::chrono::milliseconds(250);
constexpr Duration kAskInterval = std::chrono::seconds(1);  // a name server, which may be somebody else's
constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kResolvConfBytesMax = 64 * 1024;
// Weights that may be 0, which is to be taken now and then all the same (RFC 2782).
constexpr std::uint64_t kWeightScale = 1000;

struct Candidate {
  std::string address;  // host:port
  std::string instance;
  std::string version;
  std::uint64_t priority = 0;
  std::uint64_t weight = 1;
  Tree text = Tree::array();
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

std::uint64_t number_at(const Tree& tree, std::string_view pointer, std::uint64_t otherwise) {
  return parse_decimal(text_at(tree, pointer)).value_or(otherwise);
}

// The same as in the status, whatever was written.
std::string canonical(const std::string& address) {
  const auto parsed = config::parse_address(address);
  return parsed ? config::to_text(*parsed) : address;
}

class Resolver {
 public:
  Resolver(Session& session, const JoinFlags& flags) : session_(session), flags_(flags) {}

  // All that may serve, best first. Nothing: why was said.
  net::Task<std::optional<std::vector<Candidate>>> look() {
    auto all = flags_.dns ? co_await look_by_dns() : co_await look_by_api();
    if (all) {
      std::ranges::sort(*all, {}, [](const Candidate& one) { return std::tie(one.priority, one.address); });
    }
    co_return all;
  }

  // One of the first priority, by weight.
  Candidate choose(const std::vector<Candidate>& all) {
    const auto share = [](const Candidate& one) { return one.weight == 0 ? 1 : one.weight * kWeightScale; };
    std::uint64_t sum = 0;
    for (const Candidate& one : all) sum += one.priority == all.front().priority ? share(one) : 0;
    std::uint64_t left = session_.env.random.next() % sum;
    for (const Candidate& one : all) {
      if (left < share(one)) return one;
      left -= share(one);
    }
    return all.front();
  }

  // False: nobody reads any more.
  bool print(const Candidate& chosen, const std::vector<Candidate>& all) {
    const std::size_t colon = chosen.address.rfind(':');
    const std::string host(without_brackets(chosen.address.substr(0, colon)));
    const std::string port = chosen.address.substr(colon + 1);
    if (flags_.output == "text") {
      session_.terminal.print(printable(chosen.address) + '\n');
    } else if (flags_.output == "env") {
      std::string prefix;
      for (const char c : flags_.member.service) {
        const bool is_small = c >= 'a' && c <= 'z';
        prefix += is_small ? static_cast<char>(c - 32) : c >= '0' && c <= '9' ? c : '_';
      }
      const auto line = [&](const char* name, const std::string& value) {
        session_.terminal.print(prefix + name + "='" + printable(value) + "'\n");
      };
      line("_HOST", host);
      line("_PORT", port);
      line("_ADDRESS", chosen.address);
    } else {
      Tree list = Tree::array();
      const auto add = [&list](const Candidate& one) {
        list.push_back({{"address", one.address},
                        {"instance", one.instance},
                        {"version", one.version},
                        {"priority", one.priority},
                        {"weight", one.weight},
                        {"text", one.text}});
      };
      add(chosen);
      for (const Candidate& one : all) {
        if (one != chosen) add(one);
      }
      session_.terminal.print(to_json_text({{"service", flags_.member.service},
                                            {"host", host},
                                            {"port", parse_decimal(port).value_or(0)},
                                            {"endpoints", list}}) +
                              '\n');
    }
    return session_.terminal.flush();
  }

  net::Task<int> once() {
    const auto all = co_await look();
    if (!all) co_return kFailed;
    if (all->empty()) {
      say_none();
      co_return kFailed;
    }
    co_return print(choose(*all), *all) ? kDone : kFailed;
  }

  // What was chosen stays for as long as it is among the best.
  net::Task<int> watch() {
    std::optional<Candidate> chosen;
    std::optional<std::vector<Candidate>> told;
    do {
      const auto all = co_await look();
      if (!all) continue;  // why was said; what was told is the best that is known
      const bool none_before = told && told->empty();
      if (all->empty()) {
        if (!none_before) say_none();
        chosen.reset();
        told = *all;
        continue;
      }
      const bool stays = chosen && chosen->priority == all->front().priority &&
                         std::ranges::find(*all, *chosen) != all->end();
      const bool is_news = flags_.output == "json" ? told != *all : !stays;
      if (!stays) chosen = choose(*all);
      told = *all;
      if (is_news && !print(*chosen, *all)) co_return kFailed;
    } while (co_await session_.env.loop.sleep(flags_.dns ? kAskInterval : kLookInterval));
    co_return kFailed;
  }

 private:
  net::Task<std::optional<std::vector<Candidate>>> look_by_api() {
    const config::KindInfo& services = config::info_of(config::Kind::kService);
    const std::string& wanted = flags_.member.service;
    const auto joined = co_await list_objects(session_, config::info_of(config::Kind::kEndpoint), {});
    if (!joined) co_return std::nullopt;
    std::vector<Candidate> all;
    // "_http._tcp", and what stands before it
    const std::size_t type = wanted.starts_with('_') ? 0 : wanted.rfind("._", wanted.rfind("._") - 1);
    if (type == std::string::npos) {
      const auto content =
          session_.content_of(co_await session_.api.ask(http::Method::kGet, path_of(services, wanted)));
      if (!content) co_return std::nullopt;
      add_serving(parse_tree(*content), joined->objects, all);
      co_return all;
    }
    const auto listed = co_await list_objects(session_, services, {});
    if (!listed) co_return std::nullopt;
    const std::string word = wanted.substr(type == 0 ? 0 : type + 1);
    for (const Tree& service : listed->objects) {
      if (at(service, "/spec/discovery").is_null()) continue;
      const std::string its = text_at(service, "/spec/discovery/type");
      if (equal_ignoring_case(its.empty() ? "_http._tcp" : its, word))
        add_serving(service, joined->objects, all);
    }
    if (type > 0) {
      std::erase_if(all, [&](const Candidate& one) {
        return !equal_ignoring_case(one.instance, std::string_view(wanted).substr(0, type));
      });
    }
    co_return all;
  }

  void add_serving(const Tree& service, const std::vector<Tree>& joined, std::vector<Candidate>& all) {
    for (const Tree& seen : at(service, "/status/endpoints")) {
      const std::string health = text_at(seen, "/health");
      if (health != "HEALTHY" && health != "UNCHECKED") continue;
      Candidate one = known(text_at(seen, "/address"), service, joined);
      if (one.weight == 0 || one.address.starts_with("tunnel:")) continue;
      if (flags_.member.version.empty() || one.version == flags_.member.version)
        all.push_back(std::move(one));
    }
  }

  net::Task<std::optional<std::vector<Candidate>>> look_by_dns() {
    const auto server = name_server();
    const auto name = client::service_name(flags_.member.service, flags_.member.version, flags_.domain);
    if (!server || !name) {
      session_.terminal.say("weir: " + (server ? name.error() : server.error()));
      co_return std::nullopt;
    }
    const auto places = co_await client::ServiceLookup(session_.env, *server).find(*name);
    if (!places) {
      session_.terminal.say("weir: " + places.error());
      co_return std::nullopt;
    }
    std::vector<Candidate> all;
    for (const client::ServicePlace& place : *places) {
      all.push_back({.address = with_port(place.host, place.port),
                     .instance = place.instance,
                     .version = {},
                     .priority = place.priority,
                     .weight = place.weight,
                     .text = place.text});
      for (const std::string& pair : place.text) {
        if (pair.starts_with("version=")) all.back().version = pair.substr(pair.find('=') + 1);
      }
    }
    co_return all;
  }

  std::expected<net::Address, std::string> name_server() const {
    if (auto with_port = net::Address::parse(*flags_.dns)) return *with_port;
    if (auto address = net::Address::parse_ip(*flags_.dns, kDnsPort)) return *address;
    const auto text = role::read_file("/etc/resolv.conf", kResolvConfBytesMax);
    if (!text) return std::unexpected("/etc/resolv.conf: " + why_not(text.error()));
    return client::system_name_server(*text);
  }

  void say_none() {
    const std::string& wanted = flags_.member.service;
    session_.terminal.say(
        "weir: no endpoint of " + (wanted.contains('_') ? wanted : shown_name("Service", wanted)) +
        (flags_.member.version.empty() ? "" : " of version " + flags_.member.version) + " can serve now");
  }
  Candidate known(const std::string& address, const Tree& service, const std::vector<Tree>& joined) const {
    for (const Tree& one : joined) {
      if (text_at(one, "/spec/service") != text_at(service, "/metadata/name")) continue;
      if (canonical(text_at(one, "/spec/address")) != address) continue;
      return from(address, at(one, "/spec"), text_at(one, "/metadata/name"));
    }
    for (const Tree& one : at(service, "/spec/endpoints")) {
      if (canonical(text_at(one, "/address")) == address) return from(address, one, address);
    }
    return {.address = address, .instance = address, .version = {}};
  }
  static Candidate from(const std::string& address, const Tree& spec, const std::string& name) {
    Candidate one{.address = address,
                  .instance = text_at(spec, "/instance"),
                  .version = text_at(spec, "/version"),
                  .priority = number_at(spec, "/priority", 0),
                  .weight = number_at(spec, "/weight", 1)};
    if (one.instance.empty()) one.instance = name;
    if (at(spec, "/text").is_array()) one.text = at(spec, "/text");
    return one;
  }

  Session& session_;
  const JoinFlags& flags_;
};

}  // namespace

net::Task<int> resolve_command(Session& session, const Arguments& arguments) {
  Resolver resolver(session, arguments.join);
  co_return arguments.watch ? co_await resolver.watch() : co_await resolver.once();
}

}  // namespace weir::cli
