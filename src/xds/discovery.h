// The messages of discovery as plain values, in one form for both variants of the protocol, and their bytes.
// Responses are put together from the bodies of resources as they are: what a thousand streams get was
// serialised once. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "xds/resource.h"

namespace weir::xds {

enum class Variant : std::uint8_t { kWhole, kDelta };  // state of the world, incremental

// In the metadata of one of weir's own edges: up to which revision it has everything.
inline constexpr std::string_view kRevisionKey = "revision";

struct Node {
  std::string id;
  std::string cluster;
  std::string user_agent;                       // name and version
  std::map<std::string, std::string> metadata;  // what of it is text, kMetadataMax entries at most
};

struct Request {
  std::string type_url;
  std::optional<Node> node;        // in the first request of a stream
  std::vector<std::string> names;  // whole: all of them; delta: resource_names_subscribe
  std::vector<std::string> unsubscribed;
  // By name. Views into the bytes that it was decoded from: a client that comes back names all it has.
  std::vector<std::pair<std::string_view, std::string_view>> initial_versions;
  std::string version;  // whole only
  std::string nonce;
  std::optional<std::string> error;  // error_detail: what nonce names is refused
};

struct Response {
  Type type{};
  std::string version;
  std::string nonce;
  std::vector<ResourcePtr> resources;
  std::vector<std::string> removed;  // delta only
};

std::string encode(Variant variant, const Response& response);
// The bytes outlive the request.
Result<Request> decode_request(Variant variant, std::string_view bytes);

// The client's side, delta only.
std::string encode(const Request& request);
Result<Response> decode_response(std::string_view bytes);

}  // namespace weir::xds
