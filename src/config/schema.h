// Schema: what a table of fields is made of. A Type says how a C++ type is read, printed and documented, a
// Field adds what holds for one member. Parsing, printing, diff, OpenAPI and the reference walk these
// constexpr tables and nothing else; the types are erased, so that each walk is written once.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/time.h"
#include "config/specs.h"
#include "config/violation.h"

namespace weir::config {

enum class Shape : std::uint8_t {
  kText,
  kBool,
  kInteger,
  kDuration,     // "5s"
  kTime,         // RFC 3339
  kWord,         // one of a list
  kStatusRange,  // 200 or "200-299"
  kJson,         // any JSON, kept as text
  kLabels,       // text to text
  kStruct,
  kList,
  kOptional,  // handled as a list of none or one
};

struct Field;
struct Object;  // object.h

struct Type {
  Shape shape = Shape::kText;
  // kStruct
  std::string_view name = {};
  std::span<const Field> fields = {};
  void (*validate)(const void* value, Report& report) = nullptr;  // what spans fields; null: nothing
  const void* (*defaults)() = nullptr;                            // a value as constructed
  bool seen = false;  // of a status: the server writes it and nobody else, so that defaults mean nothing
  // kBool, kInteger, kDuration, kWord
  std::int64_t (*get)(const void* value) = nullptr;
  void (*set)(void* value, std::int64_t number) = nullptr;
  std::span<const std::string_view> words = {};
  // kList, kOptional
  const Type* element = nullptr;
  std::size_t (*size)(const void* value) = nullptr;
  const void* (*at)(const void* value, std::size_t index) = nullptr;
  void* (*append)(void* value) = nullptr;  // a default element, and where it is
  void (*clear)(void* value) = nullptr;
};

struct Field {
  std::string_view name;
  std::string_view doc;  // one line
  const Type* type = nullptr;
  void* (*member)(void* owner) = nullptr;
  void (*copy)(const void* from, void* to) = nullptr;  // between two owners
  bool required = false;
  bool secret = false;      // never in an answer, a diff or a log
  bool server_set = false;  // a client can't write it
  // Integers: the value. Durations: nanoseconds. Texts: bytes. For lists they hold for each element.
  std::int64_t min = 0;
  std::int64_t max = 256;
  std::size_t items_min = 0;                              // elements of a list
  std::size_t items_max = 64;                             // also entries of labels
  std::string (*check)(std::string_view text) = nullptr;  // of a text; answers what is wrong, or nothing
  std::string_view refers_to = {};                        // kind that the text must name an object of
  bool lines = false;                                     // a text that may have several
  bool quiet = false;                            // with its default, it is left out of what is printed
  std::span<const std::string_view> later = {};  // words that the design knows and this version does not

