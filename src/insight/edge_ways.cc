#include "insight/edge_ways.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "channel/alarm.h"
#include "config/object.h"
#include "config/specs.h"
#include "net/task_group.h"

namespace weir::insight {

std::optional<Origin> origin_of(const config::Whole& objects, std::string_view tunnel) {
  const config::ObjectPointer object = objects.find(config::Kind::kTunnel, tunnel);
  if (!object) return std::nullopt;
  const auto& spec = std::get<config::TunnelSpec>(object->spec);
  return Origin{object->metadata.organization, spec.service, spec.instance};
}

channel::ChannelOpen about(const Origin& origin, channel::RequestsVerb verb, std::string id) {
  return {.instance = origin.instance,
          .container = {},
          .what = channel::RequestsWanted{.service = origin.service, .verb = verb, .id = std::move(id)}};
}

bool EdgeWays::has(std::string_view edge) const {
  const std::vector<std::string> all = attached_();
  return std::ranges::find(all, edge) != all.end();
}

net::Task<void> EdgeWays::hear(std::string edge, channel::ChannelOpen what, Heard& heard) {
  auto channel = co_await channels_.open(edge, std::move(what));
  if (!channel) {
    heard.trouble = channel.error().text;
    co_return;
  }
  for (;;) {
    auto said = co_await (*channel)->read();
    if (!said) co_return;
    if (!*said) {
      heard.trouble = "the way to it was lost";
      co_return;
    }
    if (auto* end = std::get_if<channel::ChannelEnd>(&**said); end != nullptr) {
      heard.exit_code = end->exit_code;
      heard.trouble = std::move(end->reason);
      co_return;
    }
    auto* some = std::get_if<channel::ChannelRequests>(&**said);
    if (some == nullptr || heard.requests.size() + some->requests.size() > kRequestsMax) {
      heard.trouble = "it says what was not asked";
      co_return;
    }
    for (std::string& one : some->requests) heard.requests.push_back(std::move(one));
  }
}

net::Task<Result<std::map<std::string, EdgeWays::Heard>>> EdgeWays::ask_all(channel::ChannelOpen what) {
  std::map<std::string, Heard> heard;
  for (std::string& edge : attached_()) heard[std::move(edge)].trouble = "it does not answer in time";
  std::size_t left = heard.size();
  net::Event done;
  net::TaskGroup asking(env_.loop);
  const auto ask_one = [](EdgeWays& ways, std::string edge, channel::ChannelOpen about, Heard& to,
                          std::size_t& waited_for, net::Event& all) -> net::Task<void> {
    Heard answer;
    co_await ways.hear(std::move(edge), std::move(about), answer);
    to = std::move(answer);
    if (--waited_for == 0) all.set();
  };
  for (auto& [edge, one] : heard) asking.spawn(ask_one(*this, edge, what, one, left, done));
  if (heard.empty()) done.set();
  channel::Alarm alarm(done);
  env_.loop.arm(alarm, env_.loop.deadline(kAnswerTimeout));
  const auto waited = co_await done.wait(env_.loop);
  alarm.disarm();
  co_await asking.stop();
  if (!waited) co_return fail(waited.error());
  co_return heard;
}

net::Task<Result<EdgeWays::Heard>> EdgeWays::ask(std::string edge, channel::ChannelOpen what) {
  EdgeWays alone(env_, channels_, [&edge] { return std::vector{edge}; });
  auto heard = co_await alone.ask_all(std::move(what));
  if (!heard) co_return fail(heard.error());
  co_return std::move(heard->begin()->second);
}

}  // namespace weir::insight
