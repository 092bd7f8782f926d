#include "xds/discovery.h"

#include <memory>

#include "xds/limits.h"

namespace weir::xds {

namespace {

// --- protobuf's wire format, as far as these messages need it: fields of bytes

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

// Reads fields one after the other. What is not of bytes is passed over.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}
  // The next field of bytes; false: there is none, or what is left is no message (see whole()).
  bool next() {
    while (whole_ && !bytes_.empty()) {
      const std::uint64_t tag = varint();
      field_ = static_cast<unsigned>(tag >> 3U);
      if (field_ == 0) whole_ = false;
      switch (tag & 7U) {
        case 0: varint(); break;
        case 1: take(8); break;
        case kBytesWire:
          content_ = take(varint());
          if (whole_) return true;
          break;
        case 5: take(4); break;
        default: whole_ = false;
      }
    }
    return false;
  }
  unsigned field() const { return field_; }
  std::string_view content() const { return content_; }
  std::string text() const { return std::string(content_); }
  // Everything was read, and was what it should be.
  bool whole() const { return whole_; }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) return value;
    }
    whole_ = false;
    return 0;
  }
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size()) whole_ = false;
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view bytes_;
  std::string_view content_;
  unsigned field_ = 0;
  bool whole_ = true;
};

// An entry of Struct.fields whose value is a text: key = 1, value = 2 {string_value = 3}
bool decode_metadata_entry(std::string_view bytes, Node& node) {
  std::string_view key;
  std::string_view value;
  bool is_text = false;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.field() == 1) key = fields.content();
    if (fields.field() != 2) continue;
    Fields parts(fields.content());
    while (parts.next()) {
      if (parts.field() != 3) continue;
      value = parts.content();
      is_text = true;
    }
    if (!parts.whole()) return false;
  }
  if (is_text && node.metadata.size() < kMetadataMax && key.size() <= kMetadataBytesMax &&
      value.size() <= kMetadataBytesMax) {
    node.metadata.insert_or_assign(std::string(key), std::string(value));
  }
  return fields.whole();
}

// google.protobuf.Struct: fields = 1
bool decode_metadata(std::string_view bytes, Node& node) {
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.field() == 1 && !decode_metadata_entry(fields.content(), node)) return false;
  }
  return fields.whole();
}

// core.v3.Node
bool decode(std::string_view bytes, Node& node) {
  Fields fields(bytes);
  while (fields.next()) {
    switch (fields.field()) {
      case 1: node.id = fields.content(); break;
      case 2: node.cluster = fields.content(); break;
      case 3:
        if (!decode_metadata(fields.content(), node)) return false;
        break;
      case 6:  // user_agent_name
        node.user_agent.insert(0, fields.content());
        break;
      case 7:  // user_agent_version
        node.user_agent += " " + fields.text();
        break;
      default: break;
    }
  }
  return fields.whole();
}

// google.rpc.Status: its message
bool decode(std::string_view bytes, std::string& message) {
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.field() == 2) message = fields.content();
  }
  return fields.whole();
}

// An entry of map<string, string>
bool decode(std::string_view bytes, std::pair<std::string_view, std::string_view>& entry) {
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.field() == 1) entry.first = fields.content();
    if (fields.field() == 2) entry.second = fields.content();
  }
  return fields.whole();
}

bool take_whole_field(const Fields& fields, Request& request) {
  switch (fields.field()) {
    case 1: request.version = fields.content(); return true;
    case 2: return decode(fields.content(), request.node.emplace());
    case 3: request.names.emplace_back(fields.content()); return true;
    case 4: request.type_url = fields.content(); return true;
    case 5: request.nonce = fields.content(); return true;
    case 6: return decode(fields.content(), request.error.emplace());
    default: return true;
  }
}

