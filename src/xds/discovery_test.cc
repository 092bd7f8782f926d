// Our bytes against the generated code of protobuf, both ways.
#include "xds/discovery.h"

#include <doctest/doctest.h>
#include <envoy/service/discovery/v3/discovery.pb.h>

namespace weir::xds {
namespace {

namespace discovery = envoy::service::discovery::v3;

Response sample() {
  Response response{.type = Type::kEndpoints, .version = "v", .nonce = "1f"};
  response.resources = {make_resource(Type::kEndpoints, "web", std::string(70'000, 'b'), "services/web"),
                        make_resource(Type::kEndpoints, "db", "", "services/db")};
  return response;
}

TEST_CASE("a response is what protobuf reads") {
  discovery::DiscoveryResponse whole;
  REQUIRE(whole.ParseFromString(encode(Variant::kWhole, sample())));
  CHECK(whole.version_info() == "v");
  CHECK(whole.nonce() == "1f");
  CHECK(whole.type_url() == info_of(Type::kEndpoints).url);
  REQUIRE(whole.resources_size() == 2);
  CHECK(whole.resources(0).type_url() == info_of(Type::kEndpoints).url);
  CHECK(whole.resources(0).value() == std::string(70'000, 'b'));
  Response changed = sample();
  changed.removed = {"old", ""};
  discovery::DeltaDiscoveryResponse delta;
  REQUIRE(delta.ParseFromString(encode(Variant::kDelta, changed)));
  REQUIRE(delta.resources_size() == 2);
  CHECK(delta.resources(0).name() == "web");
  CHECK(delta.resources(0).version() == changed.resources[0]->version);
  CHECK(delta.resources(1).resource().value().empty());
  REQUIRE(delta.removed_resources_size() == 2);
  CHECK(delta.removed_resources(0) == "old");
}

TEST_CASE("a response of protobuf is read; one of another type, or cut, is refused") {
  const std::string bytes = encode(Variant::kDelta, sample());
  discovery::DeltaDiscoveryResponse message;
  REQUIRE(message.ParseFromString(bytes));
  message.mutable_control_plane()->set_identifier("other");
  message.mutable_resources(0)->mutable_ttl()->set_seconds(5);
  const Result<Response> response = decode_response(message.SerializeAsString());
  REQUIRE(response);
  CHECK(response->nonce == "1f");
  REQUIRE(response->resources.size() == 2);
  CHECK(response->resources[0]->body == std::string(70'000, 'b'));
  CHECK(response->resources[0]->name == "web");
  message.mutable_resources(1)->mutable_resource()->set_type_url(std::string(info_of(Type::kCluster).url));
  CHECK(decode_response(message.SerializeAsString()).error().code == Code::kInvalid);
  message.set_type_url("type.googleapis.com/what");
  CHECK(decode_response(message.SerializeAsString()).error().code == Code::kInvalid);
  CHECK(decode_response(bytes.substr(0, bytes.size() - 1)).error().code == Code::kMalformed);
}

TEST_CASE("requests of protobuf are read, in both variants") {
  discovery::DiscoveryRequest whole;
  whole.set_version_info("7");
  whole.mutable_node()->set_id("n1");
  whole.mutable_node()->set_cluster("edge");
  whole.mutable_node()->set_user_agent_name("envoy");
  whole.mutable_node()->set_user_agent_version("1.40");
  whole.mutable_node()->mutable_locality()->set_region("eu");
  auto& metadata = *whole.mutable_node()->mutable_metadata()->mutable_fields();
  metadata["http"].set_string_value("8080");
  metadata["number"].set_number_value(1);
  metadata["labels"].mutable_struct_value();
  whole.add_resource_names("a");
  whole.add_resource_names("b");
  whole.set_type_url("t");
  whole.set_response_nonce("n");
  whole.mutable_error_detail()->set_code(3);
  whole.mutable_error_detail()->set_message("bad");
  const std::string bytes = whole.SerializeAsString();
  const Result<Request> request = decode_request(Variant::kWhole, bytes);
  REQUIRE(request);
  CHECK(request->version == "7");
  CHECK(request->node->id == "n1");
  CHECK(request->node->cluster == "edge");
  CHECK(request->node->user_agent == "envoy 1.40");
  CHECK(request->node->metadata == std::map<std::string, std::string>{{"http", "8080"}});
  CHECK(request->names == std::vector<std::string>{"a", "b"});
  CHECK(request->type_url == "t");
  CHECK(request->nonce == "n");
  CHECK(request->error == "bad");
  for (std::size_t i = 1; i < bytes.size(); ++i) (void)decode_request(Variant::kWhole, bytes.substr(0, i));
  CHECK_FALSE(decode_request(Variant::kWhole, bytes.substr(0, bytes.size() - 1)));
}

TEST_CASE("our own requests are what protobuf reads, and are read again") {
  Request request{.type_url = "t",
                  .node = Node{"n1", "edge", "weir", {{"revision", "7"}, {"address", "::"}}},
                  .names = {"a", "*"},
                  .unsubscribed = {"c"},
                  .initial_versions = {{"a", "1"}, {"b", "2"}},
                  .nonce = "n",
                  .error = "why"};
  const std::string bytes = encode(request);
  discovery::DeltaDiscoveryRequest message;
  REQUIRE(message.ParseFromString(bytes));
  CHECK(message.node().id() == "n1");
  CHECK(message.node().user_agent_name() == "weir");
  CHECK(message.node().metadata().fields().at("revision").string_value() == "7");
  CHECK(message.resource_names_subscribe(1) == "*");
  CHECK(message.resource_names_unsubscribe(0) == "c");
  CHECK(message.initial_resource_versions().at("b") == "2");
  CHECK(message.response_nonce() == "n");
  CHECK(message.error_detail().code() == 3);
  CHECK(message.error_detail().message() == "why");
  const Result<Request> again = decode_request(Variant::kDelta, bytes);
  REQUIRE(again);
  CHECK(again->initial_versions == request.initial_versions);
  CHECK(again->names == request.names);
  CHECK(again->node->metadata == request.node->metadata);
  CHECK(again->error == request.error);
}

}  // namespace
}  // namespace weir::xds
