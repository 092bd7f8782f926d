// JSON and YAML in: never a crash; what is accepted is canonical after one round, and compares equal; what is
// refused says where. The first byte chooses who reads the rest.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "config/documents.h"
#include "config/formats.h"
#include "config/object.h"
#include "config/snapshot.h"
#include "config/whole.h"

namespace {

using namespace weir::config;

void check_violations(const Violations& violations) {
  WEIR_CHECK(!violations.empty());
  for (const Violation& violation : violations) {
    WEIR_CHECK(!violation.message.empty());
    WEIR_CHECK(is_utf8(violation.field) && is_utf8(violation.message) && is_utf8(violation.object));
  }
}

void check_object(const Object& object) {
  const std::string text = to_json(object, Secrets::kKeep);
  const auto back = parse_object(text, Origin::kStore);
  WEIR_CHECK(back.has_value());
  WEIR_CHECK(*back == object);
  WEIR_CHECK(to_json(*back, Secrets::kKeep) == text);
  WEIR_CHECK(diff(object, *back).empty());
  const auto shown = to_json(object, Secrets::kHide);
  const auto yaml = to_yaml(shown);
  WEIR_CHECK(yaml.has_value());
}

void try_json(std::string_view text, Origin origin) {
  const auto object = parse_object(text, origin);
  if (object) {
    check_object(*object);
  } else {
    check_violations(object.error());
  }
}

void try_yaml(std::string_view text) {
  const auto documents = read_yaml(text);
  if (!documents) return check_violations(documents.error());
  Whole whole;
  for (const Document& document : *documents) {
    WEIR_CHECK(document.line >= 1);
    if (auto object = parse_object(document.json, Origin::kClient)) {
      check_object(*object);
      whole.put(std::make_shared<const Object>(std::move(*object)));
    }
  }
  WEIR_CHECK(whole.holds() == whole.violations().empty());
  const auto snapshot = build_snapshot(1, whole);
  WEIR_CHECK(snapshot.has_value() == whole.holds());
  if (!snapshot) return;
  const auto back = read_snapshot(snapshot_text(**snapshot));
  WEIR_CHECK(back.has_value());
  const auto same = [](const auto& one, const auto& other) { return *one == *other; };
  WEIR_CHECK(std::ranges::equal((*back)->services, (*snapshot)->services, same));
  WEIR_CHECK(std::ranges::equal((*back)->load_balancers, (*snapshot)->load_balancers, same));
}

void try_patch(std::string_view text) {
  const std::size_t half = text.find('\n');
  if (half == std::string_view::npos) return;
  const auto patched = merge_patch(text.substr(0, half), text.substr(half + 1));
  if (patched) try_json(*patched, Origin::kClient);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'j': try_json(text, Origin::kClient); break;
    case 's': try_json(text, Origin::kStore); break;
    case 'p': try_patch(text); break;
    default: try_yaml(text); break;
  }
  return 0;
}
