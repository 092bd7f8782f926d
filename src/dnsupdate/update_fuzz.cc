// Any octets as an UPDATE, to a zone that has something of everything: whatever is not refused comes to
// RecordSets that are right by themselves.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "config/documents.h"
#include "config/object.h"
#include "config/whole.h"
#include "dns/zone_file.h"
#include "dnsupdate/plan.h"

namespace {

using namespace weir;

const config::Whole& world() {
  static const config::Whole kWorld = [] {
    config::Whole whole;
    for (const char* text :
         {"{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], updates: [{key: k}], "
          "records: \"f A 192.0.2.9\"}}",
          "{kind: RecordSet, metadata: {name: www}, spec: {zone: a.example, name: www, type: A, values: "
          "[192.0.2.1, 192.0.2.2]}}",
          "{kind: RecordSet, metadata: {name: w}, spec: {zone: a.example, name: w, type: A, policy: "
          "ROUND_ROBIN, values: [192.0.2.1]}}",
          "{kind: RecordSet, metadata: {name: c}, spec: {zone: a.example, name: c, type: CNAME, values: "
          "[www]}}"}) {
      auto object = config::parse_object(config::read_yaml(text)->front().json, config::Origin::kClient);
      WEIR_CHECK(object.has_value());
      whole.put(std::make_shared<const config::Object>(std::move(*object)));
    }
    return whole;
  }();
  return kWorld;
}

std::shared_ptr<const dns::Zone> file() {
  static const auto kZone = [] {
    const dns::Name apex = *dns::Name::parse("a.example.", dns::Name());
    dns::ZoneBuilder builder(apex.wire());
    const auto sink = [&builder](const dns::ZoneRecord& record) {
      return builder.add(record.owner, record.type, record.ttl_seconds, record.rdata);
    };
    WEIR_CHECK(
        dns::read_zone_file("@ 9 SOA n h 1 2 3 4 5\n@ 9 NS n\nwww 9 A 192.0.2.3\ng 9 A 192.0.2.4\n"
                            "c 9 TXT a\nd.e 9 CNAME www\n",
                            apex, sink));
    return std::make_shared<const dns::Zone>(*std::move(builder).build());
  }();
  return kZone;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const dnsupdate::UpdateRequest request{
      .message = std::vector<std::uint8_t>(data, data + size), .secret = "k", .from = {}, .file = file()};
  const auto plan = dnsupdate::plan_update(request, world());
  if (!plan) {
    WEIR_CHECK(plan.error().rcode != dns::Rcode::kNoError && !plan.error().reason.empty());
    return 0;
  }
  for (const config::Object& object : plan->puts) {
    const auto& spec = std::get<config::RecordSetSpec>(object.spec);
    WEIR_CHECK(spec.zone == "a.example" && !spec.values.empty());
    WEIR_CHECK(spec.policy == config::RecordPolicy::kSimple && object.metadata.name != "w");
    WEIR_CHECK(spec.name != "g" || spec.type != config::RecordType::kA);  // which the file has
  }
  return 0;
}
