#include "nodelink/node_client.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "config/codec.h"
#include "net/task_group.h"

namespace weir::nodelink {
namespace {

void cut_to_fit(InstanceSeen& seen) {
  for (std::string* text : {&seen.reason, &seen.address, &seen.version}) {
    *text = config::shown(*text, kTextBytesMax - 3);  // and dots behind what is cut
  }
}

}  // namespace

NodeClient::NodeClient(net::Env& env, grpc::Channel& channel, Hello hello, Orders orders, Options options)
    : env_(env),
      channel_(channel),
      hello_(std::move(hello)),
      orders_(std::move(orders)),
      options_(options),
      backoff_(options.backoff) {}

net::Task<void> NodeClient::run() {
  bool told = false;  // that there is no stream; once for each time that it was lost
  for (;;) {
    auto call = co_await channel_.call(std::string(kAttachPath), {}, std::nullopt);
    std::string why;
    if (call) {
      co_await attach(**call);
      told &= !attached_;
      const grpc::Status& status = (*call)->status();
      why = std::string(grpc::name_of(status.code)) + ": " + status.message;
    } else {
      why = sentence_of(call.error());
    }
    attached_ = false;
    const Duration wait = backoff_.failed(env_.random);
    if (auto slept = co_await env_.loop.sleep(Duration::zero()); !slept) co_return;  // it was cancelled
    if (!std::exchange(told, true)) {
      env_.log.warning("a controller does not lead this node; what runs goes on", {{"reason", why}});
    }
    if (auto slept = co_await env_.loop.sleep(wait); !slept) co_return;
  }
}

net::Task<void> NodeClient::attach(grpc::ClientCall& call) {
  net::TaskGroup sending(env_.loop);
  sending.spawn(send(call));
  co_await receive(call);
  co_await sending.stop();
}

net::Task<void> NodeClient::receive(grpc::ClientCall& call) {
  Gathering gathering;
  for (;;) {
    auto message = co_await call.read();
    if (!message || !*message) co_return;
    if (!std::exchange(attached_, true)) {
      backoff_.succeeded();
      env_.log.info("a controller leads this node");
    }
    if (auto taken = take(**message, gathering); !taken) {
      env_.log.error("what a controller orders can't be taken", {{"reason", taken.error().text}});
      co_return;
    }
  }
}

Result<void> NodeClient::take(std::string_view message, Gathering& gathering) {
  auto order = parse_order(message);
  if (!order) return fail(order.error());
  if (auto* open = std::get_if<Open>(&*order)) {
    if (orders_.open) orders_.open(std::move(*open));
    return {};
  }
  const auto whole = gathering.add(std::get<Part>(std::move(*order)));
  if (!whole) return fail(whole.error());
  if (*whole != nullptr) orders_.assigned(**whole);
  return {};
}

net::Task<void> NodeClient::send(grpc::ClientCall& call) {
  change_all();
  NodeReport report{.hello = hello_, .instances = {}, .gone = {}, .revision = revision_};
  complete_due_ = all_seen_;
  for (;;) {
    const bool says = take_changed(report) || report.hello;
    if (says && changed_.empty()) report.complete = std::exchange(complete_due_, false);
    if (!says && std::exchange(complete_due_, false)) report.complete = true;
    if (says || report.complete) {
      if (!co_await call.write(serialize(std::exchange(report, {})))) co_return;
      continue;
    }
    const auto woken = co_await wake_.wait(env_.loop, options_.report_interval);
    if (woken) continue;
    if (woken.error().code != Code::kTimedOut) co_return;
    if (!co_await call.write(serialize(NodeReport{}))) co_return;
  }
}

void NodeClient::see(const std::vector<InstanceSeen>& all) {
  std::set<std::string_view> names;
  for (const InstanceSeen& one : all) {
    names.insert(one.name);
    InstanceSeen seen = one;
    cut_to_fit(seen);
    const auto [found, is_new] = instances_.try_emplace(one.name);
    Entry& entry = found->second;
    if (!is_new && !entry.gone && entry.seen == seen) continue;
    entry.seen = std::move(seen);
    entry.gone = false;
    change(found->first, entry);
  }
  for (auto& [name, entry] : instances_) {
    if (entry.gone || names.contains(name)) continue;
    entry.gone = true;
    change(name, entry);
  }
  if (!std::exchange(all_seen_, true)) complete_due_ = true;
  wake_.notify();
}

void NodeClient::change(const std::string& name, Entry& entry) {
  if (!std::exchange(entry.changed, true)) changed_.push_back(name);
}

// For a new stream, whose other end knows nothing: what is gone was never there.
void NodeClient::change_all() {
  std::erase_if(instances_, [](const auto& entry) { return entry.second.gone; });
  changed_.clear();
  for (auto& [name, entry] : instances_) {
    entry.changed = true;
    changed_.push_back(name);
  }
}

// True: there is something to say.
bool NodeClient::take_changed(NodeReport& report) {
  bool any = false;
  while (!changed_.empty() && report.instances.size() < kReportSeenMax &&
         report.gone.size() < kReportGoneMax) {
    const auto found = instances_.find(changed_.front());
    changed_.pop_front();
    any = true;
    found->second.changed = false;
    if (!found->second.gone) {
      report.instances.push_back(found->second.seen);
      continue;
    }
    report.gone.push_back(found->first);
    instances_.erase(found);
  }
  return any;
}

}  // namespace weir::nodelink
