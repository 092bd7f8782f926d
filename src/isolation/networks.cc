#include "isolation/networks.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "auth/crypto.h"
#include "base/text.h"
#include "config/formats.h"

namespace weir::isolation {
namespace {

using podman::Told;
using podman::Trouble;

constexpr std::size_t kDigestBytes = 16;
constexpr std::size_t kInterfaceDigits = 9;

std::string digest(std::string_view text) {
  const auth::Digest all = auth::sha256({auth::bytes_of(text)});
  return to_hex(std::span(all).first(kDigestBytes));
}

// Another one each time: one that an earlier network has left behind, or another podman of this machine has,
// has addresses of its own. 15 bytes, as many as Linux lets.
std::string new_interface(Random& random) {
  const std::uint64_t bits = random.next();
  return std::string(kInterfacePrefix) +
         to_hex(std::as_bytes(std::span(&bits, 1))).substr(0, kInterfaceDigits);
}

}  // namespace

std::string network_of(std::string_view owner) {
  if (owner.empty()) return "weir";
  // The dot keeps it from being a name that an owner can have.
  return "weir-" + (config::check_name(owner).empty() ? std::string(owner) : "x." + digest(owner));
}

net::Task<Told<void>> Networks::guard() {
  if (!guard_) co_return Told<void>{};
  co_return co_await guard_();
}

net::Task<Told<void>> Networks::ensure(std::string_view owner) {
  std::string whose(owner);
  if (!co_await turn_.enter()) {
    co_return std::unexpected(Trouble{Trouble::Kind::kCancelled, "told to stop"});
  }
  auto guarded = co_await guard();
  auto made = guarded ? co_await make(std::move(whose)) : std::move(guarded);
  turn_.leave();
  co_return made;
}

net::Task<Told<void>> Networks::make(std::string owner) {
  const std::string name = network_of(owner);
  const auto all = co_await podman_.list_networks();
  if (!all) co_return std::unexpected(all.error());
  const auto found = std::ranges::find(*all, name, &podman::Network::name);
  if (found == all->end()) {
    podman::Labels labels = labels_;
    labels.emplace(kOwnerLabel, owner);
    co_return co_await podman_.create_network(
        {.name = name, .interface = new_interface(env_.random), .labels = std::move(labels)});
  }
  if (found->labels.contains(kOwnerLabel)) co_return Told<void>{};
  co_return std::unexpected(Trouble{Trouble::Kind::kRefused, "the network " + name + " is not weir's"});
}

net::Task<bool> Networks::tidy(std::function<bool(const std::string& network)> used) {
  if (!co_await turn_.enter()) co_return false;
  const bool done = co_await remove_unused(used);
  turn_.leave();
  co_return done;
}

net::Task<bool> Networks::remove_unused(const std::function<bool(const std::string& network)>& used) {
  const auto all = co_await podman_.list_networks();
  if (!all) co_return false;
  bool done = true;
  for (const podman::Network& one : *all) {
    const bool is_ours =
        one.labels.contains(kOwnerLabel) && std::ranges::all_of(labels_, [&](const auto& label) {
          const auto found = one.labels.find(label.first);
          return found != one.labels.end() && found->second == label.second;
        });
    if (is_ours && !used(one.name)) done &= (co_await podman_.remove_network(one.name)).has_value();
  }
  co_return done;
}

}  // namespace weir::isolation
