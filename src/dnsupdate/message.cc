#include "dnsupdate/message.h"

#include <utility>

#include "dns/message.h"
#include "dns/rdata.h"

namespace weir::dnsupdate {
namespace {

std::unexpected<UpdateRefusal> refuse(dns::Rcode rcode, const char* reason) {
  return std::unexpected(UpdateRefusal{rcode, reason});
}

// RFC 2136 section 3.2.4: what a prerequisite may look like.
bool is_prerequisite(const dns::Record& record) {
  if (record.ttl_seconds != 0) return false;
  switch (record.record_class) {
    case dns::kClassAny:
    case dns::kClassNone:
      return record.rdata.empty() && (record.type == dns::Type::kAny || !dns::is_meta(record.type));
    case dns::kClassIn: return !dns::is_meta(record.type);
    default: return false;
  }
}

// Section 3.4.1.3: the same of a change.
bool is_change(const dns::Record& record) {
  switch (record.record_class) {
    case dns::kClassIn: return !dns::is_meta(record.type) && record.ttl_seconds <= 0x7fffffff;
    case dns::kClassAny:
      return record.ttl_seconds == 0 && record.rdata.empty() &&
             (record.type == dns::Type::kAny || !dns::is_meta(record.type));
    case dns::kClassNone: return record.ttl_seconds == 0 && !dns::is_meta(record.type);
    default: return false;
  }
}

// Whether its data counts: of the others there is none.
bool has_data(const dns::Record& record, bool is_prerequisite) {
  return record.record_class == dns::kClassIn || (record.record_class == dns::kClassNone && !is_prerequisite);
}

std::expected<void, UpdateRefusal> read_section(dns::Bytes message, dns::MessageReader& reader,
                                                bool prerequisites, Update& update) {
  const unsigned count = reader.header().counts[prerequisites ? 1 : 2];
  for (unsigned i = 0; i < count; ++i) {
    const auto record = reader.record();
    if (!record) return refuse(dns::Rcode::kFormErr, record.error().text);
    if (!(prerequisites ? is_prerequisite(*record) : is_change(*record))) {
      return refuse(dns::Rcode::kFormErr, "a record's class, TTL and data do not go together");
    }
    if (!dns::is_within(record->owner.wire(), update.zone.wire())) {
      return refuse(dns::Rcode::kNotZone, "a record is not within the zone");
    }
    UpdateRecord read{.owner = record->owner,
                      .type = record->type,
                      .record_class = record->record_class,
                      .ttl_seconds = record->ttl_seconds,
                      .rdata = {}};
    if (has_data(*record, prerequisites)) {
      if (const auto copied = dns::copy_rdata(message, *record, read.rdata); !copied) {
        return refuse(dns::Rcode::kFormErr, copied.error().text);
      }
    }
    (prerequisites ? update.prerequisites : update.changes).push_back(std::move(read));
  }
  return {};
}

}  // namespace

std::expected<Update, UpdateRefusal> read_update(dns::Bytes message) {
  auto reader = dns::MessageReader::start(message);
  if (!reader) return refuse(dns::Rcode::kFormErr, reader.error().text);
  const auto& counts = reader->header().counts;
  if (counts[0] != 1) return refuse(dns::Rcode::kFormErr, "an update is of one zone");
  const auto zone = reader->question();
  if (!zone) return refuse(dns::Rcode::kFormErr, zone.error().text);
  if (zone->type != dns::Type::kSoa) return refuse(dns::Rcode::kFormErr, "the zone's type is not SOA");
  if (zone->record_class != dns::kClassIn) return refuse(dns::Rcode::kNotAuth, "the class is not IN");
  if (0U + counts[1] + counts[2] > kUpdateRecordsMax) {
    return refuse(dns::Rcode::kRefused, "it has more than 1,000 records");
  }
  Update update{.zone = zone->name, .prerequisites = {}, .changes = {}};
  for (const bool prerequisites : {true, false}) {
    if (auto read = read_section(message, *reader, prerequisites, update); !read) {
      return std::unexpected(read.error());
    }
  }
  for (unsigned i = 0; i < counts[3]; ++i) {
    if (const auto record = reader->record(); !record) {
      return refuse(dns::Rcode::kFormErr, record.error().text);
    }
  }
  if (!reader->at_end()) return refuse(dns::Rcode::kFormErr, "octets follow the last record");
  return update;
}

}  // namespace weir::dnsupdate
