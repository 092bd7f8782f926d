#include "nameserver/computed_weights.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <string_view>

#include "config/kinds.h"

namespace weir::nameserver {
namespace {

// What a part of config::kSharesAll is divided into at most, so that schedules stay short. Beyond it, weights
// within a provider are rounded.
constexpr std::uint64_t kPartsMax = 16;

std::uint32_t share_of(const config::DnsWeightsSpec& computed, std::string_view provider) {
  const auto share = std::ranges::find(computed.providers, provider, &config::ProviderWeight::provider);
  return share == computed.providers.end() ? 0 : share->weight;
}

}  // namespace

void weigh(const config::DnsWeightsSpec& computed, std::span<Answer> answers) {
  std::map<std::string_view, std::uint64_t> healthy;
  std::map<std::string_view, std::uint64_t> all;
  for (const Answer& answer : answers) {
    all[answer.provider] += answer.weight;
    if (answer.healthy) healthy[answer.provider] += answer.weight;
  }
  const bool shared = std::ranges::any_of(
      healthy, [&computed](const auto& one) { return one.second > 0 && share_of(computed, one.first) > 0; });
  if (!shared) return;
  std::uint64_t parts = 1;
  for (auto& [provider, sum] : all) {
    if (const std::uint64_t better = healthy[provider]; better > 0) sum = better;
    if (sum > 0 && parts < kPartsMax) parts = std::min(kPartsMax, std::lcm(parts, sum));
  }
  for (Answer& answer : answers) {
    if (answer.weight == 0) continue;
    const std::uint64_t share = share_of(computed, answer.provider);
    const std::uint64_t sum = all[answer.provider];
    const std::uint64_t weight = (parts * share * answer.weight + sum / 2) / sum;
    answer.weight = static_cast<std::uint32_t>(share == 0 ? 0 : std::max<std::uint64_t>(1, weight));
  }
}

std::string weights_reason(const config::RecordSet& records) {
  if (!records.weights) return "weights are as written, since none are computed yet";
  std::string text;
  for (const config::ProviderWeight& one : records.weights->providers) {
    text += (text.empty() ? "" : "; ") + config::sentence_of(one);
  }
  return text;
}

}  // namespace weir::nameserver
