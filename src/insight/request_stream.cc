#include "insight/request_stream.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "api/watch.h"
#include "insight/request_text.h"

namespace weir::insight {
namespace {

constexpr Duration kForRoom = std::chrono::seconds(15);

}  // namespace

RequestStream::RequestStream(net::Env& env, const mirror::Mirror& mirror, EdgeWays& ways, Asked asked,
                             std::function<void(RequestStream&)> ended)
    : env_(env),
      mirror_(mirror),
      ways_(ways),
      asked_(std::move(asked)),
      gone_(std::move(ended)),
      changed_(env.loop),
      has_room_(env.loop),
      tasks_(env.loop) {
  api::begin_stream(head, api::kEventStream, asked_.request_id);
  tasks_.spawn(watch());
}

RequestStream::~RequestStream() { gone_(*this); }

void RequestStream::stop() {
  stopped_ = true;
  changed_.ring();
}

net::Task<void> RequestStream::watch() {
  do {
    if (!look_for_tunnel()) co_return stop();
    look_for_edges();
  } while (co_await env_.loop.sleep(kLook));
}

// False: it has gone for good.
bool RequestStream::look_for_tunnel() {
  const auto now = origin_of(mirror_.objects(), asked_.tunnel);
  if (now && *now != asked_.origin) {
    note({}, "the tunnel is another one's now");
    return false;
  }
  if (now && std::exchange(tunnel_gone_, std::nullopt)) note({}, "the tunnel is back");
  if (now) return true;
  if (!tunnel_gone_) {
    tunnel_gone_ = env_.loop.now();
    note({}, "the tunnel has gone");
  }
  return env_.loop.now() - *tunnel_gone_ < kGoneMax;
}

void RequestStream::look_for_edges() {
  for (std::string& edge : ways_.attached()) {
    if (followed_.insert(edge).second) tasks_.spawn(follow(std::move(edge)));
  }
}

// One edge, for as long as it is there.
net::Task<void> RequestStream::follow(std::string edge) {
  std::string noted;
  for (;;) {
    if (!co_await hear(edge, noted) || !co_await env_.loop.sleep(kLook)) co_return;
    if (!ways_.has(edge)) break;
  }
  followed_.erase(edge);
}

// Over one channel, to its end. False: the task was told to stop.
net::Task<bool> RequestStream::hear(const std::string& edge, std::string& noted) {
  auto channel = co_await ways_.channels().open(edge, about(asked_.origin, channel::RequestsVerb::kFollow));
  std::string trouble = "the way to the edge " + edge + " was lost";
  if (!channel) {
    if (channel.error().code == Code::kCancelled) co_return false;
    trouble = "on the edge " + edge + ": " + channel.error().text;
  }
  while (channel) {
    auto said = co_await (*channel)->read();
    if (!said) co_return false;
    if (!*said) break;
    if (const auto* end = std::get_if<channel::ChannelEnd>(&**said); end != nullptr) {
      trouble = "on the edge " + edge + ": " + (end->reason.empty() ? "it says no more" : end->reason);
      break;
    }
    const auto* some = std::get_if<channel::ChannelRequests>(&**said);
    if (some == nullptr) continue;
    noted.clear();
    for (const std::string& one : some->requests) {
      if (!co_await take(edge, one)) co_return false;
    }
  }
  // Said once, until something else is heard.
  if (std::exchange(noted, trouble) != trouble) note(edge, trouble);
  co_return true;
}

// False: the task was told to stop.
net::Task<bool> RequestStream::take(const std::string& edge, const std::string& text) {
  while (waiting_.size() >= kWaitingBytesMax) {
    const auto rung = co_await has_room_.wait(kForRoom);
    if (!rung && rung.error().code == Code::kCancelled) co_return false;
  }
  Tree tree = read_request(text, edge);
  if (tree.is_null()) {
    note(edge, "a request of the edge " + edge + " can't be read");
  } else if (const auto passed_over = tree.find("passed_over"); passed_over != tree.end()) {
    note(edge, passed_over->dump() + " requests at the edge " + edge + " are not shown: they came too fast");
  } else {
    waiting_ += "data: " + text_of(tree) + "\n\n";
  }
  changed_.ring();
  co_return true;
}

void RequestStream::note(const std::string& edge, std::string_view sentence) {
  Tree tree = Tree::object();
  if (!edge.empty()) tree["edge"] = edge;
  tree["notice"] = sentence;
  if (waiting_.size() < kWaitingBytesMax) waiting_ += api::event_text("notice", 0, text_of(tree));
  changed_.ring();
}

net::Task<Result<net::Slice>> RequestStream::read() {
  out_.clear();
  while (out_.empty() && !ended_) {
    out_ = std::exchange(waiting_, {});
    if (!out_.empty()) break;
    if (stopped_ || !asked_.allowed()) {
      ended_ = true;
      break;
    }
    const auto rung = co_await changed_.wait(kKeepAliveInterval);
    if (!rung && rung.error().code != Code::kTimedOut) co_return fail(rung.error());
    if (!rung) out_ = ":\n\n";
  }
  has_room_.ring();
  co_return net::as_slice(out_);
}

}  // namespace weir::insight
