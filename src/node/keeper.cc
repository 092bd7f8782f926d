#include "node/keeper.h"

#include <algorithm>
#include <chrono>
#include <ranges>
#include <utility>

#include "images/file_body.h"
#include "images/name.h"
#include "node/labels.h"

namespace weir::node {
namespace {

using podman::Trouble;

// A container that runs before the others has to come to its end.
constexpr Duration kInitMax = std::chrono::minutes(10);
// Before what podman did not do is tried again.
constexpr Duration kRetry = std::chrono::seconds(2);

std::unexpected<Trouble> refused(std::string sentence) {
  return std::unexpected(Trouble{Trouble::Kind::kRefused, std::move(sentence)});
}

constexpr int kKilled = 128 + 9;  // by SIGKILL

// What that container may have; empty: it has no limit.
std::string memory_of(const Instance& instance, std::string_view container) {
  const auto found = std::ranges::find(instance.containers, container, &Container::name);
  return found == instance.containers.end() ? std::string() : found->resources.memory;
}

bool is_init(const podman::Container& container) { return !label_of(container.labels, kInitLabel).empty(); }

}  // namespace

Keeper::Keeper(Shared& shared, std::string name)
    : shared_(shared), name_(std::move(name)), tasks_(shared.env.loop) {}

void Keeper::want(std::shared_ptr<const Instance> instance) {
  const bool may_start = wanted_ && instance && !wanted_->lacks.empty() && instance->lacks.empty();
  wanted_ = std::move(instance);
  if (wanted_) {
    gone_ = false;
    grace_seconds_ =
        static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(wanted_->stop_grace).count());
  }
  life_.want(wanted_ ? std::optional(wanted_of(*wanted_)) : std::nullopt, shared_.env.loop.now());
  if (may_start) life_.retry(shared_.env.loop.now());
  if (starting_ != nullptr) starting_->interrupt();  // what is being made may not be wanted any more
  changed_.set();
}

void Keeper::see(std::vector<podman::Container> containers) {
  containers_ = std::move(containers);
  std::vector<Seen> seen;
  for (const podman::Container& one : containers_) {
    if (is_init(one)) continue;
    seen.push_back({.name = label_of(one.labels, kContainerLabel),
                    .digest = label_of(one.labels, kDigestLabel),
                    .running = one.state == "running",
                    .exit_code = one.exit_code});
  }
  life_.see(std::move(seen), shared_.env.loop.now());
  changed_.set();
}

void Keeper::start() { tasks_.spawn(run()); }

Status Keeper::status() const {
  return {.name = name_,
          .version = version(),
          .state = life_.state(shared_.env.loop.now()),
          .reason = life_.reason(),
          .address = life_.running() ? address_ : std::string(),
          .restarts = life_.restarts()};
}

// Of the containers that there are, or are being made, and of the probes that say how they are: never of what
// is only wanted.
std::string Keeper::version() const {
  const State state = life_.state(shared_.env.loop.now());
  const auto made = std::ranges::find_if_not(containers_, is_init);
  if (made == containers_.end()) {
    const bool is_tried = wanted_ && state != State::kPending && state != State::kStopping;
    return is_tried ? wanted_->version : std::string();
  }
  if (!wanted_ || !life_.kept()) return label_of(made->labels, kVersionLabel);
  // The same containers do for what is wanted now; that it is ready is what the probes before said.
  const bool is_ready = state == State::kReady;
  return is_ready && judged_ && judged_ != wanted_ ? judged_->version : wanted_->version;
}

const podman::Container* Keeper::find(std::string_view container) const {
  const auto found = std::ranges::find(containers_, container, &podman::Container::name);
  return found == containers_.end() ? nullptr : &*found;
}

net::Task<void> Keeper::run() {
  const net::Context& context = co_await net::current_context();
  while (!context.cancelled()) {
    changed_.reset();
    if (life_.restarts() != explained_) co_await explain_end();
    co_await adjust_probes();
    const Decision decision = life_.next(shared_.env.loop.now());
    tell();
    if (decision.step == Step::kWait) {
      if (!co_await wait(decision.until)) break;
      continue;
    }
    if (gone_) {
      if (!co_await wait(std::nullopt)) break;
      continue;
    }
    busy_ = true;
    ++step_;
    const bool done = co_await perform(decision.step);
    if (!context.cancelled()) co_await refresh();
    busy_ = false;
    if (!done && !co_await wait(shared_.env.loop.deadline(kRetry))) break;
  }
  if (prober_) co_await prober_->stop();
  prober_.reset();
}

