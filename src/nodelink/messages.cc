#include "nodelink/messages.h"

#include <weir.pb.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <optional>
#include <utility>

#include "config/object.h"
#include "xds/resource.h"

namespace weir::nodelink {
namespace {

using config::EnvVariable;

bool fit(std::initializer_list<std::string_view> texts, std::size_t bytes_max = kTextBytesMax) {
  return std::ranges::all_of(texts, [=](std::string_view text) { return text.size() <= bytes_max; });
}

constexpr const char* kTooLarge = "an instance is described by more than 256 KiB";

std::size_t size_of(int count) { return static_cast<std::size_t>(count); }

template <class Message>
bool parsed(Message& message, std::string_view text) {
  return message.ParseFromArray(text.data(), static_cast<int>(text.size()));
}

// --- reports
void write(const Hello& hello, v1::NodeHello& to) {
  to.set_node(hello.node);
  to.set_version(hello.version);
  to.set_provider(hello.provider);
  to.set_region(hello.region);
  to.set_city(hello.city);
  to.set_address(hello.address);
  v1::NodeCapacity& capacity = *to.mutable_capacity();
  capacity.set_cpu_milli(hello.capacity.cpu_milli);
  capacity.set_memory_bytes(hello.capacity.memory_bytes);
  capacity.set_instances_max(hello.capacity.instances_max);
  capacity.set_port_first(hello.capacity.port_first);
  capacity.set_port_last(hello.capacity.port_last);
}

Result<Hello> read(const v1::NodeHello& hello) {
  if (!fit(
          {hello.node(), hello.version(), hello.provider(), hello.region(), hello.city(), hello.address()})) {
    return fail(Code::kInvalid, "the node says too much about itself");
  }
  const v1::NodeCapacity& capacity = hello.capacity();
  if (capacity.port_first() > capacity.port_last() || capacity.port_last() > 65535) {
    return fail(Code::kInvalid, "the node's ports are no range of ports");
  }
  return Hello{.node = hello.node(),
               .version = hello.version(),
               .provider = hello.provider(),
               .region = hello.region(),
               .city = hello.city(),
               .address = hello.address(),
               .capacity = {.cpu_milli = capacity.cpu_milli(),
                            .memory_bytes = capacity.memory_bytes(),
                            .instances_max = capacity.instances_max(),
                            .port_first = capacity.port_first(),
                            .port_last = capacity.port_last()}};
}

void write(const InstanceSeen& seen, v1::InstanceSeen& to) {
  to.set_name(seen.name);
  to.set_version(seen.version);
  to.set_state(static_cast<v1::InstanceSeen::State>(seen.state));
  to.set_reason(seen.reason);
  to.set_address(seen.address);
  to.set_restarts(seen.restarts);
  to.set_cpu_milli(seen.cpu_milli);
  to.set_memory_bytes(seen.memory_bytes);
}

Result<InstanceSeen> read(v1::InstanceSeen& seen) {
  if (!fit({seen.name(), seen.version(), seen.reason(), seen.address()})) {
    return fail(Code::kInvalid, "a text of an instance is longer than 1024 bytes");
  }
  const bool known = v1::InstanceSeen::State_IsValid(seen.state());
  return InstanceSeen{.name = std::move(*seen.mutable_name()),
                      .version = std::move(*seen.mutable_version()),
                      .state = known ? static_cast<State>(seen.state()) : State::kPending,
                      .reason = std::move(*seen.mutable_reason()),
                      .address = std::move(*seen.mutable_address()),
                      .restarts = seen.restarts(),
                      .cpu_milli = seen.cpu_milli(),
                      .memory_bytes = seen.memory_bytes()};
}

// --- assignments
template <class Visit>
void each_secret_variable(config::InstanceSpec& spec, const Visit& visit) {
  for (auto* list : {&spec.init_containers, &spec.containers}) {
    for (config::Container& container : *list) {
      for (EnvVariable& one : container.env) {
        if (one.secret) visit(one);
      }
    }
  }
}

using Values = std::map<std::pair<std::string, std::string>, std::string>;  // by secret and key

void write(const Assigned& assigned, v1::AssignedInstance& to) {
  config::Object object{.metadata = {.name = assigned.name}, .spec = assigned.spec, .status = {}};
  if (!assigned.owner.empty()) object.metadata.labels[std::string(config::kOwnerLabel)] = assigned.owner;
  Values values;
  each_secret_variable(std::get<config::InstanceSpec>(object.spec), [&](EnvVariable& one) {
    values.emplace(std::pair(one.secret->secret, one.secret->key), std::exchange(one.value, {}));
  });
  to.set_object(config::to_json(object, config::Secrets::kKeep));
  to.set_lacks(assigned.lacks);
  for (auto& [place, value] : values) {
    v1::SecretValue& one = *to.add_values();
    one.set_secret(place.first);
    one.set_key(place.second);
    one.set_value(std::move(value));
  }
}

Result<Assigned> read(v1::AssignedInstance& assigned) {
  if (!fit({assigned.object()}, kAssignedBytesMax) || !fit({assigned.lacks()})) {
    return fail(Code::kInvalid, kTooLarge);
  }
  auto object = config::parse_object(assigned.object(), config::Origin::kStore);
  if (!object || object->kind() != config::Kind::kInstance) {
    return fail(Code::kInvalid, "what is to run is no Instance");
  }
  Values values;
  for (v1::SecretValue& one : *assigned.mutable_values()) {
    values.insert_or_assign(std::pair(one.secret(), one.key()), std::move(*one.mutable_value()));
  }
  auto& spec = std::get<config::InstanceSpec>(object->spec);
  bool all = true;
  std::size_t bytes = assigned.object().size();
  each_secret_variable(spec, [&](EnvVariable& one) {
    const auto found = values.find(std::pair(one.secret->secret, one.secret->key));
    all &= found != values.end();
    if (found == values.end() || (bytes += found->second.size()) > kAssignedBytesMax) return;
    one.value = found->second;
  });
  if (!all) return fail(Code::kInvalid, "a variable of an instance is not told");
  if (bytes > kAssignedBytesMax) return fail(Code::kInvalid, kTooLarge);
  std::string owner(config::owner_of(*object));
  return Assigned{.name = std::move(object->metadata.name),
                  .owner = std::move(owner),
                  .spec = std::move(spec),
                  .lacks = std::move(*assigned.mutable_lacks())};
}

void write(const PullCredentials& credentials, v1::PullCredentials& to) {
  to.set_registry(credentials.registry);
  to.set_username(credentials.username);
  to.set_password(credentials.password);
  to.set_secret(credentials.secret);
}

Result<Part> read(v1::AssignmentPart& part) {
  if (size_of(part.instances_size()) > kAssignedMax) {
    return fail(Code::kInvalid, "a node has at most 1000 instances");
  }
  if (size_of(part.pull_credentials_size()) > kPullCredentialsMax) {
    return fail(Code::kInvalid, "a node has at most 1000 credentials of registries");
  }
  Part read_part{.assignment = {.revision = part.revision(),
                                .instances = {},
                                .pull_credentials = {},
                                .anew = part.anew()},
                 .more = part.more()};
  for (v1::AssignedInstance& one : *part.mutable_instances()) {
    auto assigned = read(one);
    if (!assigned) return fail(assigned.error());
    read_part.assignment.instances.push_back(std::move(*assigned));
  }
  for (v1::PullCredentials& one : *part.mutable_pull_credentials()) {
    if (!fit({one.registry(), one.username(), one.password(), one.secret()}, kCredentialBytesMax)) {
      return fail(Code::kInvalid, "a text of a registry's credentials is longer than 4096 bytes");
    }
    read_part.assignment.pull_credentials.push_back({.registry = std::move(*one.mutable_registry()),
                                                     .username = std::move(*one.mutable_username()),
                                                     .password = std::move(*one.mutable_password()),
                                                     .secret = std::move(*one.mutable_secret())});
  }
  return read_part;
}

// Of a message that begins an assignment, or goes on with it.
void write_head(const Assignment& assignment, v1::AssignmentPart& to) {
  to.set_revision(assignment.revision);
  to.set_anew(assignment.anew);
}

}  // namespace

std::string serialize(const NodeReport& report) {
  v1::NodeReport message;
  if (report.hello) write(*report.hello, *message.mutable_hello());
  for (const InstanceSeen& seen : report.instances) write(seen, *message.add_instances());
  for (const std::string& name : report.gone) message.add_gone(name);
  message.set_complete(report.complete);
  message.set_revision(report.revision);
  return xds::serialize(message);
}

Result<NodeReport> parse_report(std::string_view text) {
  v1::NodeReport message;
  if (!parsed(message, text)) return fail(Code::kInvalid, "what came is no report of a node");
  if (size_of(message.instances_size()) > kReportSeenMax || size_of(message.gone_size()) > kReportGoneMax) {
    return fail(Code::kInvalid, "a report has at most 1000 instances");
  }
  NodeReport report{.hello = {},
                    .instances = {},
                    .gone = {},
                    .complete = message.complete(),
                    .revision = message.revision()};
  if (message.has_hello()) {
    auto hello = read(message.hello());
    if (!hello) return fail(hello.error());
    report.hello = std::move(*hello);
  }
  for (v1::InstanceSeen& one : *message.mutable_instances()) {
    auto seen = read(one);
    if (!seen) return fail(seen.error());
    report.instances.push_back(std::move(*seen));
  }
  for (std::string& name : *message.mutable_gone()) {
    if (!fit({name})) return fail(Code::kInvalid, "a name of an instance is longer than 1024 bytes");
    report.gone.push_back(std::move(name));
  }
  return report;
}

std::string serialize(const Open& open) {
  v1::NodeOrder message;
  message.mutable_open()->set_id(open.id);
  message.mutable_open()->set_what(open.what);
  return xds::serialize(message);
}

std::vector<std::string> serialize(const Assignment& assignment) {
  std::vector<std::string> messages;
  v1::NodeOrder message;
  write_head(assignment, *message.mutable_assignment());
  std::size_t bytes = 0;
  const auto make_room = [&](std::size_t next) {
    if (bytes > 0 && bytes + next > kPartBytes) {
      message.mutable_assignment()->set_more(true);
      messages.push_back(xds::serialize(message));
      message.Clear();
      write_head(assignment, *message.mutable_assignment());
      bytes = 0;
    }
    bytes += next;
  };
  for (const PullCredentials& one : assignment.pull_credentials) {
    v1::PullCredentials credentials;
    write(one, credentials);
    make_room(credentials.ByteSizeLong());
    *message.mutable_assignment()->add_pull_credentials() = std::move(credentials);
  }
  for (const Assigned& one : assignment.instances) {
    v1::AssignedInstance instance;
    write(one, instance);
    make_room(instance.ByteSizeLong());
    *message.mutable_assignment()->add_instances() = std::move(instance);
  }
  messages.push_back(xds::serialize(message));
  return messages;
}

Result<Order> parse_order(std::string_view text) {
  v1::NodeOrder message;
  if (!parsed(message, text)) return fail(Code::kInvalid, "what came is no order to a node");
  if (message.has_open()) {
    v1::OpenChannel& open = *message.mutable_open();
    if (open.id().empty() || !fit({open.id()}) || !fit({open.what()}, kOpenBytesMax)) {
      return fail(Code::kInvalid, "a channel has no fitting name");
    }
    return Open{.id = std::move(*open.mutable_id()), .what = std::move(*open.mutable_what())};
  }
  if (!message.has_assignment()) return fail(Code::kInvalid, "an order of an unknown kind came");
  auto part = read(*message.mutable_assignment());
  if (!part) return fail(part.error());
  return std::move(*part);
}

Result<const Assignment*> Gathering::add(Part part) {
  if (std::exchange(done_, false)) begun_ = false;
  if (!std::exchange(begun_, true)) {
    assignment_ = std::move(part.assignment);
  } else {
    if (part.assignment.revision != assignment_.revision || part.assignment.anew != assignment_.anew) {
      return fail(Code::kInvalid, "parts of two assignments came mixed");
    }
    if (assignment_.instances.size() + part.assignment.instances.size() > kAssignedMax ||
        assignment_.pull_credentials.size() + part.assignment.pull_credentials.size() > kPullCredentialsMax) {
      return fail(Code::kInvalid, "a node has at most 1000 instances");
    }
    std::ranges::move(part.assignment.instances, std::back_inserter(assignment_.instances));
    std::ranges::move(part.assignment.pull_credentials, std::back_inserter(assignment_.pull_credentials));
  }
  if (part.more) return nullptr;
  done_ = true;
  return &assignment_;
}

std::string text_of(const Assignment& assignment) {
  v1::AssignmentPart message;
  write_head(assignment, message);
  for (const Assigned& one : assignment.instances) write(one, *message.add_instances());
  for (const PullCredentials& one : assignment.pull_credentials) write(one, *message.add_pull_credentials());
  return xds::serialize(message);
}

Result<Assignment> parse_assignment(std::string_view text) {
  v1::AssignmentPart message;
  if (!parsed(message, text)) return fail(Code::kInvalid, "what is there is no assignment");
  auto part = read(message);
  if (!part) return fail(part.error());
  return std::move(part->assignment);
}

}  // namespace weir::nodelink
