// The first two octets are a type, the others its data: what is checked has a text that means the same
// octets, and copying it out of a message changes nothing. As data within a message, it is copied to what is
// checked.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "dns/rdata.h"

namespace {

using namespace weir;
using namespace weir::dns;

void check_text(Type type, Bytes rdata) {
  std::string text;
  write_rdata(text, type, rdata);
  const auto again = read_rdata(type, text, Name());
  WEIR_CHECK(again && same_bytes(*again, rdata));
}

void check_names(Type type, Bytes rdata) {
  const NamePlaces places = names_in(type, rdata);
  for (std::size_t i = 0; i < places.count; ++i) WEIR_CHECK(name_size(rdata.subspan(places.at[i])) > 0);
  if (const auto target = target_of(type, rdata))
    WEIR_CHECK(places.count == 1 && name_size(*target) == target->size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > kRdataBytesMax) return 0;
  const Bytes message(data, size);
  Record record;
  record.type = Type{load_u16(data)};
  record.rdata_at = 2;  // names in it may point to the type, and to data before them
  record.rdata = message.subspan(2);
  Octets copied;
  const auto done = copy_rdata(message, record, copied);
  if (done) {
    WEIR_CHECK(check_rdata(record.type, copied).has_value());
    check_text(record.type, copied);
    check_names(record.type, copied);
  }
  if (!check_rdata(record.type, record.rdata)) {
    std::string text;
    write_rdata(text, record.type, record.rdata);  // as octets
    WEIR_CHECK(text.starts_with("\\# "));
    return 0;
  }
  WEIR_CHECK(done && same_bytes(copied, record.rdata));
  return 0;
}
