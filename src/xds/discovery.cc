#include "xds/discovery.h"

#include <envoy/service/discovery/v3/discovery.pb.h>

#include <memory>

namespace weir::xds {

namespace {

namespace discovery = envoy::service::discovery::v3;

// --- protobuf's wire format, as far as responses need it: fields of bytes

constexpr unsigned kBytesWire = 2;

std::size_t varint_bytes(std::uint64_t value) {
  std::size_t bytes = 1;
  for (; value >= 0x80; value >>= 7U) ++bytes;
  return bytes;
}

void put_varint(std::string& into, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) into.push_back(static_cast<char>(value | 0x80U));
  into.push_back(static_cast<char>(value));
}

// Field numbers here are below 16: their tags are one byte.
std::size_t field_bytes(std::size_t content) { return 1 + varint_bytes(content) + content; }

void put_head(std::string& into, unsigned field, std::size_t content) {
  into.push_back(static_cast<char>(field << 3U | kBytesWire));
  put_varint(into, content);
}

void put_field(std::string& into, unsigned field, std::string_view content) {
  put_head(into, field, content.size());
  into.append(content);
}

// google.protobuf.Any: type_url = 1, value = 2
std::size_t any_bytes(const Resource& resource) {
  return field_bytes(info_of(resource.type).url.size()) + field_bytes(resource.body.size());
}

void put_any(std::string& into, unsigned field, const Resource& resource) {
  put_head(into, field, any_bytes(resource));
  put_field(into, 1, info_of(resource.type).url);
  put_field(into, 2, resource.body);
}

// discovery.v3.Resource: version = 1, resource = 2, name = 3
std::size_t resource_bytes(const Resource& resource) {
  return field_bytes(resource.version.size()) + field_bytes(any_bytes(resource)) +
         field_bytes(resource.name.size());
}

void put_resource(std::string& into, unsigned field, const Resource& resource) {
  put_head(into, field, resource_bytes(resource));
  put_field(into, 1, resource.version);
  put_any(into, 2, resource);
  put_field(into, 3, resource.name);
}

template <class Message>
Request common_of(const Message& message) {
  Request request;
  request.type_url = message.type_url();
  request.nonce = message.response_nonce();
  if (message.has_error_detail()) request.error = message.error_detail().message();
  if (message.has_node()) {
    const auto& node = message.node();
    request.node = Node{node.id(), node.cluster(), node.user_agent_name() + " " + node.user_agent_version()};
  }
  return request;
}

}  // namespace

// DiscoveryResponse and DeltaDiscoveryResponse agree in: version = 1, resources = 2, type_url = 4, nonce = 5.
std::string encode(Variant variant, const Response& response) {
  const bool delta = variant == Variant::kDelta;
  const std::string_view url = info_of(response.type).url;
  std::size_t bytes =
      field_bytes(response.version.size()) + field_bytes(url.size()) + field_bytes(response.nonce.size());
  for (const ResourcePtr& resource : response.resources) {
    bytes += field_bytes(delta ? resource_bytes(*resource) : any_bytes(*resource));
  }
  for (const std::string& name : response.removed) bytes += field_bytes(name.size());
  std::string into;
  into.reserve(bytes);
  put_field(into, 1, response.version);
  for (const ResourcePtr& resource : response.resources) {
    if (delta) {
      put_resource(into, 2, *resource);
    } else {
      put_any(into, 2, *resource);
    }
  }
  put_field(into, 4, url);
  put_field(into, 5, response.nonce);
  for (const std::string& name : response.removed) put_field(into, 6, name);
  return into;
}

Result<Request> decode_request(Variant variant, std::string_view bytes) {
  const int size = static_cast<int>(bytes.size());
  if (variant == Variant::kWhole) {
    discovery::DiscoveryRequest message;
    if (!message.ParseFromArray(bytes.data(), size)) return fail(Code::kMalformed, "not a DiscoveryRequest");
    Request request = common_of(message);
    request.version = message.version_info();
    request.names.assign(message.resource_names().begin(), message.resource_names().end());
    return request;
  }
  discovery::DeltaDiscoveryRequest message;
  if (!message.ParseFromArray(bytes.data(), size)) {
    return fail(Code::kMalformed, "not a DeltaDiscoveryRequest");
  }
  Request request = common_of(message);
  request.names.assign(message.resource_names_subscribe().begin(), message.resource_names_subscribe().end());
  request.unsubscribed.assign(message.resource_names_unsubscribe().begin(),
                              message.resource_names_unsubscribe().end());
  for (const auto& [name, version] : message.initial_resource_versions()) {
    request.initial_versions.emplace_back(name, version);
  }
  return request;
}

std::string encode(const Request& request) {
  discovery::DeltaDiscoveryRequest message;
  message.set_type_url(request.type_url);
  message.set_response_nonce(request.nonce);
  if (request.node) {
    message.mutable_node()->set_id(request.node->id);
    message.mutable_node()->set_cluster(request.node->cluster);
    message.mutable_node()->set_user_agent_name(request.node->user_agent);
  }
  for (const std::string& name : request.names) message.add_resource_names_subscribe(name);
  for (const std::string& name : request.unsubscribed) message.add_resource_names_unsubscribe(name);
  for (const auto& [name, version] : request.initial_versions) {
    (*message.mutable_initial_resource_versions())[name] = version;
  }
  if (request.error) {
    constexpr int kInvalidArgument = 3;  // google.rpc.Code
    message.mutable_error_detail()->set_code(kInvalidArgument);
    message.mutable_error_detail()->set_message(*request.error);
  }
  return message.SerializeAsString();
}

Result<Response> decode_response(std::string_view bytes) {
  discovery::DeltaDiscoveryResponse message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(Code::kMalformed, "not a DeltaDiscoveryResponse", Side::kUpstream);
  }
  const TypeInfo* info = find_type(message.type_url());
  if (info == nullptr)
    return fail(Code::kInvalid, "a response of a type that was not asked for", Side::kUpstream);
  Response response;
  response.type = info->type;
  response.version = message.system_version_info();
  response.nonce = message.nonce();
  for (discovery::Resource& resource : *message.mutable_resources()) {
    if (resource.resource().type_url() != info->url) {
      return fail(Code::kInvalid, "a resource of another type than its response", Side::kUpstream);
    }
    response.resources.push_back(
        std::make_shared<const Resource>(Resource{info->type,
                                                  std::move(*resource.mutable_name()),
                                                  std::move(*resource.mutable_version()),
                                                  std::move(*resource.mutable_resource()->mutable_value()),
                                                  {}}));
  }
  response.removed.assign(message.removed_resources().begin(), message.removed_resources().end());
  return response;
}

}  // namespace weir::xds
