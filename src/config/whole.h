// The whole: what holds between objects and can't be seen in one of them: references, and who claims which
// host. Pure functions over all objects as they would be after a change.
#pragma once

#include <array>
#include <memory>
#include <set>
#include <span>
#include <string_view>

#include "config/kinds.h"
#include "config/object.h"
#include "config/violation.h"

namespace weir::config {

// An object that is another than it was. Null: it was not there, or is not any more.
struct ObjectChange {
  ObjectPointer before;
  ObjectPointer after;

  const Object& either() const { return after ? *after : *before; }
  Kind kind() const { return either().kind(); }
  const std::string& name() const { return either().metadata.name; }
};

// All objects of the kinds that somebody looks at together.
class Whole {
 public:
  struct ByName {
    using is_transparent = void;
    static std::string_view name_of(const ObjectPointer& object) { return object->metadata.name; }
    static std::string_view name_of(std::string_view name) { return name; }
    bool operator()(const auto& left, const auto& right) const { return name_of(left) < name_of(right); }
  };
  using Objects = std::set<ObjectPointer, ByName>;

  ObjectPointer find(Kind kind, std::string_view name) const;  // null: there is none
  const Objects& of(Kind kind) const { return objects_[static_cast<std::size_t>(kind)]; }

  // The one that was there before; null: none.
  ObjectPointer put(ObjectPointer object);
  ObjectPointer remove(Kind kind, std::string_view name);

 private:
  std::array<Objects, kKinds.size()> objects_;
};

// All violations at once, each with its object. Of two objects that claim the same, the later one in the list
// has the violation: put what was there before first.
Violations validate_whole(std::span<const Object* const> objects);

// Who of the objects refers to one that is about to go: nothing may. Says so in the words of a deletion.
Violations validate_deletion(Kind kind, std::string_view name, std::span<const Object* const> objects);

}  // namespace weir::config
