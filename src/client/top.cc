#include "client/top.h"

#include <fmt/core.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "client/terminal.h"

namespace weir::client {
namespace {

constexpr std::size_t kNameWidthMin = 24;

// A column of numbers, and the key that orders by it.
struct TopColumn {
  std::string_view title;
  char key;
  TopOrder order;
  std::string_view series;
  std::optional<double> TopRow::* value;
};
constexpr std::array kColumns{
    TopColumn{"REQ/S", 'r', TopOrder::kRequests, "requests", &TopRow::requests},
    TopColumn{"ERR/S", 'e', TopOrder::kErrors, "errors", &TopRow::errors},
    TopColumn{"P50 MS", '5', TopOrder::kP50, "p50", &TopRow::p50},
    TopColumn{"P99 MS", '9', TopOrder::kP99, "p99", &TopRow::p99},
    TopColumn{"IN FLIGHT", 'f', TopOrder::kInFlight, "in_flight", &TopRow::in_flight}};
constexpr std::string_view kKeys = "q quit   order: n name, r requests, e errors, 5 p50, 9 p99, f in flight";

std::string shown(const std::optional<double>& value) {
  if (!value) return "-";
  if (*value == 0) return "0";
  return *value >= 100 ? fmt::format("{:.0f}", *value) : fmt::format("{:.1f}", *value);
}

// Of a service: endpoints that may serve, of all; of an edge: those that it finds healthy; of a load
// balancer: edges that have it, of all.
std::string health_of(std::string_view kind, const Tree& object) {
  if (kind != "service") return text_at(object, kind == "edge" ? "/status/endpoints" : "/status/applied");
  const std::string total = text_at(object, "/status/total");
  return total.empty() ? total : text_at(object, "/status/serving") + '/' + total;
}

TopRow& row_of(TopSection& section, std::string_view name) {
  const auto place = std::ranges::lower_bound(section.rows, name, {},
                                              [](const TopRow& row) -> std::string_view { return row.name; });
  if (place != section.rows.end() && place->name == name) return *place;
  return *section.rows.insert(place, {.name = std::string(name)});
}

// The last one that is known.
std::optional<double> last_of(const Tree& values) {
  if (!values.is_array()) return std::nullopt;
  for (auto value = values.rbegin(); value != values.rend(); ++value) {
    if (value->is_number()) return value->get<double>();
  }
  return std::nullopt;
}

std::vector<TopRow> ordered(const TopSection& section, TopOrder order) {
  std::vector<TopRow> rows = section.rows;
  const auto* column = std::ranges::find(kColumns, order, &TopColumn::order);
  if (column == kColumns.end()) return rows;
  std::sort(rows.begin(), rows.end(), [column](const TopRow& left, const TopRow& right) {
    const double of_left = (left.*column->value).value_or(-1);
    const double of_right = (right.*column->value).value_or(-1);
    return of_left != of_right ? of_left > of_right : left.name < right.name;
  });
  return rows;
}

struct TopLine {
  std::string text;
  bool is_title = false;
  bool is_bad = false;
};

TopLine line_of(const TopRow& row, std::size_t width) {
  TopLine line{.text = fmt::format("{:<{}}", printable(row.name), width)};
  for (const TopColumn& column : kColumns) line.text += fmt::format(" {:>9}", shown(row.*column.value));
  line.text += fmt::format("  {}", row.health.empty() ? "-" : printable(row.health));
  line.is_bad = row.errors.value_or(0) > 0;
  return line;
}

std::vector<TopLine> lines_of(const TopPicture& picture, TopOrder order) {
  std::size_t width = kNameWidthMin;
  for (const TopSection& section : picture.sections) {
    for (const TopRow& row : section.rows) width = std::max(width, row.name.size());
  }
  std::vector<TopLine> lines;
  for (const TopSection& section : picture.sections) {
    if (!lines.empty()) lines.emplace_back();
    TopLine title{.text = fmt::format("{:<{}}", section.title, width), .is_title = true};
    for (const TopColumn& column : kColumns) title.text += fmt::format(" {:>9}", column.title);
    title.text += "  HEALTH";
    lines.push_back(std::move(title));
    for (const TopRow& row : ordered(section, order)) lines.push_back(line_of(row, width));
  }
  return lines;
}

}  // namespace

std::optional<TopOrder> order_of(char key) {
  if (key == 'n') return TopOrder::kName;
  const auto* column = std::ranges::find(kColumns, key, &TopColumn::key);
  if (column == kColumns.end()) return std::nullopt;
  return column->order;
}

TopSection section_of(std::string_view kind, const std::vector<Tree>& objects, const Tree& metrics) {
  TopSection section;
  for (const Tree& object : objects) {
    row_of(section, text_at(object, "/metadata/name")).health = health_of(kind, object);
  }
  for (const Tree& series : at(metrics, "/series")) {
    const std::string name = text_at(series, "/labels/" + std::string(kind));
    const auto* column = std::ranges::find(kColumns, text_at(series, "/name"), &TopColumn::series);
    if (name.empty() || column == kColumns.end()) continue;
    row_of(section, name).*column->value = last_of(at(series, "/values"));
  }
  return section;
}

std::string to_text(const TopPicture& picture, TopOrder order) {
  std::string text;
  for (const TopLine& line : lines_of(picture, order)) text.append(line.text).append("\n");
  return text;
}

std::string to_screen(const TopPicture& picture, TopOrder order, const WindowSize& size, bool colour) {
  std::string screen = "\x1b[H";
  std::size_t rows_left = size.rows;
  const auto put = [&](const TopLine& line) {
    if (rows_left == 0) return;
    const char* paint = line.is_title ? "\x1b[7m" : line.is_bad ? "\x1b[31m" : "";
    if (colour) screen += paint;
    screen.append(line.text, 0, size.columns);
    if (colour && *paint != '\0') screen += "\x1b[0m";
    screen += "\x1b[K";
    if (--rows_left > 0) screen += "\r\n";
  };
  put({.text = printable(picture.head)});
  put({.text = picture.trouble.empty() ? std::string(kKeys) : printable(picture.trouble),
       .is_bad = !picture.trouble.empty()});
  for (const TopLine& line : lines_of(picture, order)) put(line);
  return screen + "\x1b[J";
}

}  // namespace weir::client
