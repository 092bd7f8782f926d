#include "xds/resource.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <utility>

#include "lb/hash.h"

namespace weir::xds {
namespace {

// protobuf writes about every message that it can't read to stderr, which is no peer's to fill.
[[maybe_unused]] const auto kSilenced = google::protobuf::SetLogHandler(nullptr);

}  // namespace

const TypeInfo* find_type(std::string_view url) {
  for (const TypeInfo& info : kTypes) {
    if (info.url == url) return &info;
  }
  return nullptr;
}

ResourcePtr make_resource(Type type, std::string name, std::string body, std::string object) {
  std::string version = fmt::format("{:016x}", lb::hash_bytes(body));
  return std::make_shared<const Resource>(
      Resource{type, std::move(name), std::move(version), std::move(body), std::move(object)});
}

std::string serialize(const google::protobuf::MessageLite& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }  // which trims bytes to what was written
  return bytes;
}

}  // namespace weir::xds
