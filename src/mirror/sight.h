// Sight: which objects are there for a caller: to an organization only its own, itself, and its members. Who
// is of the platform sees all, at no cost. A value; on the control loop, and outlived by the objects.
#pragma once

#include <string>
#include <string_view>

#include "auth/token_table.h"
#include "config/object.h"
#include "config/whole.h"

namespace weir::mirror {

class Sight {
 public:
  Sight() = default;  // all
  Sight(const auth::Identity& caller, const config::Whole& objects);

  bool is_whole() const { return objects_ == nullptr; }
  const std::string& organization() const { return organization_; }
  bool sees(const config::Object& object) const;
  // The same, of an entry of the store that need not be decoded for it, mostly.
  bool may_see(config::Kind kind, std::string_view name, std::string_view value) const;
  // Takes out of an object that is seen what is none of the caller's business.
  void redact(config::Object& object) const;

 private:
  bool sees(config::Kind kind, std::string_view name, std::string_view organization) const;

  const config::Whole* objects_ = nullptr;  // null: sees all
  std::string organization_;
  std::string user_;
};

}  // namespace weir::mirror
