#include "tls/dial.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "net/task_group.h"
#include "tls/tls_stream.h"

namespace weir::tls {
namespace {

struct Race {
  Reached winner;
  Error error{Code::kNotResolved, Side::kInternal, Retry::kNever, 0, "the name has no address"};  // the last
  std::size_t failed = 0;
  std::size_t overdue = 0;  // those before it have had their time alone
  net::Event changed;
};

net::Task<void> run_one(net::Connector& connector, net::Address to, Duration timeout, Race& race) {
  auto stream = co_await connector.connect(to, timeout);
  if (!stream) {
    race.error = stream.error();
    ++race.failed;
  } else if (!race.winner.stream) {
    race.winner = {.stream = std::move(*stream), .address = to};
  }
  race.changed.set();
}

net::Task<void> let_next_begin(net::Loop& loop, std::size_t next, Race& race) {
  if (!co_await loop.sleep(kNextAddressAfter)) co_return;
  race.overdue = std::max(race.overdue, next);
  race.changed.set();
}

std::vector<net::Address> in_turns(const std::vector<net::Address>& addresses) {
  std::vector<net::Address> first;
  std::vector<net::Address> second;
  for (const net::Address& address : addresses) {
    (address.is_v6() == addresses.front().is_v6() ? first : second).push_back(address);
  }
  std::vector<net::Address> all;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) all.push_back(first[i]);
    if (i < second.size()) all.push_back(second[i]);
  }
  return all;
}

}  // namespace

net::Task<Result<Reached>> connect_any(net::Connector& connector, net::Loop& loop,
                                       std::vector<net::Address> addresses, Duration timeout) {
  addresses = in_turns(addresses);
  Race race;
  net::TaskGroup runners(loop);
  bool cancelled = false;
  for (std::size_t begun = 1; begun <= addresses.size() && !race.winner.stream && !cancelled; ++begun) {
    runners.spawn(run_one(connector, addresses[begun - 1], timeout, race));
    const bool last = begun == addresses.size();
    if (!last) runners.spawn(let_next_begin(loop, begun, race));
    while (!race.winner.stream && !cancelled && race.failed < begun && (last || race.overdue < begun)) {
      race.changed.reset();
      cancelled = !co_await race.changed.wait(loop);
    }
  }
  co_await runners.stop();
  if (race.winner.stream) co_return std::move(race.winner);
  if (cancelled) co_return fail(Code::kCancelled, "told to stop");
  co_return fail(race.error);
}

bool Host::is_loopback() const {
  if (const auto address = net::Address::parse_ip(name, port)) return address->is_loopback();
  return name == "localhost" || name.ends_with(".localhost");
}

std::vector<net::Address> known_addresses(const Host& host) {
  if (const auto address = net::Address::parse_ip(host.name, host.port)) return {*address};
  if (!host.is_loopback()) return {};
  return {*net::Address::parse_ip("127.0.0.1", host.port), *net::Address::parse_ip("::1", host.port)};
}

net::Task<Result<std::unique_ptr<net::Stream>>> dial(net::Env& env, Host to,
                                                     std::shared_ptr<ClientContext> context, Duration timeout,
                                                     std::string server_name) {
  const Instant ends = env.loop.deadline(timeout);
  net::Resolved resolved;
  resolved.addresses = known_addresses(to);
  if (resolved.addresses.empty()) {
    auto found = co_await env.network.resolve(to.name, to.port, timeout);
    if (!found) co_return fail(found.error());
    resolved = std::move(*found);
  }
  auto reached =
      co_await connect_any(env.network, env.loop, std::move(resolved.addresses), ends - env.loop.now());
  if (!reached) co_return fail(reached.error());
  if (!context) co_return std::move(reached->stream);
  ServerName server{.name = std::move(server_name.empty() ? to.name : server_name), .endpoint = {}};
  auto secured = co_await TlsStream::connect(std::move(reached->stream), std::move(context),
                                             std::move(server), ends - env.loop.now());
  if (!secured) co_return fail(secured.error());
  co_return std::move(*secured);
}

}  // namespace weir::tls
