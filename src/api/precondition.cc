#include "api/precondition.h"

#include <algorithm>

#include "base/text.h"

namespace weir::api {
namespace {

using http::Known;

std::optional<store::Revision> revision_in(std::string_view tag) {
  if (tag.size() < 3 || !tag.starts_with('"') || !tag.ends_with('"')) return std::nullopt;
  return parse_decimal(tag.substr(1, tag.size() - 2));
}

}  // namespace

bool Precondition::met_by(store::Revision revision) const {
  return match_any || std::ranges::find(match, revision) != match.end();
}

Answer<Precondition> precondition_of(const http::Fields& fields) {
  Precondition precondition;
  for (const http::Field& field : fields) {
    if (field.known == Known::kIfNoneMatch) {
      if (field.value != "*") {
        return refuse(400, "bad-precondition", "a write takes If-None-Match: * only, which means: create");
      }
      precondition.only_new = true;
    }
    if (field.known != Known::kIfMatch) continue;
    precondition.match_given = true;
    std::string_view tag;
    for (http::ListReader tags(field.value); tags.next(tag);) {
      if (tag == "*") {
        precondition.match_any = true;
      } else if (const auto revision = revision_in(tag); revision) {
        precondition.match.push_back(*revision);
      } else if (!tag.starts_with("W/")) {  // a weak tag is legal, and matches nothing
        return refuse(400, "bad-precondition", "If-Match must be a revision in quotes, such as \"42\", or *");
      }
    }
  }
  return precondition;
}

std::string entity_tag(store::Revision revision) { return '"' + std::to_string(revision) + '"'; }

bool none_match_has(const http::Fields& fields, std::string_view tag) {
  for (const http::Field& field : fields) {
    if (field.known != Known::kIfNoneMatch) continue;
    std::string_view member;
    for (http::ListReader tags(field.value); tags.next(member);) {
      if (member == "*") return true;
      if (member.starts_with("W/")) member.remove_prefix(2);
      if (member == tag) return true;
    }
  }
  return false;
}

}  // namespace weir::api
