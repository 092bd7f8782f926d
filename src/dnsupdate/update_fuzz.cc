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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const dnsupdate::UpdateRequest request{
      .message = std::vector<std::uint8_t>(data, data + size), .secret = "k", .from = {}};
  const auto plan = dnsupdate::plan_update(request, world());
  if (!plan) {
    WEIR_CHECK(plan.error().rcode != dns::Rcode::kNoError && !plan.error().reason.empty());
    return 0;
  }
  for (const config::Object& object : plan->puts) {
    const auto& spec = std::get<config::RecordSetSpec>(object.spec);
    WEIR_CHECK(spec.zone == "a.example" && !spec.values.empty());
    WEIR_CHECK(spec.policy == config::RecordPolicy::kSimple && object.metadata.name != "w");
  }
  return 0;
}
