// weir rollout status: how far an update of a workload has come, city by city.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "net/loop.h"
#include "workload/views.h"

namespace weir::cli {
namespace {

constexpr Duration kLook = std::chrono::seconds(1);

struct Progress {
  std::vector<client::Row> cities;
  std::string sentence;
  bool done = false;    // all instances that are to be there are ready, and of the version that is wanted
  bool failed = false;  // it does not come there by itself
};

// "3/3": all of them.
bool is_all(const std::string& part) {
  const std::size_t slash = part.find('/');
  return slash != std::string::npos && part.substr(0, slash) == part.substr(slash + 1);
}

std::optional<Progress> progress_of(const std::string& json) {
  const auto object = config::parse_object(json, config::Origin::kStore);
  const auto* spec = object ? std::get_if<config::WorkloadSpec>(&object->spec) : nullptr;
  if (spec == nullptr) return std::nullopt;
  const Tree tree = parse_tree(json);
  Progress progress;
  bool all = true;
  for (const Tree& city : at(tree, "/status/cities")) {
    const std::string ready = text_at(city, "/ready");
    const std::string updated = text_at(city, "/updated");
    all = all && is_all(ready) && is_all(updated);
    const std::string reason = text_at(city, "/reason");
    progress.cities.push_back({printable(text_at(city, "/target")), printable(text_at(city, "/city")), ready,
                               updated, reason.empty() ? "-" : printable(reason)});
  }
  const std::string version = workload::version_of(*object);
  const auto& under_way = spec->progress;
  const bool is_seen = under_way && under_way->version == version;
  const std::string reason = under_way ? under_way->reason : std::string();
  if (!is_seen) {
    progress.sentence = "the update is not begun yet";
  } else if (under_way->phase == config::UpdatePhase::kReverted) {
    progress.sentence = "went back to what ran before: " + reason;
    progress.failed = true;
  } else if (under_way->phase == config::UpdatePhase::kFailed) {
    progress.sentence = "failed: " + reason;
    progress.failed = true;
  } else if (under_way->phase == config::UpdatePhase::kRunning) {
    progress.sentence = spec->update.paused ? "paused" : "under way";
    if (!under_way->city.empty()) progress.sentence += ", in " + under_way->city;
  } else {
    progress.done = all;
    progress.sentence = all ? "done" : "updated; not all instances are ready";
  }
  return progress;
}

std::string text_of(const Progress& progress) {
  std::vector<client::Row> rows{{"TARGET", "CITY", "READY", "UPDATED", "REASON"}};
  rows.insert(rows.end(), progress.cities.begin(), progress.cities.end());
  client::Table table;
  return table.lay_out(rows) + printable(progress.sentence) + '\n';
}

}  // namespace

net::Task<int> rollout_command(Session& session, const Arguments& arguments) {
  std::string shown;
  for (;;) {
    const auto content = session.content_of(co_await session.api.ask(
        http::Method::kGet, path_of(config::info_of(config::Kind::kWorkload), arguments.name)));
    if (!content) co_return kFailed;
    const auto progress = progress_of(*content);
    if (!progress) {
      session.terminal.say("weir: the answer of the API is no Workload");
      co_return kFailed;
    }
    if (std::string text = text_of(*progress); text != shown) {
      session.terminal.print(text);
      shown = std::move(text);
    }
    if (!session.terminal.flush()) co_return kFailed;
    if (progress->done) co_return kDone;
    if (progress->failed || !arguments.watch) co_return kFailed;
    if (!co_await session.env.loop.sleep(kLook)) co_return kFailed;
  }
}

}  // namespace weir::cli
