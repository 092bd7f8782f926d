#include "config/object.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "base/check.h"
#include "base/text.h"
#include "config/codec.h"
#include "config/documents.h"
#include "config/kinds.h"
#include "config/schema.h"
#include "config/status.h"
#include "config/whole.h"

namespace weir::config {

Spec::Spec() = default;
Spec::Spec(const Spec& other) = default;
Spec::Spec(Spec&& other) noexcept = default;
Spec& Spec::operator=(const Spec& other) = default;
Spec& Spec::operator=(Spec&& other) noexcept = default;
Spec::~Spec() = default;

bool operator==(const Spec& left, const Spec& right) {
  return static_cast<const AnySpec&>(left) == static_cast<const AnySpec&>(right);
}

bool operator==(const Object& left, const Object& right) = default;

namespace {

using Tree = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kParts{"kind", "metadata", "spec", "status"};

std::string kind_names(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

// Null when there is none to go on with.
const KindInfo* read_kind(const Tree& tree, Origin origin, Report& report) {
  const Report::Step step(report, "kind");
  std::array<std::string_view, kKinds.size()> names;
  std::ranges::transform(kKinds, names.begin(), &KindInfo::name);
  const auto found = tree.find("kind");
  if (found == tree.end() || found->is_null()) {
    report.add("is required: one of " + kind_names(names));
    return nullptr;
  }
  const auto* name = found->get_ptr<const std::string*>();
  const KindInfo* kind = name == nullptr ? nullptr : find_kind(*name);
  if (kind == nullptr) {
    const std::string_view near = name == nullptr ? std::string_view() : nearest(name->substr(0, 64), names);
    if (near.empty()) {
      report.add("must be one of " + kind_names(names));
    } else {
      report.add("unknown kind " + in_quotes(*name) + "; did you mean \"" + std::string(near) + "\"?");
    }
    return nullptr;
  }
  if (!kind->client_writes && origin == Origin::kClient) {
    report.add(std::string(kind->name) + " is written by the server only");
  }
  return kind;
}

void read_status(const Tree& tree, Origin origin, std::string& status, Report& report) {
  const auto found = tree.find("status");
  if (found == tree.end() || found->is_null()) return;
  const Report::Step step(report, "status");
  if (!found->is_object()) {
    report.add("must be an object");
  } else if (origin == Origin::kStore) {
    status = found->dump();
  }
}

// An empty one was refused already.
void check_name(const KindInfo& kind, const std::string& name, Report& report) {
  if (name.empty()) return;
  const Report::Step step(report, "name");
  if (std::string wrong = check_name_of(kind, name); !wrong.empty()) report.add(std::move(wrong));
}

Object read_object(const Tree& tree, Origin origin, Report& report) {
  Object object;
  if (!tree.is_object()) {
    report.add("must be an object with kind, metadata and spec");
    return object;
  }
  for (const auto& [key, item] : tree.items()) {
    if (std::ranges::find(kParts, key) != kParts.end()) continue;
    const Report::Step step(report, shown(key));
    report.add(unknown_field(key, kParts));
  }
  const KindInfo* kind = read_kind(tree, origin, report);
  const Tree none = Tree::object();
  const auto part = [&](const char* name) -> const Tree& {
    const auto found = tree.find(name);
    return found == tree.end() || found->is_null() ? none : *found;
  };
  {
    const Report::Step step(report, "metadata");
    read_struct(metadata_type(), part("metadata"), &object.metadata, origin, report);
    if (kind != nullptr) check_name(*kind, object.metadata.name, report);
  }
  if (kind != nullptr) {
    object.spec = kind->make();
    const Report::Step step(report, "spec");
    read_struct(*kind->spec, part("spec"), spec_of(object), origin, report);
    const auto* zone = std::get_if<ZoneSpec>(&object.spec);
    if (zone != nullptr && report.size() == 0) check_zone(object.metadata.name, *zone, report);
  }
  read_status(tree, origin, object.status, report);
  return object;
}

// "Service/web", as far as the tree says so; else "object 3".
std::string label_of(const Tree& tree, std::size_t index) {
  const auto text_in = [](const Tree& owner, const char* name) -> std::string {
    if (!owner.is_object() || !owner.contains(name) || !owner[name].is_string()) return {};
    return shown(owner[name].get_ref<const std::string&>());
  };
  const std::string kind = text_in(tree, "kind");
  const std::string name =
      tree.is_object() && tree.contains("metadata") ? text_in(tree["metadata"], "name") : "";
  return kind.empty() || name.empty() ? "object " + std::to_string(index + 1) : kind + '/' + name;
}

}  // namespace

std::string reference_of(const Object& object) {
  return std::string(info_of(object.kind()).name) + '/' + object.metadata.name;
}

Checked<Object> parse_object(std::string_view json, Origin origin) {
  const auto tree = read_json(json, kDocumentBytesMax);
  if (!tree) return std::unexpected(tree.error());
  Report report;
  Object object = read_object(*tree, origin, report);
  if (report.size() > 0) return std::unexpected(report.take());
  return object;
}

Checked<std::vector<Object>> parse_objects(std::string_view json, Origin origin) {
  const auto tree = read_json(json, kListBytesMax);
  if (!tree) return std::unexpected(tree.error());
  const bool wrapped = tree->is_object() && tree->size() == 1 && tree->contains("objects");
  const Tree& list = wrapped ? (*tree)["objects"] : *tree;
  const auto refuse = [](std::string message) {
    return std::unexpected(Violations{{"", std::move(message), ""}});
  };
  if (!list.is_array()) return refuse("must be a list of objects, or {\"objects\": [...]}");
  if (list.size() > kObjectsMax)
    return refuse("must have at most " + std::to_string(kObjectsMax) + " objects");

  std::vector<Object> objects;
  Violations violations;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < list.size() && violations.size() < Report::kViolationsMax; ++i) {
    Report report(label_of(list[i], i));
    Object object = read_object(list[i], origin, report);
    if (report.size() == 0 && !seen.insert(reference_of(object)).second) {
      report.add("is there twice; an object may be given once");
    }
    if (report.size() == 0) {
      objects.push_back(std::move(object));
    } else {
      std::ranges::move(report.take(), std::back_inserter(violations));
    }
  }
  if (!violations.empty()) return std::unexpected(std::move(violations));
  return objects;
}

std::string to_json(const Object& object, Secrets secrets) {
  const KindInfo& kind = info_of(object.kind());
  Tree tree;
  tree["kind"] = kind.name;
  tree["metadata"] = print_struct(metadata_type(), &object.metadata, secrets);
  tree["spec"] = print_struct(*kind.spec, spec_of(object), secrets);
  if (!object.status.empty()) tree["status"] = Tree::parse(object.status, nullptr, false);
  return tree.dump();
}

namespace {

std::string text_of_status(Kind kind, const void* status) {
  return print_struct(*info_of(kind).status, status, Secrets::kHide)
      .dump(-1, ' ', false, Tree::error_handler_t::replace);
}

}  // namespace

std::string status_text(const AppliedStatus& status) { return text_of_status(Kind::kCertificate, &status); }
std::string status_text(const EndpointStatus& status) { return text_of_status(Kind::kEndpoint, &status); }
std::string status_text(const ServiceStatus& status) { return text_of_status(Kind::kService, &status); }
std::string status_text(const LoadBalancerStatus& status) {
  return text_of_status(Kind::kLoadBalancer, &status);
}
std::string status_text(const EdgeStatus& status) { return text_of_status(Kind::kEdge, &status); }
std::string status_text(const RolloutStatus& status) { return text_of_status(Kind::kRollout, &status); }
std::string status_text(const ZoneStatus& status) { return text_of_status(Kind::kZone, &status); }
std::string status_text(const RecordSetStatus& status) { return text_of_status(Kind::kRecordSet, &status); }
std::string status_text(const DnsProviderStatus& status) {
  return text_of_status(Kind::kDnsProvider, &status);
}
std::string status_text(const DnsWeightsStatus& status) { return text_of_status(Kind::kDnsWeights, &status); }
std::string status_text(const WorkloadStatus& status) { return text_of_status(Kind::kWorkload, &status); }
std::string status_text(const NodeStatus& status) { return text_of_status(Kind::kNode, &status); }
std::string status_text(const SessionStatus& status) { return text_of_status(Kind::kSession, &status); }
std::string status_text(const InstanceStatus& status) { return text_of_status(Kind::kInstance, &status); }

namespace {

bool is_empty(const Type& type, const void* value) {
  if (type.shape == Shape::kText) return static_cast<const std::string*>(value)->empty();
  return type.shape == Shape::kLabels && static_cast<const Labels*>(value)->empty();
}

}  // namespace

void carry_server_fields(const Object& stored, Object& updated) {
  WEIR_CHECK(stored.kind() == updated.kind());
  const auto carry = [](const auto& self, const Type& type, const void* from, void* to) -> void {
    for (const Field& field : type.fields) {
      const Type& inner = *field.type;
      const bool kept_secret = field.secret && is_empty(inner, field.in(to));
      if (field.server_set || kept_secret) {
        field.copy(from, to);
        continue;
      }
      const bool has_one = inner.shape == Shape::kOptional && inner.element->shape == Shape::kStruct &&
                           inner.size(field.in(from)) == 1 && inner.size(field.in(to)) == 1;
      if (has_one) {
        self(self, *inner.element, inner.at(field.in(from), 0), const_cast<void*>(inner.at(field.in(to), 0)));
      }
    }
  };
  carry(carry, metadata_type(), &stored.metadata, &updated.metadata);
  if (updated.metadata.organization.empty()) updated.metadata.organization = stored.metadata.organization;
  carry(carry, *info_of(stored.kind()).spec, spec_of(stored), spec_of(updated));
  updated.status = stored.status;
}

namespace {

// Calls visit(field, text) for each text of the struct that names an object of another kind.
void each_reference(const Type& type, const void* value, Report& report, const ReferenceVisit& visit) {
  const auto walk = [&](const auto& self, const Field& field, const Type& at, const void* item) -> void {
    if (at.shape == Shape::kStruct) return each_reference(at, item, report, visit);
    if (at.shape == Shape::kText && !field.refers_to.empty()) {
      if (static_cast<const std::string*>(item)->empty()) return;
      return visit(field, *static_cast<const std::string*>(item));
    }
    if (at.element == nullptr) return;
    for (std::size_t i = 0; i < at.size(item); ++i) {
      if (at.shape == Shape::kOptional) {
        self(self, field, *at.element, at.at(item, i));
        continue;
      }
      const Report::Step step(report, i);
      self(self, field, *at.element, at.at(item, i));
    }
  };
  for (const Field& field : type.fields) {
    const Report::Step step(report, field.name);
    walk(walk, field, *field.type, field.in(value));
  }
}

}  // namespace

void each_reference(const Object& object, Report& report, const ReferenceVisit& visit) {
  const Report::Step step(report, "spec");
  each_reference(*info_of(object.kind()).spec, spec_of(object), report, visit);
}

std::vector<std::pair<Kind, std::string>> references_of(const Object& object) {
  std::vector<std::pair<Kind, std::string>> names;
  Report report;
  each_reference(object, report, [&names](const Field& field, const std::string& name) {
    names.emplace_back(find_kind(field.refers_to)->kind, name);
  });
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

Violations validate_spec(const Object& object) {
  Report report(reference_of(object));
  const Report::Step part(report, "spec");
  const Type& type = *info_of(object.kind()).spec;
  if (type.validate != nullptr) type.validate(spec_of(object), report);
  return report.take();
}

namespace {

constexpr std::string_view kSecretShown = "\"(secret)\"";

class Differ {
 public:
  void compare_struct(const Type& type, const void* before, const void* after, const std::string& path) {
    for (const Field& field : type.fields) {
      // A secret that only the server sets is still worth a line: it says that the token is another one.
      if (field.server_set && !field.secret) continue;
      const std::string inner = path + '.' + std::string(field.name);
      compare(field, *field.type, field.in(before), field.in(after), inner);
    }
  }

  std::vector<Change> take() { return std::move(changes_); }

 private:
  void compare(const Field& field, const Type& type, const void* before, const void* after,
               const std::string& path) {
    if (type.shape == Shape::kStruct) return compare_struct(type, before, after, path);
    const bool structs = type.element != nullptr && type.element->shape == Shape::kStruct;
    if (!structs) {
      const Tree left = print_field(field, type, before, Secrets::kKeep);
      const Tree right = print_field(field, type, after, Secrets::kKeep);
      if (type.shape == Shape::kLabels) return compare_labels(field, left, right, path);
      if (left != right) add(field, path, left, right);
      return;
    }
    const std::size_t left_size = type.size(before);
    const std::size_t right_size = type.size(after);
    for (std::size_t i = 0; i < std::max(left_size, right_size); ++i) {
      const std::string inner = type.shape == Shape::kList ? path + '[' + std::to_string(i) + ']' : path;
      if (i < left_size && i < right_size) {
        compare_struct(*type.element, type.at(before, i), type.at(after, i), inner);
      } else if (i < left_size) {
        add(field, inner, print_struct(*type.element, type.at(before, i), Secrets::kHide), {});
      } else {
        add(field, inner, {}, print_struct(*type.element, type.at(after, i), Secrets::kHide));
      }
    }
  }

  void compare_labels(const Field& field, const Tree& before, const Tree& after, const std::string& path) {
    const auto value_in = [](const Tree& tree, const std::string& key) {
      return tree.is_object() && tree.contains(key) ? tree[key] : Tree();
    };
    const auto place_of = [&](const std::string& key) {
      std::string place = path;
      return place.append(1, '.').append(key);
    };
    for (const auto& [key, value] : before.items()) {
      if (value != value_in(after, key)) add(field, place_of(key), value, value_in(after, key));
    }
    for (const auto& [key, value] : after.items()) {
      if (value_in(before, key).is_null()) add(field, place_of(key), {}, value);
    }
  }

  void add(const Field& field, const std::string& path, const Tree& before, const Tree& after) {
    const auto show = [&](const Tree& tree) {
      if (tree.is_null()) return std::string();
      return field.secret ? std::string(kSecretShown) : tree.dump();
    };
    changes_.push_back({path, show(before), show(after)});
  }

  std::vector<Change> changes_;
};

}  // namespace

std::vector<Change> diff(const Object& before, const Object& after) {
  WEIR_CHECK(before.kind() == after.kind());
  Differ differ;
  differ.compare_struct(metadata_type(), &before.metadata, &after.metadata, "metadata");
  differ.compare_struct(*info_of(before.kind()).spec, spec_of(before), spec_of(after), "spec");
  return differ.take();
}

}  // namespace weir::config
