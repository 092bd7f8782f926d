// Any octets as a message: reading ends, stays within it, and what is read as a name is one whose text means
// the same name.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "dns/message.h"

namespace {

using namespace weir::dns;

void check_name(const Name& name) {
  WEIR_CHECK(name_size(name.wire()) == name.wire().size());
  const auto again = Name::parse(name.to_text(), Name());
  WEIR_CHECK(again && same_bytes(again->wire(), name.wire()));
  const HashedName hashed(name.wire());
  WEIR_CHECK(same_name(hashed.wire(), name.wire()) && hashed.labels() <= kLabelsMax);
  WEIR_CHECK(canonical_order(hashed.wire(), name.wire()) == 0 && is_within(name.wire(), hashed.suffix(0)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes message(data, size);
  auto reader = MessageReader::start(message);
  if (!reader) return 0;
  const Header& header = reader->header();
  for (unsigned i = 0; i < header.counts[0]; ++i) {
    const auto question = reader->question();
    if (!question) return 0;
    check_name(question->name);
  }
  const unsigned records = 0U + header.counts[1] + header.counts[2] + header.counts[3];
  for (unsigned i = 0; i < records; ++i) {
    const auto record = reader->record();
    if (!record) return 0;
    check_name(record->owner);
    WEIR_CHECK(record->rdata_at + record->rdata.size() <= size);
  }
  return 0;
}