net::Task<bool> Keeper::wait(std::optional<Instant> until) {
  if (until) shared_.env.loop.arm(alarm_, *until);
  const auto waited = co_await changed_.wait(shared_.env.loop);
  alarm_.disarm();
  co_return waited.has_value();
}

// What is new, for the log.
void Keeper::tell() {
  const Status now = status();
  if (shared_.changed) shared_.changed();
  std::string text = std::string(name_of(now.state)) + '\n' + now.reason;
  if (std::exchange(told_, text) == text) return;
  const bool bad = now.state == State::kFailed || now.state == State::kBackingOff;
  shared_.env.log.write(
      bad ? Level::kWarning : Level::kInfo, "an instance is in another state",
      {{"instance", name_}, {"state", std::string(name_of(now.state))}, {"reason", now.reason}});
}

net::Task<bool> Keeper::perform(Step step) {
  switch (step) {
    case Step::kStart: co_await start_all(); co_return true;
    case Step::kStop: co_return co_await stop_all();
    case Step::kRemove: co_return co_await remove_all();
    case Step::kLeave: co_return co_await leave();
    case Step::kWait: break;
  }
  co_return true;
}

// --- starting

net::Task<void> Keeper::start_all() {
  const auto instance = wanted_;
  if (!co_await shared_.starts.enter()) co_return;
  net::Context& context = co_await net::current_context();
  life_.begin_start();
  tell();
  starting_ = &context;
  auto made = co_await make(instance);
  starting_ = nullptr;
  shared_.starts.leave();
  if (made) {
    life_.launched(shared_.env.loop.now());
  } else if (made.error().kind == Trouble::Kind::kCancelled || wanted_ != instance) {
    life_.end_start();
  } else {
    life_.start_failed(std::move(made.error().sentence), shared_.env.loop.now());
  }
}

net::Task<Keeper::Done> Keeper::make(std::shared_ptr<const Instance> instance) {
  podman::Client& podman = shared_.podman;
  if (!instance->lacks.empty()) co_return refused(instance->lacks);
  const Plan plan = plan_of(*instance, shared_.node);
  const podman::Labels labels = labels_of_instance(shared_.node, name_);
  if (auto there = co_await shared_.networks.ensure(instance->owner); !there) co_return there;
  for (const std::string& volume : plan.volumes) {
    if (auto made = co_await podman.create_volume(volume, labels); !made) co_return made;
  }
  const bool is_new = std::ranges::none_of(
      plan.containers, [this](const podman::ContainerSpec& one) { return find(one.name) != nullptr; });
  if (is_new) {
    if (auto done = co_await run_before(*instance, plan); !done) co_return done;
  }
  for (std::size_t i = 0; i < plan.containers.size(); ++i) {
    const podman::ContainerSpec& spec = plan.containers[i];
    if (find(spec.name) == nullptr) {
      if (auto made = co_await create(spec, *instance, instance->containers[i]); !made) co_return made;
    }
    if (auto started = co_await podman.start(spec.name, spec); !started) co_return started;
  }
  co_return Done{};
}

net::Task<Keeper::Done> Keeper::run_before(const Instance& instance, const Plan& plan) {
  podman::Client& podman = shared_.podman;
  for (const podman::Container& old : containers_) {  // of another try, or of another digest
    if (auto removed = co_await podman.remove(old.name); !removed) co_return removed;
  }
  containers_.clear();
  for (std::size_t i = 0; i < plan.init.size(); ++i) {
    const podman::ContainerSpec& spec = plan.init[i];
    if (auto made = co_await create(spec, instance, instance.init_containers[i]); !made) co_return made;
    if (auto started = co_await podman.start(spec.name, spec); !started) co_return started;
    const auto code = co_await podman.wait(spec.name, kInitMax);
    if (!code) co_return std::unexpected(code.error());
    if (*code == 0) continue;
    co_return refused("the init container " + instance.init_containers[i].name + " ended with exit code " +
                      std::to_string(*code));
  }
  co_return Done{};
}

net::Task<Keeper::Done> Keeper::create(podman::ContainerSpec spec, const Instance& instance,
                                       const Container& container) {
  auto image = co_await ensure_image(instance, container);
  if (!image) co_return std::unexpected(std::move(image.error()));
  spec.image = std::move(*image);
  auto made = co_await shared_.podman.create(std::move(spec));
  if (!made) co_return std::unexpected(std::move(made.error()));
  co_return Done{};
}