  const void* in(const void* owner) const { return member(const_cast<void*>(owner)); }
};

// Specialised for each struct: name, fields, and validate when fields depend on each other.
template <class T>
struct Schema;
// Specialised for each enum: words, in the order of the values.
template <class T>
struct Words;

template <class T>
struct ListOf : std::false_type {};
template <class T>
struct ListOf<std::vector<T>> : std::true_type {
  using Element = T;
  static void* append(void* value) { return &static_cast<std::vector<T>*>(value)->emplace_back(); }
  static std::size_t size(const void* value) { return static_cast<const std::vector<T>*>(value)->size(); }
  static const void* at(const void* value, std::size_t index) {
    return &(*static_cast<const std::vector<T>*>(value))[index];
  }
  static void clear(void* value) { static_cast<std::vector<T>*>(value)->clear(); }
};
template <class T>
struct ListOf<std::optional<T>> : std::true_type {
  using Element = T;
  static void* append(void* value) { return &static_cast<std::optional<T>*>(value)->emplace(); }
  static std::size_t size(const void* value) {
    return static_cast<const std::optional<T>*>(value)->has_value() ? 1 : 0;
  }
  static const void* at(const void* value, std::size_t) {
    return &**static_cast<const std::optional<T>*>(value);
  }
  static void clear(void* value) { static_cast<std::optional<T>*>(value)->reset(); }
};

template <class T>
constexpr Type make_type();
template <class T>
inline constexpr Type kType = make_type<T>();

// For texts that are not plain text: the table names the type itself.
inline constexpr Type kJsonText{.shape = Shape::kJson};

template <class T>
constexpr Type make_number(Shape shape) {
  Type type{.shape = shape};
  if constexpr (std::same_as<T, Duration>) {
    type.get = [](const void* value) { return static_cast<const Duration*>(value)->count(); };
    type.set = [](void* value, std::int64_t number) { *static_cast<Duration*>(value) = Duration(number); };
  } else {
    type.get = [](const void* value) { return static_cast<std::int64_t>(*static_cast<const T*>(value)); };
    type.set = [](void* value, std::int64_t number) { *static_cast<T*>(value) = static_cast<T>(number); };
  }
  return type;
}

template <class T>
constexpr Type make_struct() {
  Type type{.shape = Shape::kStruct, .name = Schema<T>::name, .fields = Schema<T>::fields};
  type.defaults = []() -> const void* {
    static const T value{};
    return &value;
  };
  if constexpr (requires { Schema<T>::seen; }) type.seen = Schema<T>::seen;
  if constexpr (requires { Schema<T>::validate; }) {
    type.validate = [](const void* value, Report& report) {
      Schema<T>::validate(*static_cast<const T*>(value), report);
    };
  }
  return type;
}

template <class T>
constexpr Type make_type() {
  if constexpr (std::same_as<T, std::string>) {
    return {.shape = Shape::kText};
  } else if constexpr (std::same_as<T, Duration>) {
    return make_number<T>(Shape::kDuration);
  } else if constexpr (std::same_as<T, WallTime>) {
    return {.shape = Shape::kTime};
  } else if constexpr (std::same_as<T, StatusRange>) {
    return {.shape = Shape::kStatusRange};
  } else if constexpr (std::same_as<T, Labels>) {
    return {.shape = Shape::kLabels};
  } else if constexpr (std::same_as<T, bool>) {
    return make_number<T>(Shape::kBool);
  } else if constexpr (std::integral<T>) {
    return make_number<T>(Shape::kInteger);
  } else if constexpr (std::is_enum_v<T>) {
    Type type = make_number<T>(Shape::kWord);
    type.words = Words<T>::words;
    return type;
  } else if constexpr (ListOf<T>::value) {
    using List = ListOf<T>;
    const bool many = std::same_as<T, std::vector<typename List::Element>>;
    return {.shape = many ? Shape::kList : Shape::kOptional,
            .element = &kType<typename List::Element>,
            .size = List::size,
            .at = List::at,
            .append = List::append,
            .clear = List::clear};
  } else {
    return make_struct<T>();
  }
}

template <class T>
struct MemberOf;
template <class Owner, class Value>
struct MemberOf<Value Owner::*> {
  using OwnerType = Owner;
  using ValueType = Value;
};

// One line of a table: field<&HttpCheck::path>({.name = "path", .doc = "...", .check = check_path})
// Of a struct that has the member from its base, Owner says which it is.
template <auto kMember, class Owner = typename MemberOf<decltype(kMember)>::OwnerType>
constexpr Field field(Field line) {
  using Member = MemberOf<decltype(kMember)>;
  if (line.type == nullptr) line.type = &kType<typename Member::ValueType>;
  line.member = [](void* owner) -> void* { return &(static_cast<Owner*>(owner)->*kMember); };
  line.copy = [](const void* from, void* to) {
    static_cast<Owner*>(to)->*kMember = static_cast<const Owner*>(from)->*kMember;
  };
  return line;
}

// Calls visit(field, text) for each text of the object's spec that names an object of another kind.
using ReferenceVisit = std::function<void(const Field& field, const std::string& name)>;
void each_reference(const Object& object, Report& report, const ReferenceVisit& visit);
// Calls visit(identity, which) for each thing that no other object can have: how a User is known, the port of
// a slot. which: of those that one field stands for.
using IdentityVisit = std::function<void(const std::string& identity, const std::string& which)>;
void each_identity(const Object& object, Report& report, const IdentityVisit& visit);
std::string identity_of_email(std::string_view email);

}  // namespace weir::config
