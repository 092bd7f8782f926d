#include "h2/field_section.h"

#include <array>
#include <cstring>
#include <string>

#include "base/text.h"
#include "h2/limits.h"

namespace weir::h2 {

using http::Known;

std::string_view lower_name_of(Known known) {
  static const std::array<std::string, http::kKnownCount> kNames = [] {
    std::array<std::string, http::kKnownCount> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = to_lower(http::name_of(static_cast<Known>(i)));
    return names;
  }();
  return kNames[static_cast<std::size_t>(known)];
}

void FieldSection::begin(http::Fields& into) {
  fields_ = &into;
  into.clear();
  pseudo_ = {};
  decoded_bytes_ = 0;
  too_large_ = false;
  first_crumb_ = last_crumb_ = nullptr;
  crumbs_ = crumb_bytes_ = 0;
}

void FieldSection::add(std::string_view name, std::string_view value) {
  constexpr std::size_t kFieldOverhead = 32;
  decoded_bytes_ += name.size() + value.size() + kFieldOverhead;
  if (decoded_bytes_ > kHeadListBytesMax) too_large_ = true;
  if (too_large_) return;
  if (name.starts_with(':')) {
    add_pseudo(name, value);
    return;
  }
  const Known known = http::known_field(name);
  if (known == Known::kCookie) {
    add_crumb(value);
    return;
  }
  const std::string_view kept = known == Known::kOther ? arena_.keep(name) : lower_name_of(known);
  if (!fields_->add(known, kept, arena_.keep(value))) too_large_ = true;
}

void FieldSection::add_pseudo(std::string_view name, std::string_view value) {
  const std::string_view kept = arena_.keep(value);
  if (name == ":method") pseudo_.method = kept;
  if (name == ":scheme") pseudo_.scheme = kept;
  if (name == ":path") pseudo_.path = kept;
  if (name == ":status") pseudo_.status = kept;
  if (name == ":authority") pseudo_.authority = kept;
  if (name == ":protocol") pseudo_.protocol = kept;
}

// A client may send its cookies one by one, so that each can be compressed (RFC 9113 section 8.2.3).
void FieldSection::add_crumb(std::string_view value) {
  char* place = arena_.take(sizeof(Crumb) + value.size());
  const Crumb crumb{nullptr, value.size()};
  std::memcpy(place, &crumb, sizeof crumb);
  std::memcpy(place + sizeof crumb, value.data(), value.size());
  if (last_crumb_ == nullptr) {
    first_crumb_ = place;
  } else {
    std::memcpy(last_crumb_ + offsetof(Crumb, next), &place, sizeof place);
  }
  last_crumb_ = place;
  ++crumbs_;
  crumb_bytes_ += value.size();
}

void FieldSection::join_crumbs() {
  constexpr std::string_view kBetween = "; ";
  const std::string_view name = lower_name_of(Known::kCookie);
  if (crumbs_ == 1) {
    if (!fields_->add(Known::kCookie, name, {first_crumb_ + sizeof(Crumb), crumb_bytes_})) too_large_ = true;
    return;
  }
  const std::size_t bytes = crumb_bytes_ + (crumbs_ - 1) * kBetween.size();
  char* const joined = arena_.take(bytes);
  char* next = joined;
  for (const char* at = first_crumb_; at != nullptr;) {
    Crumb crumb{};
    std::memcpy(&crumb, at, sizeof crumb);
    if (at != first_crumb_) {
      std::memcpy(next, kBetween.data(), kBetween.size());
      next += kBetween.size();
    }
    std::memcpy(next, at + sizeof crumb, crumb.bytes);
    next += crumb.bytes;
    at = crumb.next;
  }
  if (!fields_->add(Known::kCookie, name, {joined, bytes})) too_large_ = true;
}

void FieldSection::finish() {
  if (crumbs_ > 0 && !too_large_) join_crumbs();
}

}  // namespace weir::h2
