// Bytes from a controller, or from a node's disk: what is taken for an order or an assignment stays within
// the limits, and written again it is the same.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "base/check.h"
#include "nodelink/messages.h"

namespace {

using namespace weir::nodelink;

void judge(const Assignment& assignment) {
  WEIR_CHECK(assignment.instances.size() <= kAssignedMax);
  WEIR_CHECK(assignment.pull_credentials.size() <= kPullCredentialsMax);
  const auto again = parse_assignment(text_of(assignment));
  WEIR_CHECK(again.has_value() && *again == assignment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto kept = parse_assignment(text)) judge(*kept);
  const auto order = parse_order(text);
  if (!order) return 0;
  if (const auto* part = std::get_if<Part>(&*order)) {
    judge(part->assignment);
    return 0;
  }
  const auto again = parse_order(serialize(std::get<Open>(*order)));
  WEIR_CHECK(again.has_value() && *again == *order);
  return 0;
}
