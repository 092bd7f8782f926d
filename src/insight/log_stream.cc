#include "insight/log_stream.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <variant>

#include "api/watch.h"
#include "config/object.h"
#include "config/specs.h"
#include "insight/request_text.h"

namespace weir::insight {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{32} << 10U;
constexpr std::size_t kNotesBytesMax = std::size_t{64} << 10U;  // more of them says nothing new
constexpr Duration kForRoom = std::chrono::seconds(15);

std::string line_of(const Tree& tree) { return text_of(tree) + '\n'; }

template <class Visit>
void for_instances(const config::Whole& objects, const LogsAsked& asked, const Visit& visit) {
  for (const config::ObjectPointer& object : objects.of(config::Kind::kInstance)) {
    const auto& spec = std::get<config::InstanceSpec>(object->spec);
    const std::string& name = object->metadata.name;
    const bool is_meant =
        asked.kind == config::Kind::kInstance ? name == asked.name : spec.workload == asked.name;
    if (!is_meant || (!asked.instance.empty() && name != asked.instance)) continue;
    if (!spec.node.empty()) visit(name, spec.node);
  }
}

}  // namespace

LogStream::LogStream(net::Env& env, const mirror::Mirror& mirror, channel::Channels& channels,
                     LogsAsked asked, std::function<void(LogStream&)> ended)
    : env_(env),
      mirror_(mirror),
      channels_(channels),
      asked_(std::move(asked)),
      gone_(std::move(ended)),
      merge_(asked_.wanted.follow),
      changed_(env.loop),
      has_room_(env.loop),
      tasks_(env.loop) {
  api::begin_stream(head, "application/x-ndjson", asked_.request_id);
  if (!find_instances()) note({}, "there is no instance of " + asked_.name + " on a node now");
  if (asked_.wanted.follow) tasks_.spawn(watch_instances());
}

LogStream::~LogStream() { gone_(*this); }

void LogStream::stop() {
  stopped_ = true;
  changed_.ring();
}

std::size_t LogStream::count(const config::Whole& objects, const LogsAsked& asked) {
  std::size_t count = 0;
  for_instances(objects, asked, [&count](const std::string&, const std::string&) { ++count; });
  return count;
}

bool LogStream::is_there(const Key& key) const {
  bool there = false;
  for_instances(mirror_.objects(), asked_, [&](const std::string& name, const std::string& node) {
    there = there || (name == key.first && node == key.second);
  });
  return there;
}

// False: there are none.
bool LogStream::find_instances() {
  bool any = false;
  for_instances(mirror_.objects(), asked_, [&](const std::string& name, const std::string& node) {
    any = true;
    Key key(name, node);
    if (followed_.contains(key) || followed_.size() >= kInstancesMax) return;
    const LogMerge::Source source = next_source_++;
    followed_.emplace(key, source);
    names_.emplace(source, name);
    merge_.begin(source, env_.loop.now());
    tasks_.spawn(follow(std::move(key), source));
  });
  return any;
}

net::Task<void> LogStream::watch_instances() {
  while (co_await env_.loop.sleep(kLook)) find_instances();
}

// One instance on one node, for as long as it is there.
net::Task<void> LogStream::follow(Key key, LogMerge::Source source) {
  std::optional<WallTime> last;
  std::string noted;
  for (;;) {
    const bool goes_on = co_await hear(key, source, last, noted);
    if (!goes_on || !asked_.wanted.follow) break;
    if (!co_await env_.loop.sleep(kLook) || !is_there(key)) break;
  }
  merge_.end(source);
  followed_.erase(key);
  changed_.ring();
}

// Over one channel, to its end. False: the task was told to stop.
net::Task<bool> LogStream::hear(const Key& key, LogMerge::Source source, std::optional<WallTime>& last,
                                std::string& noted) {
  channel::LogsWanted wanted = asked_.wanted;
  if (last) {
    wanted.since = *last;
    wanted.tail.reset();
  }
  auto channel = co_await channels_.open(
      key.second, {.instance = key.first, .container = asked_.container, .what = wanted});
  std::string trouble;
  if (!channel) {
    if (channel.error().code == Code::kCancelled) co_return false;
    trouble = "on the node " + key.second + ": " + channel.error().text;
  } else {
    merge_.opened(source, env_.loop.now());
    trouble = "the way to the node " + key.second + " was lost";
  }
  while (channel) {
    auto said = co_await (*channel)->read();
    if (!said) co_return false;
    if (!*said) break;
    if (const auto* end = std::get_if<channel::ChannelEnd>(&**said); end != nullptr) {
      trouble = end->reason;
      break;
    }
    auto* lines = std::get_if<channel::ChannelLines>(&**said);
    if (lines == nullptr) continue;
    noted.clear();
    for (channel::ChannelLine& line : *lines) {
      while (merge_.is_full(source)) {
        const auto rung = co_await has_room_.wait(kForRoom);
        if (!rung && rung.error().code == Code::kCancelled) co_return false;
      }
      last = std::max(line.time, last.value_or(line.time));
      merge_.put(source, std::move(line), env_.loop.now());
    }
    changed_.ring();
  }
  // Said once, until something else is heard.
  if (!trouble.empty() && std::exchange(noted, trouble) != trouble) note(key.first, trouble);
  co_return true;
}

void LogStream::note(const std::string& instance, std::string_view sentence) {
  Tree tree = Tree::object();
  if (!instance.empty()) tree["instance"] = instance;
  tree["notice"] = sentence;
  if (notes_.size() < kNotesBytesMax) notes_ += line_of(tree);
  changed_.ring();
}

// What is due. False: nothing is.
bool LogStream::fill() {
  out_ = std::exchange(notes_, {});
  while (out_.size() < kPieceBytes) {
    auto given = merge_.take(env_.loop.now());
    if (!given) break;
    const channel::ChannelLine& line = given->second;
    Tree tree = Tree::object();
    if (asked_.timestamps) tree["time"] = format_rfc3339(line.time);
    tree["instance"] = names_[given->first];
    tree["container"] = line.container;
    tree["stream"] = line.err ? "stderr" : "stdout";
    tree["text"] = line.text;
    out_ += line_of(tree);
  }
  if (out_.empty()) return false;
  has_room_.ring();
  return true;
}

net::Task<Result<net::Slice>> LogStream::read() {
  out_.clear();
  while (out_.empty() && !ended_) {
    if (fill()) break;
    if (stopped_ || !asked_.allowed() || (!asked_.wanted.follow && merge_.at_end())) {
      ended_ = true;
      break;
    }
    const auto due = merge_.due();
    const Duration wait =
        due ? std::clamp(*due - env_.loop.now(), Duration::zero(), Duration(kKeepAliveInterval))
            : Duration(kKeepAliveInterval);
    const auto rung = co_await changed_.wait(wait);
    if (!rung && rung.error().code != Code::kTimedOut) co_return fail(rung.error());
    if (!rung && !due) out_ = "\n";
  }
  co_return net::as_slice(out_);
}

}  // namespace weir::insight