net::Task<podman::Told<std::string>> Keeper::ensure_image(const Instance& instance,
                                                          const Container& container) {
  podman::Client& podman = shared_.podman;
  if (auto pushed = images::pushed_name(container.image)) {
    co_return co_await shared_.images.ensure(std::move(*pushed));
  }
  const auto there = co_await podman.has_image(container.image);
  if (!there) co_return std::unexpected(there.error());
  if (*there) co_return container.image;
  if (!container.archive.empty()) {
    auto archive = images::FileBody::open(container.archive);
    if (!archive) co_return refused(container.archive + ": " + why_not(archive.error()));
    const auto names = co_await podman.load_image(**archive, (*archive)->bytes().value_or(0));
    if (!names) co_return std::unexpected(names.error());
    if (std::ranges::find(*names, container.image) != names->end()) co_return container.image;
    co_return refused(container.archive + " has no image " + container.image);
  }
  std::optional<podman::Credentials> credentials;
  if (const auto* known = credentials_for(shared_.credentials, instance, container.image)) {
    credentials = podman::Credentials{known->username, known->password};
  }
  auto pulled = co_await podman.pull_image(container.image, credentials);
  if (!pulled) co_return std::unexpected(std::move(pulled.error()));
  co_return container.image;
}

// --- stopping

net::Task<bool> Keeper::stop_all() {
  if (!co_await shared_.stops.enter()) co_return false;
  bool all = true;
  for (const podman::Container& one : std::vector(containers_.rbegin(), containers_.rend())) {
    if (one.state != "running" && one.state != "stopping") continue;
    const auto stopped = co_await shared_.podman.stop(one.name, grace_seconds_);
    all &= stopped.has_value() || stopped.error().kind == Trouble::Kind::kNotThere;
  }
  shared_.stops.leave();
  co_return all;
}

net::Task<bool> Keeper::remove_all() {
  if (!co_await shared_.removals.enter()) co_return false;
  bool all = true;
  for (const podman::Container& one : std::vector(containers_.rbegin(), containers_.rend())) {
    all &= (co_await shared_.podman.remove(one.name)).has_value();
  }
  shared_.removals.leave();
  co_return all;
}

net::Task<bool> Keeper::leave() {
  if (!co_await remove_all()) co_return false;
  const auto volumes = co_await shared_.podman.list_volumes(labels_of_instance(shared_.node, name_));
  if (!volumes) co_return false;
  for (const std::string& volume : *volumes) {
    if (!co_await shared_.podman.remove_volume(volume)) co_return false;
  }
  if (wanted_) co_return true;  // again, meanwhile
  gone_ = true;
  shared_.left();
  co_return true;
}

// --- seeing

net::Task<void> Keeper::refresh() {
  auto listed = co_await shared_.podman.list(labels_of_instance(shared_.node, name_));
  if (listed) see(std::move(*listed));
}

// Whether it was its memory, which the exit code does not say, and podman not everywhere.
net::Task<void> Keeper::explain_end() {
  explained_ = life_.restarts();
  for (const podman::Container& one : std::vector(containers_)) {
    if (one.state == "running" || is_init(one)) continue;
    const auto seen = co_await shared_.podman.inspect(one.name);
    if (!seen) continue;
    const std::string name = label_of(one.labels, kContainerLabel);
    const std::string limit = wanted_ ? memory_of(*wanted_, name) : std::string();
    if (seen->out_of_memory) {
      life_.explain("the container " + name + " was ended because it needed more than its memory");
      co_return;
    }
    if (seen->exit_code == kKilled && !limit.empty()) {
      life_.explain("the container " + name + " was killed, as who needs more than its memory (" + limit +
                    ") is");
      co_return;
    }
  }
}

// They run while all containers do.
net::Task<void> Keeper::adjust_probes() {
  const auto instance = life_.running() ? wanted_ : nullptr;
  if (instance == probed_) co_return;
  if (prober_) co_await prober_->stop();
  prober_.reset();
  probed_ = nullptr;
  if (!instance) judged_ = nullptr;
  if (!instance) co_return;
  const auto first = co_await shared_.podman.inspect(joined_name(name_, instance->containers.front().name));
  if (!life_.running() || wanted_ != instance) co_return;  // changed_ is set
  address_ = first ? first->address : std::string();
  probed_ = instance;
  if (!wanted_of(*instance).probed) judged_ = instance;
  Prober::Hear hear{.started =
                        [this] {
                          if (!life_.started()) life_.passed_startup();
                          changed_.set();
                        },
                    .ready =
                        [this](bool ready, std::string why) {
                          life_.set_ready(ready, std::move(why));
                          judged_ = probed_;
                          changed_.set();
                        },
                    .dead =
                        [this](std::string why) {
                          life_.must_restart(std::move(why));
                          changed_.set();
                        }};
  prober_ = std::make_unique<Prober>(shared_.env, shared_.podman, instance, address_, std::move(hear));
  prober_->start();
}

}  // namespace weir::node
