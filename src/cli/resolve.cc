// weir resolve: where a service can be reached now, by the API: of those that may serve the lowest priority,
// among these by weight (RFC 2782), and with -w each time that another one has to be taken.
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "config/formats.h"
#include "net/loop.h"

namespace weir::cli {
namespace {

// A health moves without an event, so it is looked for.
constexpr Duration kLookInterval = std::chrono::milliseconds(250);

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
    const config::KindInfo& services = config::info_of(config::Kind::kService);
    const auto content =
        session_.content_of(co_await session_.api.ask(http::Method::kGet, path_of(services, flags_.service)));
    if (!content) co_return std::nullopt;
    const Tree service = parse_tree(*content);
    const auto joined = co_await list_objects(session_, config::info_of(config::Kind::kEndpoint), {});
    if (!joined) co_return std::nullopt;
    std::vector<Candidate> all;
    for (const Tree& seen : at(service, "/status/endpoints")) {
      const std::string health = text_at(seen, "/health");
      if (health != "HEALTHY" && health != "UNCHECKED") continue;
      Candidate one = known(text_at(seen, "/address"), service, joined->objects);
      if (one.weight == 0 || one.address.starts_with("tunnel:")) continue;
      if (flags_.version.empty() || one.version == flags_.version) all.push_back(std::move(one));
    }
    std::ranges::sort(all, {}, [](const Candidate& one) { return std::tie(one.priority, one.address); });
    co_return all;
  }

  // One of the first priority, by weight.
  Candidate choose(const std::vector<Candidate>& all) {
    std::uint64_t sum = 0;
    for (const Candidate& one : all) sum += one.priority == all.front().priority ? one.weight : 0;
    std::uint64_t left = session_.env.random.next() % sum;
    for (const Candidate& one : all) {
      if (left < one.weight) return one;
      left -= one.weight;
    }
    return all.front();
  }

  // False: nobody reads any more.
  bool print(const Candidate& chosen, const std::vector<Candidate>& all) {
    const std::size_t colon = chosen.address.rfind(':');
    std::string host = chosen.address.substr(0, colon);
    const std::string port = chosen.address.substr(colon + 1);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    if (flags_.output == "text") {
      session_.terminal.print(printable(chosen.address) + '\n');
    } else if (flags_.output == "env") {
      std::string prefix;
      for (const char c : flags_.service) {
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
      session_.terminal.print(to_json_text({{"service", flags_.service},
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
    } while (co_await session_.env.loop.sleep(kLookInterval));
    co_return kFailed;
  }

 private:
  void say_none() {
    session_.terminal.say("weir: no endpoint of " + shown_name("Service", flags_.service) +
                          (flags_.version.empty() ? "" : " of version " + flags_.version) + " can serve now");
  }
  Candidate known(const std::string& address, const Tree& service, const std::vector<Tree>& joined) const {
    for (const Tree& one : joined) {
      if (text_at(one, "/spec/service") != flags_.service) continue;
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
