// MemoryNetwork: a net::Network without a kernel: listeners, connections and names in memory, with the errors
// of EpollNetwork, and faults on demand. Everything is decided by the order of calls and one seeded
// generator. On the core of its loop; part of FakeEnv.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "net/network.h"
#include "testing/memory_stream.h"

namespace weir::testing {

// Of the bytes of a connection, as its listener sees it.
enum class Way : std::uint8_t { kToListener, kFromListener };

class MemoryNetwork final : public net::Network {
 public:
  // Connections that wait to be accepted; a connect beyond that hangs until its deadline, as a SYN would.
  static constexpr std::size_t kBacklog = 4096;

  MemoryNetwork(net::Loop& loop, std::uint64_t seed) : loop_(loop), random_(seed) {}
  ~MemoryNetwork() override;

  // Port 0 becomes a free one. Several listeners on one address take connections in turn. A connection to an
  // address of which only the wildcard (0.0.0.0, or :: for both families) is listened on goes there.
  Result<std::unique_ptr<net::Listener>> listen(net::Address at) override;
  Result<void> check_unused(net::Address at) override;
  net::Task<Result<std::unique_ptr<net::Stream>>> connect(net::Address to, Duration timeout) override;
  net::Task<Result<net::Resolved>> resolve(std::string name, std::uint16_t port, Duration timeout) override;

  // The same network as the machine of that IP address has it: its connections come from there. Outlived by
  // this one.
  std::unique_ptr<net::Network> machine(const net::Address& at);

  // Connections made from now on.
  LinkOptions link_options;
  // What the next connections come from; the port counts up.
  net::Address source = net::Address::v4({127, 0, 0, 1}, 40000);

  // --- names
  void set_name(std::string_view name, std::vector<net::Address> addresses, Duration ttl);
  void remove_name(std::string_view name);
  // No answer comes: resolve() waits for its deadline.
  void mute_name(std::string_view name);
  std::uint64_t resolutions(std::string_view name) const;

  // --- faults
  void refuse(net::Address to, bool on = true);  // as if nobody listened
  // Another process listens there, which this network does not reach.
  void occupy(net::Address at, bool on = true) { place(at).occupied = on; }
  // Packets vanish: a connect waits for its deadline. Existing connections are left alone; see pause().
  void blackhole(net::Address to, bool on = true);
  // The next `times` accepts of listeners on `at` fail with this error.
  void fail_accepts(net::Address at, const Error& error, std::size_t times);
  // Resets every connection that was made to this address.
  void cut(net::Address to);
  // Between machines, by IP address: packets from one to the other vanish, and come late when that is over. A
  // connect waits for its deadline, a connection stands still; a peer that is gone is not noticed.
  void obstruct(const std::string& from, const std::string& to, bool on = true);
  // Resets every connection between two machines that is not obstructed.
  void cut_between(const std::string& one, const std::string& other);
  // Every connection that was made to this address, now, stops delivering one way.
  void pause(net::Address to, Way way, bool on = true);

  // --- counters
  std::uint64_t connects(net::Address to) const;  // tried, whatever became of them
  std::size_t connected(net::Address to) const;   // with both ends open now

 private:
  class MemoryListener;
  class Machine;
  struct Made {
    std::weak_ptr<MemoryLink> link;
    std::string from;  // IP address
  };
  struct Place {  // everything known of one address
    std::string ip;
    std::vector<MemoryListener*> listeners;
    std::size_t next_listener = 0;
    std::vector<Made> links;
    std::size_t links_looked_through = 1;  // when there are so many, those that are gone are dropped
    bool refused = false;
    bool occupied = false;
    bool blackholed = false;
    Error accept_error;
    std::size_t accept_errors = 0;
    std::uint64_t connects = 0;
  };
  struct Name {
    std::vector<net::Address> addresses;  // empty: there is no such name
    Duration ttl{};
    bool muted = false;
    std::uint64_t resolutions = 0;
  };

  Place& place(const net::Address& address);
  const Place* find(const net::Address& address) const;
  Place* listened_place(const net::Address& address);
  MemoryListener* next_listener(Place& at);
  net::Task<Result<std::unique_ptr<net::Stream>>> connect_from(net::Address* source, net::Address to,
                                                               Duration timeout);
  std::unique_ptr<net::Stream> link_to(MemoryListener& listener, Place& asked, net::Address& from);
  bool reaches(const std::string& one, const std::string& other) const;
  template <class Visit>
  void for_links_between(const std::string& one, const std::string& other, const Visit& visit);

  net::Loop& loop_;
  Random random_;
  std::map<std::string, Place> places_;  // by address and port
  std::map<std::string, Name, std::less<>> names_;
  std::set<std::pair<std::string, std::string>> obstructed_;  // from, to
  std::uint16_t next_port_ = 20000;
};

}  // namespace weir::testing
