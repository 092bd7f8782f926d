#include "role/traffic.h"

#include <utility>

namespace weir::role {

namespace {

std::expected<config::SnapshotPointer, std::string> read_given(std::string_view text) {
  auto snapshot = config::read_snapshot(text);
  if (snapshot) return std::move(*snapshot);
  return std::unexpected("the snapshot of the running process can't be used: " +
                         config::to_text(snapshot.error()));
}

}  // namespace

std::string cannot_listen(const char* flag, const net::Address& address, const Error& error) {
  return "cannot listen on " + address.to_string() + " (" + flag + "): " + why_not(error);
}

Traffic::Traffic(net::Env& control, std::span<net::Env* const> workers, TrafficOptions options)
    : control_(control),
      options_(std::move(options)),
      edge_(control, workers, options_.edge),
      snapshot_file_(std::in_place, options_.snapshot_path, control.log) {
  if (options_.edge.live == nullptr) return;
  requests_.emplace(control, *options_.edge.live, [this](edge::Replay wanted, edge::ReplayDone done) {
    edge_.replay(std::move(wanted), std::move(done));
  });
}

std::expected<void, std::string> Traffic::prepare() {
  if (options_.snapshot.empty()) {
    started_from_ = read_last_snapshot();
  } else {
    auto given = read_given(options_.snapshot);
    if (!given) return std::unexpected(given.error());
    started_from_ = std::move(*given);
    edge_.recall(options_.remembered);
  }
  if (!options_.edge.carries_traffic) return {};
  const net::Address& http = options_.edge.http;
  if (auto unused = control_.network.check_unused(http); !unused) {
    return std::unexpected(cannot_listen("--http", http, unused.error()));
  }
  if (options_.https) {
    auto unused = control_.network.check_unused(*options_.https);
    if (!unused && !options_.https_is_preset) {
      return std::unexpected(cannot_listen("--https", *options_.https, unused.error()));
    }
    if (!unused) {
      control_.log.warning("no HTTPS: its port is taken", {{"address", options_.https->to_string()}});
    }
    edge_.set_https(unused ? options_.https : std::nullopt);
  }
  return {};
}

std::expected<void, std::string> Traffic::listen() {
  if (auto done = open_ports(); !done) return done;
  begin_with_last();
  return {};
}

std::expected<void, std::string> Traffic::open_ports() {
  auto listening = edge_.listen();
  if (!listening) return std::unexpected(cannot_listen("--http", options_.edge.http, listening.error()));
  listening_ = *listening;
  return {};
}

void Traffic::begin_with_last() {
  if (!started_from_) return;
  take_effect(started_from_);
  control_.log.info("traffic begins with the last snapshot",
                    {{"revision", std::to_string(started_from_->revision)}});
  begin();
}

void Traffic::begin() {
  has_snapshot_ = true;
  if (const auto begun = std::exchange(begun_, nullptr)) begun();
}

void Traffic::apply(config::SnapshotPointer snapshot) {
  if (snapshot_file_) snapshot_file_->keep([snapshot] { return config::snapshot_text(*snapshot); });
  take_effect(std::move(snapshot));
  begin();
}

std::expected<void, std::string> Traffic::apply_text(std::string_view text) {
  auto given = read_given(text);
  if (!given) return std::unexpected(given.error());
  take_effect(std::move(*given));
  begin();
  return {};
}

void Traffic::take_effect(config::SnapshotPointer snapshot) {
  in_force_ = snapshot;
  if (applied_) applied_(snapshot);
  edge_.apply(std::move(snapshot));
}

void when_taken(Traffic* traffic, std::function<void()> then) {
  if (traffic == nullptr) return then();
  traffic->edge().when_taken(std::move(then));
}

config::SnapshotPointer Traffic::read_last_snapshot() {
  const auto refuse = [&](std::string reason) {
    control_.log.error("the last snapshot can't be used; traffic waits for a new one",
                       {{"file", options_.snapshot_path}, {"reason", std::move(reason)}});
    return nullptr;
  };
  const auto text = store::KeptFile::read(options_.snapshot_path, config::kSnapshotBytesMax);
  if (!text && text.error().code == Code::kNotFound) return nullptr;
  if (!text) return refuse(sentence_of(text.error()));
  auto snapshot = config::read_snapshot(*text);
  if (!snapshot) return refuse(config::to_text(snapshot.error()));
  return std::move(*snapshot);
}

}  // namespace weir::role
