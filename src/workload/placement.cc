#include "workload/placement.h"

#include <algorithm>
#include <expected>
#include <set>
#include <utility>

#include "nodelink/telling.h"

namespace weir::workload {
namespace {

config::InstanceSpec blank(const WorkloadView& workload, const CityView& city, const CityUpdate& update) {
  config::InstanceSpec spec;
  static_cast<config::ContainerGroup&>(spec) = *update.group;
  spec.workload = workload.object->metadata.name;
  spec.target = city.target->name;
  spec.city = city.city;
  spec.version = update.version;
  spec.pull_secrets = workload.spec().pull_secrets;
  return spec;
}

// Of two, the one that is missed less, by number the later.
bool is_worth_less(const InstanceView* left, const InstanceView* right) {
  if (left->health != right->health) return left->health < right->health;
  if (left->must_go.empty() != right->must_go.empty()) return !left->must_go.empty();
  return left->spec().number > right->spec().number;
}

std::string first_of(std::string one, std::string other) { return one.empty() ? std::move(other) : one; }

}  // namespace

std::string version_of(const config::Object& workload) {
  const auto& spec = std::get<config::WorkloadSpec>(workload.spec);
  std::string version = config::version_of(spec, spec.pull_secrets);
  const std::string owner = nodelink::tenant_of(workload);
  if (!owner.empty()) version.append("-").append(owner);
  return version;
}

std::string instance_name(std::string_view workload, std::string_view target, std::string_view city,
                          std::uint32_t number) {
  std::string name(workload);
  for (const std::string_view part : {target, city}) name.append("-").append(part);
  return name + '-' + std::to_string(number);
}

struct Placement::Work {
  const WorkloadView& workload;
  const CityView& city;
  const CityUpdate& update;
  Need need;
  std::string_view wanted_why;
  std::vector<const InstanceView*> regulars{};  // those that are replicas, and stay
  std::vector<const InstanceView*> extras{};
  std::set<std::uint32_t> numbers{};

