// Any text as a master file: reading ends, and each record that is read is written as a line that reads back
// to the same octets.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "dns/rdata.h"
#include "dns/zone_file.h"

namespace {

using namespace weir;
using namespace weir::dns;

void check_record(const ZoneRecord& record) {
  WEIR_CHECK(name_size(record.owner) == record.owner.size());
  WEIR_CHECK(record.ttl_seconds <= kTtlSecondsMax && record.rdata.size() <= kRdataBytesMax);
  std::string line;
  write_record(line, record);
  int found = 0;
  const auto again = read_zone_file(line, Name(), [&](const ZoneRecord& other) -> Result<void> {
    WEIR_CHECK(same_bytes(other.owner, record.owner) && same_bytes(other.rdata, record.rdata));
    WEIR_CHECK(other.type == record.type && other.ttl_seconds == record.ttl_seconds);
    ++found;
    return {};
  });
  WEIR_CHECK(again.has_value() && found == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto done =
      read_zone_file(text, *Name::parse("example.", Name()), [](const ZoneRecord& record) -> Result<void> {
        check_record(record);
        return {};
      });
  if (!done) WEIR_CHECK(done.error().line > 0 && done.error().error.text[0] != 0);
  return 0;
}
