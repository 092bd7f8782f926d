#include "node/log_visit.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "config/formats.h"
#include "node/labels.h"

namespace weir::node {
namespace {

using std::chrono::milliseconds;

// A line that is told as late as this was not written just now.
constexpr milliseconds kFresh = std::chrono::seconds(3);
constexpr milliseconds kLastOfSecond{999};

}  // namespace

void LogLines::put(podman::LogStream stream, Part& part, channel::ChannelLines& to) const {
  to.push_back({.container = container_,
                .err = stream == podman::LogStream::kErr,
                .time = part.time,
                .text = std::exchange(part.text, {})});
}

void LogLines::take(podman::LogStream stream, std::string_view frame, WallTime now,
                    channel::ChannelLines& to) {
  const std::size_t space = std::min(frame.find(' '), frame.size());
  const auto written = config::parse_rfc3339(frame.substr(0, space));
  if (written) frame.remove_prefix(std::min(space + 1, frame.size()));
  WallTime time = written.value_or(last_);
  const std::int64_t second = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  if (second_ != second) {
    to_skip_ = 0;
    told_in_second_ = 0;
    second_ = second;
  }
  if (to_skip_ > 0) {
    --to_skip_;
    return;
  }
  ++told_in_second_;
  if (now >= time && now - time < kFresh) time += std::min(now - time, kLastOfSecond);
  last_ = std::max(last_, time);

  const bool ends = frame.ends_with('\n');
  if (ends) frame.remove_suffix(1);
  Part& part = parts_[stream == podman::LogStream::kErr ? 1 : 0];
  if (part.text.empty()) part.time = last_;
  do {
    const std::size_t room = channel::kLineBytesMax - part.text.size();
    part.text += frame.substr(0, room);
    frame.remove_prefix(std::min(room, frame.size()));
    if (!frame.empty()) put(stream, part, to);
  } while (!frame.empty());
  if (ends || part.text.size() == channel::kLineBytesMax) put(stream, part, to);
}

LogVisit::LogVisit(net::Env& env, podman::Client& podman, std::string node, channel::End& end,
                   const channel::ChannelOpen& open)
    : env_(env),
      podman_(podman),
      node_(std::move(node)),
      end_(end),
      open_(open),
      wanted_(std::get<channel::LogsWanted>(open.what)),
      writing_(env.loop, 1),
      tasks_(env.loop) {}

net::Task<std::string> LogVisit::run() {
  std::string wrong = co_await look();
  if (wrong.empty() && !wanted_.follow) co_await tasks_.join();
  co_await tasks_.stop();
  co_return wrong.empty() ? std::move(wrong_) : std::move(wrong);
}

// Finds the containers, with follow again and again, and begins with those that are new.
net::Task<std::string> LogVisit::look() {
  for (int in_vain = 0;;) {
    auto listed = co_await podman_.list(labels_of_instance(node_, open_.instance));
    if (!listed) co_return std::move(listed.error().sentence);
    std::string lacks = missing(*listed);
    for (const podman::Container& one : *listed) {
      const std::string name = label_of(one.labels, kContainerLabel);
      if (!open_.container.empty() && name != open_.container) continue;
      const bool is_init = !label_of(one.labels, kInitLabel).empty();
      if (followed_.insert(one.id).second) tasks_.spawn(follow(one.id, name, wanted_.follow && !is_init));
    }
    in_vain = lacks.empty() ? 0 : in_vain + 1;
    if (!lacks.empty() && (!wanted_.follow || in_vain > kLooksInVain)) co_return std::move(lacks);
    if (!wanted_.follow || !co_await env_.loop.sleep(kLook)) co_return std::string();
  }
}

std::string LogVisit::missing(const std::vector<podman::Container>& listed) const {
  if (listed.empty()) return "there is no container of " + open_.instance + " on its node";
  std::string names;
  for (const podman::Container& one : listed) {
    const std::string name = label_of(one.labels, kContainerLabel);
    if (open_.container.empty() || name == open_.container) return {};
    names.append(names.empty() ? "" : ", ").append(name);
  }
  return open_.instance + " has no container " + open_.container + "; it has " + names;
}

net::Task<void> LogVisit::follow(std::string id, std::string name, bool again) {
  LogLines lines(std::move(name));
  podman::LogQuery query{.follow = again, .since_seconds = {}, .timestamps = true, .tail = wanted_.tail};
  if (wanted_.since) {
    const auto since = wanted_.since->time_since_epoch();
    query.since_seconds = std::chrono::floor<std::chrono::seconds>(since).count();
  }
  for (;;) {
    auto reading = co_await podman_.read_logs(id, query);
    if (!reading && !again) wrong_ = reading.error().sentence;
    if (!reading && reading.error().kind == podman::Trouble::Kind::kNotThere) co_return;
    bool more = reading.has_value();
    while (more) {
      channel::ChannelLines told;
      const auto read = co_await (*reading)->read([&](podman::LogStream stream, std::string_view frame) {
        lines.take(stream, frame, env_.loop.clock().wall_now(), told);
      });
      if (!read && !again) wrong_ = read.error().sentence;
      more = read && *read;
      if (!co_await tell(std::move(told))) co_return;
    }
    if (!again || !co_await env_.loop.sleep(kLook)) co_return;
    if (!lines.since_seconds()) continue;
    query.since_seconds = lines.since_seconds();
    query.tail.reset();
    lines.begin_again();
  }
}

// False: nobody hears it any more.
net::Task<bool> LogVisit::tell(channel::ChannelLines lines) {
  if (lines.empty()) co_return true;
  if (!co_await writing_.enter()) co_return false;
  bool taken = true;
  for (auto next = lines.begin(); taken && next != lines.end();) {
    channel::ChannelLines some;
    std::size_t bytes = 0;
    for (; next != lines.end() && some.size() < channel::kLinesMax && bytes < channel::kChannelBytesMax;
         ++next) {
      bytes += next->text.size();
      some.push_back(std::move(*next));
    }
    const auto written = co_await end_.write(std::move(some));
    taken = written.has_value();
  }
  writing_.leave();
  co_return taken;
}

}  // namespace weir::node
