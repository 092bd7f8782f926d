#include "dnspeer/transfer.h"

#include <algorithm>
#include <utility>

#include "dns/codes.h"
#include "dns/message.h"
#include "dns/rdata.h"
#include "dns/reply.h"

namespace weir::dnspeer {
namespace {

using dns::Bytes;

constexpr std::size_t kAnswer = 1;  // section of a message

std::optional<std::uint32_t> serial_in(Bytes message, const dns::Record& record) {
  constexpr std::size_t kNumbersBytes = 20;
  dns::Octets rdata;
  if (record.type != dns::Type::kSoa || !dns::copy_rdata(message, record, rdata)) return std::nullopt;
  return dns::load_u32(&rdata[rdata.size() - kNumbersBytes]);
}

}  // namespace

std::optional<TransferQuestion> read_transfer(Bytes message) {
  auto reader = dns::MessageReader::start(message);
  if (!reader || reader->header().counts[0] != 1 || reader->header().counts[1] != 0) return std::nullopt;
  const auto question = reader->question();
  if (!question || question->record_class != dns::kClassIn) return std::nullopt;
  if (dns::name_size(message.subspan(dns::kHeaderBytes)) == 0) return std::nullopt;  // a pointer
  TransferQuestion read{.zone = question->name, .type = question->type};
  if (read.type != dns::Type::kIxfr) return read;
  if (reader->header().counts[2] != 1) return std::nullopt;
  const auto record = reader->record();
  const auto serial = record ? serial_in(message, *record) : std::nullopt;
  if (!serial) return std::nullopt;
  read.serial = *serial;
  return read;
}

Transfer::Transfer(TransferSource source, Bytes message, const TransferQuestion& question, bool is_stream)
    : source_(std::move(source)), node_(source_.zone->first()) {
  const std::size_t name = dns::name_size(message.subspan(dns::kHeaderBytes));
  const Bytes head = message.first(dns::kHeaderBytes + name + 4);
  head_.assign(head.begin(), head.end());
  if (question.type != dns::Type::kIxfr) return;
  soa_alone_ = !is_stream || !dns::is_older(question.serial, source_.zone->serial());
  if (soa_alone_ || !source_.history) return;
  differences_ = source_.history->since(question.serial);
  if (!differences_.empty() && differences_.back()->to != source_.zone->serial()) differences_.clear();
}

Transfer::Item Transfer::soa() const {
  const dns::Node& apex = *source_.zone->first();
  return {source_.zone->apex(), dns::packed_of(apex, *dns::set_of(apex, dns::Type::kSoa))};
}

// The SOA first, then what there is, then the SOA again (RFC 5936 section 2.2).
std::optional<Transfer::Item> Transfer::next_item() {
  if (!begun_) {
    begun_ = true;
    ended_ = soa_alone_;
    return soa();
  }
  if (ended_) return std::nullopt;
  auto item = differences_.empty() ? next_of_zone() : next_of_differences();
  if (item) return item;
  ended_ = true;
  return soa();
}

bool Transfer::next_set() {
  for (; node_ != nullptr; node_ = source_.zone->next(node_), set_ = 0) {
    while (set_ < dns::sets_of(*node_).size()) {
      const dns::RecordSet& set = dns::sets_of(*node_)[set_++];
      if (set.type == dns::Type::kSoa) continue;
      if (set.steered != 0) {
        steered_ = source_.steered(set.value, set.type);
        packed_ = steered_;
      } else {
        packed_ = dns::packed_of(*node_, set);
      }
      if (!packed_.empty()) return true;
    }
  }
  return false;
}

std::optional<Transfer::Item> Transfer::next_of_zone() {
  if (packed_.empty() && !next_set()) return std::nullopt;
  const Item item{dns::name_of(*node_), dns::first_record(packed_)};
  packed_ = packed_.subspan(item.packed.size());
  return item;
}

// Each difference: the old SOA, what went, the new SOA, what came (RFC 1995 section 4).
std::optional<Transfer::Item> Transfer::next_of_differences() {
  for (; difference_ < differences_.size(); ++difference_, record_ = 0) {
    const Difference& one = *differences_[difference_];
    const std::size_t place = record_++;
    if (place < one.removed.size()) return Item{one.removed[place].owner, one.removed[place].packed};
    const std::size_t added = place - one.removed.size();
    if (added < one.added.size()) return Item{one.added[added].owner, one.added[added].packed};
  }
  return std::nullopt;
}

std::size_t Transfer::next(std::span<std::uint8_t> room, std::size_t reserved) {
  if (!item_) item_ = next_item();
  if (!item_) return 0;
  const auto at_most = std::min(room.size(), dns::kMessageBytesMax);
  std::size_t limit = std::min(at_most, kTransferBytes);
  const Bytes question = Bytes(head_).subspan(dns::kHeaderBytes);
  const std::uint16_t flags =
      (dns::load_u16(&head_[2]) & dns::kFlagRecursionDesired) | dns::kFlagResponse | dns::kFlagAuthoritative;
  for (;;) {
    dns::Reply reply(room, limit, reserved, question);
    reply.compress();
    std::size_t count = 0;
    while (item_) {
      const auto mark = reply.mark();
      const dns::Place owner{item_->owner, 0};
      if (!reply.write_set(kAnswer, item_->packed, 1, owner)) {
        reply.rewind(mark);
        break;
      }
      ++count;
      item_ = next_item();
    }
    if (count == 0) {
      if (limit == at_most) return 0;
      limit = at_most;
      continue;
    }
    return reply.finish(dns::load_u16(head_.data()), flags, nullptr, dns::Rcode::kNoError);
  }
}

}  // namespace weir::dnspeer
