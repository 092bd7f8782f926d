#include "shipping/collector_lines.h"

#include <algorithm>
#include <span>
#include <utility>

#include "auth/crypto.h"
#include "base/text.h"

namespace weir::shipping {
namespace {

constexpr std::size_t kFolderBytes = 16;

}  // namespace

std::expected<std::unique_ptr<CollectorLines>, std::string> CollectorLines::open(std::string name,
                                                                                 Station& station,
                                                                                 Options options) {
  const auto digest = auth::sha256({auth::bytes_of(options.collector.url)});
  const std::string folder = options.folder + '/' + to_hex(digest).substr(0, kFolderBytes);
  net::Env& env = station.env();
  auto collector = Collector::open(env, std::move(options.collector));
  if (!collector) return std::unexpected(collector.error());
  std::uint64_t seed = 0;  // env's randomness is of its loop
  if (auto filled = net::fill_random(std::as_writable_bytes(std::span(&seed, 1))); !filled) {
    return std::unexpected(sentence_of(filled.error()));
  }
  Random random(seed);
  auto spool = Spool::open(folder, options.spool_bytes_max, random);
  if (!spool) return std::unexpected(folder + ": " + sentence_of(spool.error()));
  std::unique_ptr<CollectorLines> made(new CollectorLines(std::move(name), station));
  made->shipper_ =
      std::make_unique<Shipper>(env, made->name(), std::move(*collector), std::move(*spool), made->counts_);
  station.post([shipper = made->shipper_.get()] { shipper->start(); });
  return made;
}

CollectorLines::~CollectorLines() {
  station_.finish(
      [this] {
        keep_given();
        return shipper_->stop();
      },
      [this] { shipper_.reset(); });
}

void CollectorLines::wake() {
  if (!woken_.exchange(true)) station_.post([this] { keep_given(); });
}

void CollectorLines::keep_given() {
  woken_ = false;
  while (auto batch = take()) {
    shipper_->keep(batch->lines, batch->count);
    give_back(std::move(*batch));
  }
}

std::optional<record::LineTarget::Waiting> CollectorLines::waiting() const {
  Waiting found{.bytes = counts_.waiting_bytes.load(std::memory_order_relaxed), .trouble = counts_.trouble()};
  if (const auto since = counts_.waiting_since_ms.load(std::memory_order_relaxed); since != 0) {
    const auto now = net::SystemClock().wall_now().time_since_epoch().count();
    found.seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(now - since, 0)) / 1000;
  }
  return found;
}

}  // namespace weir::shipping
