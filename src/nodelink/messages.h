// What goes over a stream of weir.v1.Nodes, as values and as messages: NodeReport from the node, an Order
// from the controller. What goes beyond the limits is refused. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "nodelink/values.h"

namespace weir::nodelink {

// The method.
inline constexpr std::string_view kAttachPath = "/weir.v1.Nodes/Attach";

// --- limits
inline constexpr std::size_t kTextBytesMax = 1024;   // each text of a report
inline constexpr std::size_t kReportSeenMax = 1000;  // instances in a report
inline constexpr std::size_t kReportGoneMax = 1000;
inline constexpr std::size_t kAssignedMax = 1000;  // instances of a node
// An instance with its variables from secrets: far below a message of gRPC, and a node's whole assignment
// still fits into memory.
inline constexpr std::size_t kAssignedBytesMax = std::size_t{256} << 10U;
inline constexpr std::size_t kPullCredentialsMax = 1000;
inline constexpr std::size_t kCredentialBytesMax = 4096;  // each of their texts: as a Secret's value
// Of a message with instances, before it gets the last of them.
inline constexpr std::size_t kPartBytes = std::size_t{512} << 10U;
using channel::kOpenBytesMax;

// weir.v1.NodeReport
std::string serialize(const NodeReport& report);
Result<NodeReport> parse_report(std::string_view message);

// A part of an assignment. Those of one follow each other.
struct Part {
  Assignment assignment;
  bool more = false;  // it is not the last
  friend bool operator==(const Part&, const Part&) = default;
};

// weir.v1.NodeOrder
using Order = std::variant<Part, Open>;
std::string serialize(const Open& open);
// The messages that tell it, one after the other.
std::vector<std::string> serialize(const Assignment& assignment);
Result<Order> parse_order(std::string_view message);

// Puts parts together. A value.
class Gathering {
 public:
  // Null: it goes on, or (fail) what came does not fit together. What it points to lasts until the next call.
  Result<const Assignment*> add(Part part);

 private:
  Assignment assignment_;
  bool begun_ = false;
  bool done_ = false;
};

// As one text, to be kept.
std::string text_of(const Assignment& assignment);
Result<Assignment> parse_assignment(std::string_view text);

}  // namespace weir::nodelink
