#include "tunnel/registry.h"

#include <chrono>
#include <optional>
#include <utility>

#include "base/check.h"
#include "net/pump.h"
#include "tunnel/crossing.h"

namespace weir::tunnel {
namespace {

using net::Stream;
using StreamResult = Result<std::unique_ptr<Stream>>;

constexpr Error kNotAttached{Code::kConnectFailed, Side::kUpstream, Retry::kSafe, 0,
                             "the origin is not attached"};

// Between the cores nobody is slow for reasons of their own: whoever waits for too long has that noticed by
// the proxy at one end or by the session at the other.
constexpr Duration kPatience = Duration::max();

// What is nobody's is for everybody.
bool is_same(std::string_view one, std::string_view other) {
  return one.empty() || other.empty() || one == other;
}

}  // namespace

// Between two cores: what one asks, and what the other answers.
struct Attachments::Asked {
  net::Loop& asker;
  net::Address client;
  net::Address origin;
  Duration timeout;
  // --- on the asker's loop
  net::Event answered;
  StreamResult answer = fail(Code::kInternal, "not answered yet");

  // From the other core, which lets go of it: what nobody waits for any more ends on the asker's loop.
  static void tell(std::shared_ptr<Asked> asked, StreamResult result) {
    net::Loop& loop = asked->asker;
    loop.post([asked = std::move(asked), result = std::move(result)]() mutable {
      asked->answer = std::move(result);
      asked->answered.set();
    });
  }
};

Attachments* Registry::find(const net::Address& origin) const {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(origin);
  return found == held_.end() ? nullptr : found->second.core;
}

bool Registry::has(const net::Address& origin, std::string_view account) const {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(origin);
  return found != held_.end() && is_same(found->second.account, account);
}

std::size_t Registry::size() const {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

Attachments::Attachments(Registry& registry, net::Env& env)
    : registry_(registry), env_(env), tasks_(env.loop) {}

Attachments::~Attachments() { WEIR_CHECK(ways_.empty()); }

bool Attachments::attach(const net::Address& origin, std::shared_ptr<Way> way) {
  Attachments* core = nullptr;
  {
    const std::lock_guard lock(registry_.mutex_);
    const auto [held, is_new] = registry_.held_.try_emplace(origin);
    if (!is_new && !is_same(held->second.account, way->account())) return false;
    held->second.account = way->account();
    core = std::exchange(held->second.core, this);
  }
  const std::shared_ptr<Way> before = std::exchange(ways_[origin], std::move(way));
  if (core == this) {
    before->replaced();
  } else if (core != nullptr) {
    core->env_.loop.post([core, origin] { core->replace(origin); });
  }
  return true;
}

// Another core has it, unless it has come back meanwhile.
void Attachments::replace(const net::Address& origin) {
  if (registry_.find(origin) == this) return;
  const auto found = ways_.find(origin);
  if (found == ways_.end()) return;
  const std::shared_ptr<Way> way = std::move(found->second);
  ways_.erase(found);
  way->replaced();
}

void Attachments::detach(const net::Address& origin, const Way& way) {
  const auto found = ways_.find(origin);
  if (found == ways_.end() || found->second.get() != &way) return;
  ways_.erase(found);
  const std::lock_guard lock(registry_.mutex_);
  const auto held = registry_.held_.find(origin);
  if (held != registry_.held_.end() && held->second.core == this) registry_.held_.erase(held);
}

std::shared_ptr<Way> Attachments::find(const net::Address& origin) const {
  const auto found = ways_.find(origin);
  return found == ways_.end() ? nullptr : found->second;
}

// Null: it is not attached, and not expected.
net::Task<Attachments*> Attachments::find_core(net::Address origin, Duration timeout) {
  constexpr Duration kLook = std::chrono::milliseconds(10);
  const Instant deadline = env_.loop.deadline(timeout);
  for (;;) {
    Attachments* core = registry_.find(origin);
    const Instant now = env_.loop.now();
    if (core != nullptr || now >= deadline || !registry_.expects(now)) co_return core;
    if (!co_await env_.loop.sleep(kLook)) co_return nullptr;
  }
}

net::Task<StreamResult> Attachments::connect(net::Address client, net::Address origin, Duration timeout) {
  Attachments* core = registry_.find(origin);
  if (core == nullptr && registry_.expects(env_.loop.now())) core = co_await find_core(origin, timeout);
  if (core == nullptr) co_return fail(kNotAttached);
  if (core == this) {
    const std::shared_ptr<Way> way = find(origin);
    if (!way) co_return fail(kNotAttached);
    co_return co_await way->open(client, timeout);
  }
  const auto asked = std::make_shared<Asked>(env_.loop, client, origin, timeout);
  core->env_.loop.post([core, asked] { core->tasks_.spawn(core->serve(asked)); });
  // The other core keeps to the timeout, so an answer comes.
  if (auto waited = co_await asked->answered.wait(env_.loop); !waited) co_return fail(waited.error());
  co_return std::move(asked->answer);
}

net::Task<void> Attachments::serve(std::shared_ptr<Asked> asked) {
  StreamResult opened = fail(kNotAttached);
  if (const std::shared_ptr<Way> way = find(asked->origin)) {
    opened = co_await way->open(asked->client, asked->timeout);
  }
  if (!opened) {
    Asked::tell(std::move(asked), fail(opened.error()));
    co_return;
  }
  auto [here, there] = Crossing::make(env_.loop, asked->asker);
  Asked::tell(std::move(asked), std::move(there));
  co_await net::carry(std::move(*opened), std::move(here), kPatience);
}

}  // namespace weir::tunnel
