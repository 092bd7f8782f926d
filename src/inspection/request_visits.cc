#include "inspection/request_visits.h"

#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "channel/alarm.h"
#include "channel/messages.h"
#include "h2/signal.h"
#include "inspection/exchange_text.h"
#include "record/json.h"

namespace weir::inspection {
namespace {

using channel::ChannelEnd;
using channel::ChannelRequests;
using channel::RequestsVerb;
using channel::RequestsWanted;

constexpr Duration kLong = std::chrono::hours(24);

// What is waiting, as much as a message holds. False: who asked has gone.
net::Task<bool> send(channel::End& end, std::deque<std::string>& lines) {
  while (!lines.empty()) {
    ChannelRequests some;
    for (std::size_t bytes = 0; !lines.empty() && some.requests.size() < channel::kRequestsMax;) {
      bytes += lines.front().size();
      if (bytes > channel::kRequestBytesMax) break;
      some.requests.push_back(std::move(lines.front()));
      lines.pop_front();
    }
    if (some.requests.empty()) co_return false;  // no line is so long
    if (!co_await end.write(std::move(some))) co_return false;
  }
  co_return true;
}

std::string passed_over_line(std::size_t count) { return R"({"passed_over":)" + std::to_string(count) + '}'; }

// For who calls back; outlives the one who waits, should that come too late.
struct Answer {
  net::Event ready;
  std::optional<std::expected<edge::Replayed, std::string>> told;
};

std::string replayed_line(const Answer& answer) {
  std::string text;
  record::Json json(text);
  json.begin_object();
  if (answer.told) {
    json.key("request_id").text((*answer.told)->id);
    json.key("status").number(static_cast<std::uint64_t>((*answer.told)->status));
  }
  json.end_object();
  return text;
}

ChannelEnd refused(std::string why) {
  return {.exit_code = channel::kRequestRefused, .reason = std::move(why)};
}

}  // namespace

bool RequestVisits::has_room() const {
  if (tasks_.size() < kMax) return true;
  env_.log.warning("a question about requests is not answered: there are too many",
                   {{"questions", std::to_string(kMax)}});
  return false;
}

void RequestVisits::begin(grpc::Channel& way, channel::Open what) {
  if (has_room()) tasks_.spawn(call(way, std::move(what)));
}

void RequestVisits::begin(std::unique_ptr<channel::End> end, std::string what) {
  if (has_room()) tasks_.spawn(answer(std::move(end), std::move(what)));
}

net::Task<void> RequestVisits::call(grpc::Channel& way, channel::Open what) {
  auto end = co_await channel::call_about(way, std::string(channel::kEdgeChannelPath), std::move(what.id));
  if (!end) co_return;  // who waits for it is told so at its deadline
  co_await answer(std::move(*end), std::move(what.what));
}

net::Task<void> RequestVisits::answer(std::unique_ptr<channel::End> end, std::string what) {
  const auto open = channel::parse_channel_open(what);
  if (!open) {
    co_await say_end(*end, refused(open.error().text));
  } else if (!std::holds_alternative<RequestsWanted>(open->what)) {
    co_await say_end(*end, refused("an edge shows requests only"));
  } else {
    co_await say_end(*end, co_await carry_out(*end, *open));
  }
  co_await end->wait_for_end();
}

net::Task<ChannelEnd> RequestVisits::carry_out(channel::End& end, const channel::ChannelOpen& open) {
  const auto& wanted = std::get<RequestsWanted>(open.what);
  const Inspections::Endpoint at{wanted.service, "tunnel:" + open.instance};
  if (!inspections_.look(at)) co_return refused("requests of too many tunnels are looked into at this edge");
  if (wanted.verb == RequestsVerb::kFollow) co_return co_await follow(end, at);
  if (wanted.verb == RequestsVerb::kLatest) co_return co_await tell_latest(end, at);
  const Inspections::Told* found = inspections_.find(at, wanted.id);
  if (found == nullptr) co_return ChannelEnd{.exit_code = channel::kRequestNotKept, .reason = {}};
  if (wanted.verb == RequestsVerb::kReplay) co_return co_await replay(end, at, *found);
  std::string shown = found->exchange ? with_exchange(found->line, *found->exchange) : found->line;
  (void)co_await end.write(ChannelRequests{{std::move(shown)}});
  co_return ChannelEnd{};
}

net::Task<ChannelEnd> RequestVisits::tell_latest(channel::End& end, const Inspections::Endpoint& at) {
  std::vector<std::string> latest = inspections_.latest(at);
  std::deque<std::string> lines(std::make_move_iterator(latest.begin()),
                                std::make_move_iterator(latest.end()));
  (void)co_await send(end, lines);
  co_return ChannelEnd{};
}

namespace {

struct Following {
  std::deque<std::string> lines;
  std::size_t passed_over = 0;  // behind them
  h2::Signal wake;
};

net::Task<void> tell(channel::End& end, Following& following, net::Loop& loop) {
  for (;;) {
    if (!co_await send(end, following.lines)) co_return;
    if (const std::size_t more = std::exchange(following.passed_over, 0); more > 0) {
      following.lines.push_back(passed_over_line(more));
      continue;
    }
    const auto woken = co_await following.wake.wait(loop, kLong);
    if (!woken && woken.error().code != Code::kTimedOut) co_return;
  }
}

}  // namespace

// Those that are kept come first: who comes back has missed nothing.
net::Task<ChannelEnd> RequestVisits::follow(channel::End& end, const Inspections::Endpoint& at) {
  Following following;
  for (std::string& line : inspections_.latest(at)) following.lines.push_back(std::move(line));
  const std::uint64_t number = inspections_.follow(at, [&following](const Inspections::Told& told) {
    following.passed_over += told.passed_over;
    if (following.lines.size() < kWaitingMax) {
      following.lines.push_back(told.line);
    } else {
      ++following.passed_over;
    }
    following.wake.notify();
  });
  net::TaskGroup telling(env_.loop);
  telling.spawn(tell(end, following, env_.loop));
  co_await end.wait_for_end();
  co_await telling.stop();
  inspections_.leave(number);
  co_return ChannelEnd{};
}

net::Task<ChannelEnd> RequestVisits::replay(channel::End& end, const Inspections::Endpoint& at,
                                            const Inspections::Told& told) {
  if (!told.exchange) co_return refused("what was sent in it is not kept: that can't be sent again");
  if (std::string why = edge::why_not_again(*told.exchange); !why.empty()) co_return refused(std::move(why));
  const auto answer = std::make_shared<Answer>();
  replayer_({.service = at.service, .endpoint = at.key, .exchange = told.exchange},
            [answer](std::expected<edge::Replayed, std::string> done) {
              answer->told = std::move(done);
              answer->ready.set();
            });
  channel::Alarm alarm(answer->ready);
  env_.loop.arm(alarm, env_.loop.deadline(kReplayTimeout));
  const auto waited = co_await answer->ready.wait(env_.loop);
  alarm.disarm();
  if (!waited) co_return refused("this edge is about to end");
  if (answer->told && !*answer->told) co_return refused(std::move(answer->told->error()));
  (void)co_await end.write(ChannelRequests{{replayed_line(*answer)}});
  co_return ChannelEnd{};
}

}  // namespace weir::inspection