bool take_delta_field(const Fields& fields, Request& request) {
  switch (fields.field()) {
    case 1: return decode(fields.content(), request.node.emplace());
    case 2: request.type_url = fields.content(); return true;
    case 3: request.names.emplace_back(fields.content()); return true;
    case 4: request.unsubscribed.emplace_back(fields.content()); return true;
    case 5: return decode(fields.content(), request.initial_versions.emplace_back());
    case 6: request.nonce = fields.content(); return true;
    case 7: return decode(fields.content(), request.error.emplace());
    default: return true;
  }
}

// discovery.v3.Resource, with the type of its Any
bool decode(std::string_view bytes, Resource& resource, std::string_view& url) {
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.field() == 1) resource.version = fields.content();
    if (fields.field() == 3) resource.name = fields.content();
    if (fields.field() != 2) continue;
    Fields any(fields.content());
    while (any.next()) {
      if (any.field() == 1) url = any.content();
      if (any.field() == 2) resource.body = any.content();
    }
    if (!any.whole()) return false;
  }
  return fields.whole();
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
  Request request;
  Fields fields(bytes);
  bool whole = true;
  while (whole && fields.next()) {
    whole =
        variant == Variant::kWhole ? take_whole_field(fields, request) : take_delta_field(fields, request);
  }
  if (!whole || !fields.whole()) return fail(Code::kMalformed, "not a request of discovery");
  return request;
}

namespace {

std::string encode(const Node& node) {
  std::string into;
  put_field(into, 1, node.id);
  put_field(into, 2, node.cluster);
  std::string metadata;  // google.protobuf.Struct
  for (const auto& [key, text] : node.metadata) {
    std::string value;  // google.protobuf.Value
    put_field(value, 3, text);
    std::string entry;
    put_field(entry, 1, key);
    put_field(entry, 2, value);
    put_field(metadata, 1, entry);
  }
  if (!metadata.empty()) put_field(into, 3, metadata);
  put_field(into, 6, node.user_agent);
  return into;
}

}  // namespace

std::string encode(const Request& request) {
  std::string into;
  if (request.node) put_field(into, 1, encode(*request.node));
  put_field(into, 2, request.type_url);
  for (const std::string& name : request.names) put_field(into, 3, name);
  for (const std::string& name : request.unsubscribed) put_field(into, 4, name);
  for (const auto& [name, version] : request.initial_versions) {
    put_head(into, 5, field_bytes(name.size()) + field_bytes(version.size()));
    put_field(into, 1, name);
    put_field(into, 2, version);
  }
  put_field(into, 6, request.nonce);
  if (request.error) {
    constexpr std::string_view kInvalidArgument("\x08\x03", 2);  // code = 1, a varint
    put_head(into, 7, kInvalidArgument.size() + field_bytes(request.error->size()));
    into.append(kInvalidArgument);
    put_field(into, 2, *request.error);
  }
  return into;
}

Result<Response> decode_response(std::string_view bytes) {
  Response response;
  std::string_view type_url;
  std::vector<std::string_view> resources;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.field() == 1) response.version = fields.content();
    if (fields.field() == 2) resources.push_back(fields.content());
    if (fields.field() == 4) type_url = fields.content();
    if (fields.field() == 5) response.nonce = fields.content();
    if (fields.field() == 6) response.removed.emplace_back(fields.content());
  }
  if (!fields.whole()) return fail(Code::kMalformed, "not a DeltaDiscoveryResponse", Side::kUpstream);
  const TypeInfo* info = find_type(type_url);
  if (info == nullptr) return fail(Code::kInvalid, "a response of an unknown type", Side::kUpstream);
  response.type = info->type;
  for (const std::string_view part : resources) {
    Resource resource;
    resource.type = info->type;
    std::string_view url;
    if (!decode(part, resource, url)) {
      return fail(Code::kMalformed, "not a resource of discovery", Side::kUpstream);
    }
    if (url != info->url) {
      return fail(Code::kInvalid, "a resource of another type than its response", Side::kUpstream);
    }
    response.resources.push_back(std::make_shared<const Resource>(std::move(resource)));
  }
  return response;
}

}  // namespace weir::xds
