#include "nodelink/messages.h"

#include <doctest/doctest.h>
#include <weir.pb.h>

#include <string>

#include "xds/resource.h"

namespace weir::nodelink {
namespace {

using namespace std::chrono_literals;

NodeReport full_report() {
  return {.hello = Hello{.node = "fra-n1",
                         .version = "0.1.0",
                         .provider = "hetzner",
                         .region = "eu-central",
                         .city = "fra",
                         .address = "192.0.2.1",
                         .capacity = {.cpu_milli = 4000,
                                      .memory_bytes = std::uint64_t{8} << 30U,
                                      .instances_max = 200,
                                      .port_first = 20000,
                                      .port_last = 29999}},
          .instances = {{.name = "web-all-fra-1",
                         .version = "0123",
                         .state = State::kBackingOff,
                         .reason = "the container app ended with exit code 7",
                         .address = "10.88.0.2",
                         .restarts = 3,
                         .cpu_milli = 120,
                         .memory_bytes = 1000},
                        {.name = "web-all-fra-2"}},
          .gone = {"web-all-fra-3"},
          .complete = true,
          .revision = 42};
}

Assigned make_assigned(const std::string& name) {
  Assigned one{.name = name, .owner = "ada", .spec = {}, .lacks = {}};
  one.spec.workload = "web";
  one.spec.target = "all";
  one.spec.city = "fra";
  one.spec.number = 1;
  one.spec.node = "fra-n1";
  one.spec.version = "0123";
  one.spec.pull_secrets = {"registry"};
  one.spec.placed_at = WallTime(1s);
  one.spec.containers = {
      {.name = "app",
       .image = "registry.example/web:1",
       .env = {{.name = "PLAIN", .value = "x", .secret = {}},
               {.name = "KEY", .value = "s3cret", .secret = config::SecretKey{"keys", "a"}},
               {.name = "AGAIN", .value = "s3cret", .secret = config::SecretKey{"keys", "a"}},
               {.name = "NONE", .value = "", .secret = config::SecretKey{"keys", "b"}}},
       .ports = {{.port = 8080, .host_port = 20000}}}};
  return one;
}

Assignment full_assignment() {
  Assignment all{.revision = 7, .instances = {make_assigned("web-all-fra-1")}, .pull_credentials = {}};
  all.instances.push_back(make_assigned("web-all-fra-2"));
  all.instances.back().owner.clear();
  all.instances.back().lacks = "the secret keys has no key b";
  all.pull_credentials = {{"registry.example", "deploy", "hunter2", "registry"}};
  return all;
}

Result<Assignment> through_the_wire(const Assignment& assignment, std::size_t& messages) {
  Gathering gathering;
  const std::vector<std::string> all = serialize(assignment);
  messages = all.size();
  for (const std::string& message : all) {
    auto order = parse_order(message);
    if (!order) return fail(order.error());
    const auto whole = gathering.add(std::get<Part>(*order));
    if (!whole) return fail(whole.error());
    CHECK((*whole != nullptr) == (&message == &all.back()));
    if (*whole != nullptr) return **whole;
  }
  return fail(Code::kInvalid, "it does not end");
}

TEST_CASE("a report goes over the wire as it is") {
  CHECK(*parse_report(serialize(full_report())) == full_report());
  CHECK(*parse_report(serialize(NodeReport{})) == NodeReport{});
  CHECK(serialize(NodeReport{}).empty());
  CHECK_FALSE(parse_report("\xff"));
}

TEST_CASE("the states are those of the message") {
  CHECK(static_cast<int>(State::kPending) == v1::InstanceSeen::PENDING);
  CHECK(static_cast<int>(State::kReady) == v1::InstanceSeen::READY);
  CHECK(static_cast<int>(State::kFailed) == v1::InstanceSeen::FAILED);
  CHECK(name_of(State::kFailed) == "failed");
  CHECK(name_of(State::kBackingOff) == "backing_off");
  v1::NodeReport message;
  message.add_instances()->set_state(static_cast<v1::InstanceSeen::State>(99));
  CHECK(parse_report(xds::serialize(message))->instances[0].state == State::kPending);
}

TEST_CASE("a report beyond the limits is refused") {
  const auto why = [](const NodeReport& report) {
    const auto read = parse_report(serialize(report));
    return read ? std::string() : std::string(read.error().text);
  };
  const std::string longest(kTextBytesMax, 'x');
  NodeReport report = full_report();
  report.hello->region = longest;
  report.instances[0].reason = longest;
  report.gone[0] = longest;
  CHECK(why(report).empty());
  report.hello->region += 'x';
  CHECK(why(report) == "the node says too much about itself");
  report = full_report();
  report.instances[0].reason = longest + 'x';
  CHECK(why(report) == "a text of an instance is longer than 1024 bytes");
  report = full_report();
  report.gone[0] = longest + 'x';
  CHECK(why(report) == "a name of an instance is longer than 1024 bytes");
  report = full_report();
  report.instances.assign(kReportSeenMax, {});
  report.gone.assign(kReportGoneMax, {});
  CHECK(why(report).empty());
  report.instances.emplace_back();
  CHECK(why(report) == "a report has at most 1000 instances");
  report = full_report();
  report.gone.assign(kReportGoneMax + 1, {});
  CHECK(why(report) == "a report has at most 1000 instances");
  for (const auto& [first, last] : {std::pair(2U, 1U), std::pair(1U, 65536U)}) {
    report = full_report();
    report.hello->capacity.port_first = first;
    report.hello->capacity.port_last = last;
    CHECK(why(report) == "the node's ports are no range of ports");
  }
}

TEST_CASE("an assignment goes over the wire as it is, in as many messages as it needs") {
  std::size_t messages = 0;
  CHECK(*through_the_wire(full_assignment(), messages) == full_assignment());
  CHECK(messages == 1);
  CHECK(*through_the_wire({.revision = 9, .anew = true}, messages) ==
        Assignment{.revision = 9, .anew = true});
  CHECK(messages == 1);
  Assignment large = full_assignment();
  large.anew = true;
  large.instances.clear();
  for (int i = 0; i < 30; ++i) {
    large.instances.push_back(make_assigned("web-all-fra-" + std::to_string(i)));
    large.instances.back().spec.containers[0].args = {std::string(32000, 'x'), std::string(32000, 'y')};
  }
  CHECK(*through_the_wire(large, messages) == large);
  CHECK(messages == 4);
  CHECK(*parse_assignment(text_of(large)) == large);
  CHECK_FALSE(parse_assignment("\xff"));
}

TEST_CASE("the values of secrets are beside the object, once each") {
  const std::string message = serialize(full_assignment())[0];
  std::size_t times = 0;
  for (std::size_t at = message.find("s3cret"); at != std::string::npos;
       at = message.find("s3cret", at + 1)) {
    ++times;
  }
  CHECK(times == 2);  // for two instances
}

TEST_CASE("parts that do not fit together are refused") {
  Gathering gathering;
  REQUIRE(*gathering.add({.assignment = {.revision = 1}, .more = true}) == nullptr);
  CHECK(gathering.add({.assignment = {.revision = 2}}).error().text ==
        std::string("parts of two assignments came mixed"));
  Gathering many;
  Part part{.assignment = {.revision = 1}, .more = true};
  part.assignment.instances.assign(kAssignedMax, {});
  REQUIRE(many.add(part));
  part.assignment.instances.assign(1, {});
  CHECK(many.add(part).error().text == std::string("a node has at most 1000 instances"));
  Gathering twice;
  CHECK((*twice.add({.assignment = {.revision = 1}}))->revision == 1);
  CHECK((*twice.add({.assignment = {.revision = 2}}))->revision == 2);
}

TEST_CASE("an order beyond the limits is refused") {
  const auto why = [](const v1::NodeOrder& message) {
    const auto read = parse_order(xds::serialize(message));
    return read ? std::string() : std::string(read.error().text);
  };
  CHECK(why({}) == "an order of an unknown kind came");
  CHECK_FALSE(parse_order("\xff"));
  const auto with = [&](const auto& change) {
    v1::NodeOrder message;
    message.ParseFromString(serialize(full_assignment())[0]);
    change(*message.mutable_assignment());
    return why(message);
  };
  CHECK(with([](v1::AssignmentPart&) {}).empty());
  CHECK(with([](auto& part) { part.mutable_instances(0)->set_object("{}"); }) ==
        "what is to run is no Instance");
  CHECK(with([](auto& part) {
          part.mutable_instances(0)->set_object(
              R"({"kind":"Secret","metadata":{"name":"a"},"spec":{"values":{"a":"b"}}})");
        }) == "what is to run is no Instance");
  CHECK(with([](auto& part) { part.mutable_instances(0)->clear_values(); }) ==
        "a variable of an instance is not told");
  const std::string large = "an instance is described by more than 256 KiB";
  CHECK(with([](auto& part) {
          part.mutable_instances(0)->mutable_object()->append(kAssignedBytesMax, ' ');
        }) == large);
  CHECK(with([](auto& part) {  // two variables have it
          part.mutable_instances(0)->mutable_values(0)->set_value(std::string(kAssignedBytesMax / 2, 'x'));
        }) == large);
  CHECK(with([](auto& part) { part.mutable_instances(0)->set_lacks(std::string(kTextBytesMax + 1, 'x')); }) ==
        large);
  CHECK(with([](auto& part) {
          part.mutable_pull_credentials(0)->set_password(std::string(kCredentialBytesMax + 1, 'x'));
        }) == "a text of a registry's credentials is longer than 4096 bytes");
  CHECK(with([](auto& part) {
          for (std::size_t i = 0; i < kPullCredentialsMax; ++i) part.add_pull_credentials();
        }) == "a node has at most 1000 credentials of registries");
  CHECK(with([](auto& part) {
          for (std::size_t i = 0; i < kAssignedMax; ++i) part.add_instances();
        }) == "a node has at most 1000 instances");
}

TEST_CASE("the opening of a channel goes over the wire as it is") {
  const Open open{.id = "17", .what = R"({"logs":"web"})"};
  CHECK(std::get<Open>(*parse_order(serialize(open))) == open);
  CHECK_FALSE(parse_order(serialize(Open{.id = "", .what = "x"})));
  CHECK_FALSE(parse_order(serialize(Open{.id = std::string(kTextBytesMax + 1, 'x'), .what = {}})));
  CHECK_FALSE(parse_order(serialize(Open{.id = "1", .what = std::string(kOpenBytesMax + 1, 'x')})));
}

}  // namespace
}  // namespace weir::nodelink
