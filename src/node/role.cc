#include "node/role.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "node/instance.h"
#include "node/labels.h"

namespace weir::node {
namespace {

// "10m" and the like, as podman takes it: seconds of the epoch.
std::optional<std::int64_t> moment_of(const net::Loop& loop, Duration ago) {
  if (ago == Duration::zero()) return std::nullopt;
  const auto now = std::chrono::floor<std::chrono::seconds>(loop.clock().wall_now());
  return (now - std::chrono::ceil<std::chrono::seconds>(ago)).time_since_epoch().count();
}

// What containers write comes in pieces; lines of two containers are not mixed.
class Lines {
 public:
  Lines(std::string prefix, const std::function<void(std::string_view)>& print)
      : prefix_(std::move(prefix)), print_(print) {}
  void take(std::string_view text) {
    line_ += text;
    const std::size_t end = line_.rfind('\n');
    if (end == std::string::npos && line_.size() < podman::LogFrames::kFrameBytesMax) return;
    const std::size_t whole = end == std::string::npos ? line_.size() : end + 1;
    put(std::string_view(line_).substr(0, whole));
    line_.erase(0, whole);
  }
  void finish() {
    if (!line_.empty()) put(line_ + '\n');
  }

 private:
  void put(std::string_view text) {
    if (prefix_.empty()) return print_(text);
    while (!text.empty()) {
      const std::size_t bytes = std::min(text.find('\n'), text.size() - 1) + 1;
      print_(prefix_ + std::string(text.substr(0, bytes)));
      text.remove_prefix(bytes);
    }
  }
  std::string prefix_;
  const std::function<void(std::string_view)>& print_;
  std::string line_;
};

net::Task<void> print_one(podman::Client& podman, const podman::Container& container, podman::LogQuery query,
                          Lines lines, std::string& wrong) {
  const auto told = co_await podman.logs(
      container.name, query,
      [&lines](podman::LogStream /*stream*/, std::string_view text) { lines.take(text); });
  lines.finish();
  if (!told) wrong = told.error().sentence;
}

net::Task<void> print_all(net::Env& env, podman::Client& podman, const RoleOptions& options,
                          const std::function<void(std::string_view)>& print, std::string& wrong) {
  const auto listed = co_await podman.list(labels_of_instance(options.name, options.instance));
  if (!listed) {
    wrong = listed.error().sentence;
  } else if (listed->empty()) {
    wrong = "there is no instance " + options.instance + " on this node";
  } else {
    const podman::LogQuery query{.follow = options.follow,
                                 .since_seconds = moment_of(env.loop, options.since)};
    net::TaskGroup tasks(env.loop);
    for (const podman::Container& one : *listed) {
      std::string prefix;
      if (listed->size() > 1) prefix = label_of(one.labels, kContainerLabel) + ": ";
      tasks.spawn(print_one(podman, one, query, Lines(std::move(prefix), print), wrong));
    }
    co_await tasks.join();
  }
  env.loop.stop();
}

}  // namespace

Role::Role(net::Core& core, RoleOptions options, ReadFile read)
    : env_(core.env()),
      options_(std::move(options)),
      read_(read),
      way_(core, options_.podman_socket),
      podman_(way_),
      firewall_(env_.loop),
      node_(
          env_, podman_, options_.name,
          options_.open_networks ? isolation::Networks::Guard() : [this] { return firewall_.ensure(); }),
      visits_(env_, podman_, options_.name),
      page_(env_, node_),
      tasks_(env_.loop),
      seen_(look()) {
  if (!options_.file.empty()) return;
  led_.emplace(env_, node_, options_.led);
  led_->on_open([this](grpc::Channel& way, nodelink::Open what) {
    visits_.begin(way, std::move(what.id), std::move(what.what));
  });
}

std::expected<void, std::string> Role::start(std::function<void(const std::string&)> refused) {
  if (led_) {
    if (auto prepared = led_->prepare(); !prepared) return prepared;
  } else {
    auto file = read();
    if (!file) return std::unexpected(std::move(file.error()));
    node_.set(std::move(*file));
  }
  if (options_.metrics) {
    const auto at = page_.listen(env_, *options_.metrics);
    if (!at) return std::unexpected(at.error());
    env_.log.info("listening", {{"metrics", at->to_string()}});
  }
  node_.start();
  if (led_) {
    led_->start(std::move(refused));
  } else {
    tasks_.spawn(watch());
  }
  return {};
}

net::Task<void> Role::end() {
  co_await tasks_.stop();
  co_await visits_.stop();
  if (led_) co_await led_->stop();
  co_await node_.stop();
  co_await page_.stop();
}

Role::Stamp Role::look() const {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(options_.file, error);
  if (error) return std::nullopt;
  const auto bytes = std::filesystem::file_size(options_.file, error);
  if (error) return std::nullopt;
  return std::pair(time, bytes);
}

std::expected<InstanceFile, std::string> Role::read() const {
  const auto text = read_(options_.file, kFileBytesMax);
  if (!text) return std::unexpected(options_.file + ": " + why_not(text.error()));
  auto file = parse_file(*text);
  if (!file) return std::unexpected(options_.file + ":\n" + config::to_text(file.error()));
  return std::move(*file);
}

// Gives the node what the file says, each time that it says something else.
net::Task<void> Role::watch() {
  while (co_await env_.loop.sleep(kFileInterval)) {
    const Stamp now = look();
    if (!now || now == seen_) continue;
    seen_ = now;
    auto file = read();
    if (!file) {
      env_.log.error("the file has changed, and is not good; what was before goes on",
                     {{"file", options_.file}, {"reason", file.error()}});
      continue;
    }
    env_.log.info("the file has changed", {{"instances", std::to_string(file->instances.size())}});
    node_.set(std::move(*file));
  }
}

std::expected<void, std::string> print_logs(net::Core& core, const RoleOptions& options,
                                            const std::function<void(std::string_view)>& print) {
  podman::SocketConnector way(core, options.podman_socket);
  podman::Client podman(way);
  std::string wrong;
  net::TaskGroup tasks(core.loop());
  tasks.spawn(print_all(core.env(), podman, options, print, wrong));
  core.loop().run();
  if (!wrong.empty()) return std::unexpected(std::move(wrong));
  return {};
}

}  // namespace weir::node