  Wish wish() const { return {workload.object->metadata.name, city.target, city.city, &need}; }
};

std::string Placement::place(const WorkloadView& workload, const CityView& city, const CityUpdate& update,
                             std::string_view wanted_why) {
  Work work{.workload = workload,
            .city = city,
            .update = update,
            .need = need_of(*update.group),
            .wanted_why = wanted_why};
  for (const InstanceView& one : city.instances) {
    (one.is_extra() ? work.extras : work.regulars).push_back(&one);
    work.numbers.insert(one.spec().number);
  }
  std::string why = move_lost(work);
  why = first_of(std::move(why), settle_number(work));
  why = first_of(std::move(why), replace(work));
  while (work.extras.size() < update.extras_wanted) {
    std::string none;
    const std::uint32_t number = free_number(work, none);
    if (number != 0) none = create(work, number, true, "stands in while others are replaced");
    if (none.empty()) continue;
    why = first_of(std::move(why), "nothing can be replaced: " + none);
    break;
  }
  if (!update.under_way) why = first_of(std::move(why), empty_nodes(work));
  if (!update.extras_stay) drop_extras(work);
  return why;
}

// Another node for it, with the version that the city gets. The name stays.
std::string Placement::put(Work& work, const InstanceView& one, std::string reason) {
  const config::InstanceSpec& before = one.spec();
  const Need held = need_of(before);
  board_.give_back(before, held);
  const Board::Node* here = board_.find(before.node);
  const bool may_stay = one.health != Health::kLost && one.must_go.empty() && here != nullptr;
  std::string node = before.node;
  if (!may_stay || !board_.lacks(*here, work.need).empty()) {
    auto found = board_.choose(work.wish(), before.node);
    if (!found) {
      board_.take(before, held);
      return found.error();
    }
    node = std::move(*found);
  }
  config::InstanceSpec after = blank(work.workload, work.city, work.update);
  after.number = before.number;
  after.node = std::move(node);
  after.placed_at = now_;
  board_.take(after, work.need);
  // The ports of what could not be started may still be held by podman.
  const bool keeps_ports = after.node == before.node && one.health == Health::kReady;
  board_.set_ports(after, keeps_ports ? &before : nullptr);
  placed_.push_back({one.object, std::move(after), one.name(), one.is_extra(), std::move(reason)});
  return {};
}

std::string Placement::move_lost(Work& work) {
  std::string why;
  for (const InstanceView& one : work.city.instances) {
    if (one.health != Health::kLost) continue;
    const std::string none = put(work, one, one.reason);
    if (!none.empty())
      why = first_of(std::move(why), one.name() + " is lost, and nobody can take it: " + none);
  }
  return why;
}

std::string Placement::replace(Work& work) {
  std::string why;
  for (const std::uint32_t number : work.update.replaced) {
    const auto one = std::ranges::find_if(
        work.city.instances, [&](const InstanceView& view) { return view.spec().number == number; });
    if (one == work.city.instances.end() || one->health == Health::kLost) continue;
    if (std::ranges::any_of(placed_, [&](const Placed& done) { return done.before == one->object; }))
      continue;
    const std::string none = put(work, *one, "is given the version " + work.update.version);
    if (!none.empty()) why = first_of(std::move(why), one->name() + " can't be replaced: " + none);
  }
  return why;
}

// 0: none, and why.
std::uint32_t Placement::free_number(const Work& work, std::string& why) {
  for (std::uint32_t number = 1; number <= kNumberMax; ++number) {
    if (work.numbers.contains(number)) continue;
    const std::string name =
        instance_name(work.workload.object->metadata.name, work.city.target->name, work.city.city, number);
    if (name.size() > kHostNameBytesMax) {
      why = "the name " + name + " would be longer than a host's can be, 63 characters";
      return 0;
    }
    if (!named_.contains(name) && !is_taken_(name)) return number;
  }
  why = "all numbers are taken";
  return 0;
}

std::string Placement::create(Work& work, std::uint32_t number, bool is_extra, std::string reason) {
  auto node = board_.choose(work.wish());
  if (!node) return "no room for another instance: " + node.error();
  config::InstanceSpec spec = blank(work.workload, work.city, work.update);
  spec.number = number;
  spec.node = std::move(*node);
  spec.placed_at = now_;
  board_.take(spec, work.need);
  board_.set_ports(spec, nullptr);
  work.numbers.insert(number);
  std::string name = instance_name(spec.workload, spec.target, spec.city, number);
  named_.insert(name);
  placed_.push_back({nullptr, std::move(spec), std::move(name), is_extra, std::move(reason)});
  if (is_extra) work.extras.push_back(nullptr);
  return {};
}

// As many replicas as are wanted.
std::string Placement::settle_number(Work& work) {
  const std::size_t want = work.city.want;
  const std::string counted = std::to_string(work.regulars.size()) + " of " + std::to_string(want);
  const std::string reason = work.wanted_why.empty() ? "there are " + counted : std::string(work.wanted_why);
  for (std::size_t made = work.regulars.size(); made < want; ++made) {
    std::string why;
    const std::uint32_t number = free_number(work, why);
    if (number != 0) why = create(work, number, false, reason);
    if (!why.empty()) return why;
  }
  if (work.regulars.size() > want) std::ranges::sort(work.regulars, is_worth_less);
  while (work.regulars.size() > want) {
    remove(work.regulars.front()->object, reason);
    work.regulars.erase(work.regulars.begin());
  }
  return {};
}

// One at a time, and for each one another first.
std::string Placement::empty_nodes(Work& work) {
  const auto goes = std::ranges::find_if(work.regulars, [](const InstanceView* one) {
    return !one->must_go.empty() && one->health != Health::kLost;
  });
  if (goes == work.regulars.end()) return {};
  const std::string node = (*goes)->spec().node;
  const auto stands_in = std::ranges::find_if(work.extras, [&](const InstanceView* one) {
    return one != nullptr && one->must_go.empty() && one->spec().version == work.update.version;
  });
  if (stands_in == work.extras.end()) {
    if (moving_[node] >= kMovesMax) return {};
    std::string why;
    const std::uint32_t number = free_number(work, why);
    if (number != 0)
      why = create(work, number, true, "takes the place of " + (*goes)->name() + ": " + (*goes)->must_go);
    if (why.empty()) ++moving_[node];
    return why.empty() ? why : (*goes)->name() + " can't leave, " + (*goes)->must_go + ": " + why;
  }
  ++moving_[node];
  const InstanceView* next = *stands_in;
  work.extras.erase(stands_in);
  if (next->health != Health::kReady) return {};
  placed_.push_back(
      {next->object, next->spec(), next->name(), false, "has taken the place of " + (*goes)->name()});
  remove((*goes)->object, (*goes)->must_go + ", and " + next->name() + " has taken its place");
  return {};
}

void Placement::drop_extras(Work& work) {
  for (const InstanceView* one : work.extras) {
    if (one != nullptr) remove(one->object, "nothing is replaced any more");
  }
}

void Placement::remove(const config::ObjectPointer& instance, std::string reason) {
  const auto moved = std::ranges::find_if(placed_, [&](const Placed& one) { return one.before == instance; });
  const bool was_moved = moved != placed_.end() && moved->after;
  const auto& spec = was_moved ? *moved->after : std::get<config::InstanceSpec>(instance->spec);
  board_.give_back(spec, need_of(spec));
  if (moved != placed_.end()) placed_.erase(moved);
  placed_.push_back({instance, std::nullopt, instance->metadata.name, false, std::move(reason)});
}

}  // namespace weir::workload
