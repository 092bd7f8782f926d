// Top: what weir top shows: load balancers, services and edges with what they carry now, out of the API's
// answers; and its picture, for a terminal or as plain text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/objects.h"
#include "client/standard_input.h"

namespace weir::client {

struct TopRow {
  std::string name;
  std::string health;              // "2/3"; empty: nothing is known
  std::optional<double> requests;  // a second
  std::optional<double> errors;    // the same
  std::optional<double> p50;       // milliseconds
  std::optional<double> p99;
  std::optional<double> in_flight;
};

struct TopSection {
  std::string title;
  std::vector<TopRow> rows;  // by name
};

enum class TopOrder : std::uint8_t { kName, kRequests, kErrors, kP50, kP99, kInFlight };
// The order that a key asks for; none: it asks for nothing.
std::optional<TopOrder> order_of(char key);

// What is asked of the API for a section.
inline constexpr std::string_view kTopSeries = "requests,errors,p50,p99,in_flight";

// kind: of the section, "service". objects: those of GET /v1/<kinds>; metrics: what GET /v1/metrics said of
// all of them, the last that is known of each. A name that is no object any more has a row as long as it is
// told of.
TopSection section_of(std::string_view kind, const std::vector<Tree>& objects, const Tree& metrics);

struct TopPicture {
  std::string head;     // "weir top  http://127.0.0.1:8480  12:00:10"
  std::string trouble;  // a sentence; empty: all is well
  std::vector<TopSection> sections;
};
// Lines of plain text.
std::string to_text(const TopPicture& picture, TopOrder order);
// The whole screen, in place of what it shows: from the top left corner on, cut to its size.
std::string to_screen(const TopPicture& picture, TopOrder order, const WindowSize& size, bool colour);

}  // namespace weir::client
