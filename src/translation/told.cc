#include "translation/told.h"

#include <algorithm>
#include <memory>
#include <ranges>
#include <set>
#include <utility>

#include "config/kinds.h"

namespace weir::translation {
namespace {

// "LoadBalancer/web" as violations have it, as the name of its resource.
std::string resource_of(std::string_view object) {
  const std::size_t slash = object.find('/');
  for (const config::KindInfo& info : config::kKinds) {
    if (slash != std::string_view::npos && info.name == object.substr(0, slash)) {
      return key_of(info.kind, object.substr(slash + 1));
    }
  }
  return std::string(object);
}

std::string text_of(const config::Violation& violation) {
  return violation.field.empty() ? violation.message : violation.field + ": " + violation.message;
}

config::ObjectPointer gone(const ObjectKey& key) {
  config::Object object;
  object.metadata.name = key.name;
  object.spec = config::info_of(key.kind).make();
  return std::make_shared<const config::Object>(std::move(object));
}

}  // namespace

Told::Told(config::SnapshotPointer from, EdgeSecrets secrets)
    : snapshot_(from ? std::move(from) : std::make_shared<const config::Snapshot>()),
      secrets_(std::move(secrets)) {
  for (config::Object& object : config::objects_of(*snapshot_)) {
    whole_.put(std::make_shared<const config::Object>(std::move(object)));
  }
}

std::vector<std::string> Told::names() const {
  std::vector<std::string> names;
  for (const config::ObjectChange& one : whole_.as_changes()) {
    names.push_back(key_of(one.kind(), one.name()));
  }
  for (const auto& [host, pair] : secrets_.issued) names.push_back(std::string(kIssuedPrefix) + host);
  return names;
}

std::map<std::string, std::string> Told::refused() const {
  std::map<std::string, std::string> reasons;
  for (const auto& [name, refusal] : refused_) reasons.emplace(name, refusal.reason);
  return reasons;
}

std::optional<std::string> Told::take(const xds::Change& change, Amended& to) const {
  const std::string_view body =
      change.resource ? std::string_view(change.resource->body) : std::string_view();
  const auto failed = [](const auto& result) { return std::string(result.error().text); };
  if (change.name == xds::kRevisionName) {
    if (!change.resource) return std::nullopt;
    const auto revision = read_revision(body);
    if (!revision) return failed(revision);
    to.revision = *revision;
  } else if (change.name == kEdgeResource) {
    if (!change.resource) return std::nullopt;  // what it was is better than nothing
    auto secrets = read_edge(body);
    if (!secrets) return failed(secrets);
    secrets->issued.merge(to.secrets.issued);
    to.secrets = std::move(*secrets);
  } else if (change.name.starts_with(kIssuedPrefix)) {
    const std::string host = change.name.substr(kIssuedPrefix.size());
    if (!change.resource) {
      to.secrets.issued.erase(host);
      return std::nullopt;
    }
    auto pair = read_issued(body);
    if (!pair) return failed(pair);
    to.secrets.issued.insert_or_assign(host, std::move(*pair));
  } else {
    const auto key = parse_key(change.name);
    if (!key) return failed(key);
    if (!change.resource) {
      to.objects.push_back({.before = gone(*key), .after = nullptr});
      return std::nullopt;
    }
    auto object = read_object(body);
    if (!object) return text_of(object.error().front());
    if (object->kind() != key->kind || object->metadata.name != key->name) {
      return "is another object than its name says";
    }
    to.objects.push_back(
        {.before = nullptr, .after = std::make_shared<const config::Object>(std::move(*object))});
  }
  return std::nullopt;
}

std::optional<std::string> Told::apply(const std::vector<xds::Change>& changes) {
  Amended amended{.objects = {}, .secrets = secrets_, .revision = snapshot_->revision};
  Refusals refusals;
  for (const xds::Change& change : changes) {
    if (auto why = take(change, amended)) refusals.insert_or_assign(change.name, Refusal{*why, false});
  }
  if (!refusals.empty()) return refuse(changes, std::move(refusals));
  put(amended.objects);
  auto next = config::next_snapshot(*snapshot_, amended.revision, whole_, amended.objects);
  if (!next) {
    undo(amended.objects);
    for (const config::Violation& one : next.error()) {
      refusals.try_emplace(resource_of(one.object), Refusal{text_of(one), false});
    }
    return refuse(changes, std::move(refusals));
  }
  snapshot_ = std::move(*next);
  secrets_ = std::move(amended.secrets);
  for (const xds::Change& change : changes) refused_.erase(change.name);
  std::erase_if(refused_, [](const auto& one) { return one.second.by_another; });
  return std::nullopt;
}

std::optional<std::string> Told::refuse(const std::vector<xds::Change>& changes, Refusals refusals) {
  std::set<std::string_view> changed;
  for (const xds::Change& change : changes) changed.insert(change.name);
  std::string text;
  for (auto& [name, refusal] : refusals) {
    refusal.by_another = !changed.contains(name);
    if (text.size() < kRefusalBytesMax) {
      text.append(text.empty() ? "" : "\n").append(name).append(": ").append(refusal.reason);
    }
    refused_.insert_or_assign(name, std::move(refusal));
  }
  text.resize(std::min(text.size(), kRefusalBytesMax));
  return text;
}

// Fills in what was there before.
void Told::put(std::vector<config::ObjectChange>& changes) {
  for (config::ObjectChange& change : changes) {
    const config::Object& object = change.either();
    change.before = change.after ? whole_.put(change.after)
                                 : whole_.remove(object.kind(), std::string(object.metadata.name));
  }
  // What was not there and is not there now has no change.
  std::erase_if(changes, [](const config::ObjectChange& one) { return !one.before && !one.after; });
}

void Told::undo(const std::vector<config::ObjectChange>& changes) {
  for (const config::ObjectChange& change : changes | std::views::reverse) {
    if (change.before) {
      whole_.put(change.before);
    } else {
      whole_.remove(change.kind(), std::string(change.name()));
    }
  }
}

}  // namespace weir::translation
