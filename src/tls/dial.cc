#include "tls/dial.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "net/task_group.h"
#include "tls/tls_stream.h"

namespace weir::tls {
namespace {

struct Race {
  std::unique_ptr<net::Stream> winner;
  Error error{Code::kNotResolved, Side::kInternal, Retry::kNever, 0, "the name has no address"};  // the last
  std::size_t failed = 0;
  std::size_t overdue = 0;  // those before it have had their time alone
  net::Event changed;
};

net::Task<void> run_one(net::Network& network, net::Address to, Duration timeout, Race& race) {
  auto stream = co_await network.connect(to, timeout);
  if (!stream) {
    race.error = stream.error();
    ++race.failed;
  } else if (!race.winner) {
    race.winner = std::move(*stream);
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

net::Task<Result<std::unique_ptr<net::Stream>>> connect_any(net::Env& env,
                                                            std::vector<net::Address> addresses,
                                                            Duration timeout) {
  Race race;
  net::TaskGroup runners(env.loop);
  bool cancelled = false;
  for (std::size_t begun = 1; begun <= addresses.size() && !race.winner && !cancelled; ++begun) {
    runners.spawn(run_one(env.network, addresses[begun - 1], timeout, race));
    const bool last = begun == addresses.size();
    if (!last) runners.spawn(let_next_begin(env.loop, begun, race));
    while (!race.winner && !cancelled && race.failed < begun && (last || race.overdue < begun)) {
      race.changed.reset();
      cancelled = !co_await race.changed.wait(env.loop);
    }
  }
  co_await runners.stop();
  if (race.winner) co_return std::move(race.winner);
  if (cancelled) co_return fail(Code::kCancelled, "told to stop");
  co_return fail(race.error);
}

}  // namespace

bool Host::is_loopback() const {
  if (const auto address = net::Address::parse_ip(name, port)) return address->is_loopback();
  return name == "localhost" || name.ends_with(".localhost");
}

net::Task<Result<std::unique_ptr<net::Stream>>> dial(net::Env& env, Host to,
                                                     std::shared_ptr<ClientContext> context, Duration timeout,
                                                     std::string server_name) {
  net::Resolved resolved;
  if (const auto address = net::Address::parse_ip(to.name, to.port)) {
    resolved.addresses = {*address};
  } else if (to.is_loopback()) {
    resolved.addresses = {*net::Address::parse_ip("127.0.0.1", to.port),
                          *net::Address::parse_ip("::1", to.port)};
  } else {
    auto found = co_await env.network.resolve(to.name, to.port, timeout);
    if (!found) co_return fail(found.error());
    resolved = std::move(*found);
  }
  auto stream = co_await connect_any(env, in_turns(resolved.addresses), timeout);
  if (!stream || !context) co_return stream;
  ServerName server{.name = std::move(server_name.empty() ? to.name : server_name), .endpoint = {}};
  auto secured =
      co_await TlsStream::connect(std::move(*stream), std::move(context), std::move(server), timeout);
  if (!secured) co_return fail(secured.error());
  co_return std::move(*secured);
}

}  // namespace weir::tls
