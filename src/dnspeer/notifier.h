// Notifier: tells other servers that a zone has changed (RFC 1996), each until it has answered or was told
// often enough. A later change takes the place of one that a server has not heard of. On the control loop.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "config/snapshot.h"
#include "dns/tsig.h"
#include "dns/zone.h"
#include "dnspeer/keys.h"
#include "net/env.h"
#include "net/task_group.h"

namespace weir::dnspeer {

inline constexpr int kNoticeTriesMax = 5;
inline constexpr Duration kNoticePause = std::chrono::seconds(2);  // after the first; then twice as long each
inline constexpr std::size_t kNoticesMax = 10'000;                 // under way at once

struct NotifierCounters {
  Counter sent;
  Counter answered;
  Counter given_up;
};

class Notifier {
 public:
  explicit Notifier(net::Env& env) : env_(env), tasks_(env.loop) {}

  // Where requests come in; notices come from that address, unless it is one that no other machine reaches.
  void open(const net::Address& at) { at_ = at; }
  // The zone as it is answered for now. Servers of `spec` that do not know that serial are told.
  void tell(const config::Zone& zone, const dns::Zone& made, const Keys& keys);
  // The zone is no more.
  void forget(std::string_view zone);
  net::Task<void> stop();

  const NotifierCounters& counters() const { return counters_; }

 private:
  // What one server is being told of one zone.
  struct Notice {
    std::uint32_t serial = 0;
    std::vector<std::uint8_t> message;  // with the id 0
    std::optional<dns::TsigKey> key;
    std::uint16_t id = 0;  // of the last try
    net::Address peer;
    bool under_way = false;
    bool is_news = false;  // another serial than the one that is being told
    net::Event heard;      // of an answer, or of news, or that it is too late
    bool too_late = false;
    std::uint64_t waits = 0;
  };
  using Server = std::pair<std::string, std::string>;  // zone, host:port
  using Notices = std::map<Server, std::shared_ptr<Notice>>;
  struct Socket {
    std::unique_ptr<net::Datagrams> datagrams;
    bool failed = false;
  };

  net::Task<void> tell_server(Server server, std::shared_ptr<Notice> notice);
  net::Task<bool> try_once(std::string server, std::shared_ptr<Notice> notice, Duration patience);
  net::Task<void> give_up_late(std::shared_ptr<Notice> notice, std::uint64_t wait, Duration patience);
  net::Task<void> receive(net::Datagrams& datagrams);
  void take(dns::Bytes reply, const net::Address& from);
  net::Datagrams* socket_for(const net::Address& peer);

  net::Env& env_;
  net::Address at_;
  Notices notices_;
  std::array<Socket, 2> sockets_;  // IPv4, IPv6
  std::size_t under_way_ = 0;
  bool stopping_ = false;
  NotifierCounters counters_;
  net::TaskGroup tasks_;
};

}  // namespace weir::dnspeer
