#include "console/files.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "http/fields.h"
#include "http/message.h"

namespace weir::console {
namespace {

struct Range {
  std::size_t offset = 0;
  std::size_t bytes = 0;
};
struct Packed {
  std::string_view path;
  std::string_view media_type;
  std::string_view hash;
  Range plain;
  Range gzip;
  Range brotli;
};

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"  // #embed
#include <console_archive.inc>
#pragma clang diagnostic pop

using http::Known;

constexpr std::string_view kAssets = "/assets/";
constexpr std::string_view kPage = "/index.html";

// What a page of the console may load and do: its own files and its own controller, and nothing else.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kSafety{{
    {"Content-Security-Policy", kPolicy},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
}};

// Whether it is not the zero of "gzip;q=0".
bool is_wanted(std::string_view weight) {
  const std::size_t equals = weight.find('=');
  if (equals == std::string_view::npos) return true;
  return weight.substr(equals + 1).find_first_not_of(" 0.") != std::string_view::npos;
}

// Accept-Encoding (RFC 9110 section 12.5.3), without "*": what names nothing gets the file as it is.
bool takes(const http::Fields& fields, std::string_view coding) {
  for (const http::Field& field : fields) {
    if (field.known != Known::kAcceptEncoding) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view one = rest.substr(0, comma);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      const std::size_t semicolon = std::min(one.find(';'), one.size());
      if (equal_ignoring_case(trim(one.substr(0, semicolon)), coding)) {
        return is_wanted(one.substr(semicolon));
      }
    }
  }
  return false;
}

// If-None-Match, by weak comparison.
bool has_already(const http::Fields& fields, std::string_view tag) {
  const std::string_view known = fields.value_of(Known::kIfNoneMatch);
  return known == "*" || (!known.empty() && known.find(tag) != std::string_view::npos);
}

// One of the forms of a file, from the memory of the program.
class FileResponse final : public http::Response {
 public:
  FileResponse(const File& file, const http::Fields& asked) {
    std::string_view coding;
    content_ = file.plain;
    if (!file.brotli.empty() && takes(asked, "br")) {
      coding = "br";
      content_ = file.brotli;
    } else if (!file.gzip.empty() && takes(asked, "gzip")) {
      coding = "gzip";
      content_ = file.gzip;
    }
    tag_.append("\"").append(file.hash).append(coding.empty() ? "" : "-").append(coding).append("\"");
    const bool known = has_already(asked, tag_);
    if (known) content_ = {};
    head.status = known ? 304 : 200;
    head.reason = http::reason_of(head.status);
    head.framing = known ? http::Framing::kNone : http::Framing::kLength;
    head.content_length = content_.size();
    taken_ = content_.empty();
    if (!known) {
      length_ = std::to_string(content_.size());
      head.fields.add(Known::kContentLength, length_);
      head.fields.add(Known::kContentType, file.media_type);
      if (!coding.empty()) head.fields.add(Known::kContentEncoding, coding);
    }
    const bool is_asset = file.path.starts_with(kAssets);
    head.fields.add(Known::kCacheControl, is_asset ? "public, max-age=31536000, immutable" : "no-cache");
    head.fields.add(Known::kVary, is_asset ? "Accept-Encoding" : "Accept, Accept-Encoding");
    head.fields.add(Known::kEtag, tag_);
    for (const auto& [name, value] : kSafety) head.fields.add(name, value);
  }

  net::Task<Result<net::Slice>> read() override { co_return take_buffered(); }
  net::Slice take_buffered() override {
    if (std::exchange(taken_, true)) return {};
    return net::as_slice(content_);
  }
  bool at_end() const override { return taken_; }

 private:
  std::string_view content_;
  std::string tag_;
  std::string length_;
  bool taken_ = false;
};

std::vector<File> unpack() {
  const std::string_view archive(reinterpret_cast<const char*>(kArchive), sizeof kArchive);
  const auto part = [&](Range range) { return archive.substr(range.offset, range.bytes); };
  std::vector<File> files;
  for (const Packed& one : kPacked) {
    files.push_back({one.path, one.media_type, one.hash, part(one.plain), part(one.gzip), part(one.brotli)});
  }
  return files;
}

}  // namespace

std::span<const File> files() {
  static const std::vector<File> files = unpack();
  return files;
}

http::ResponsePtr answer(const http::Request& request, std::span<const File> of) {
  const http::Method method = request.head.method;
  if (method != http::Method::kGet && method != http::Method::kHead) return nullptr;
  std::string_view path = request.head.path;
  if (!path.starts_with(kAssets)) {
    if (request.head.fields.value_of(Known::kAccept).find("text/html") == std::string_view::npos)
      return nullptr;
    path = kPage;
  }
  const auto file = std::ranges::find(of, path, &File::path);
  if (file == of.end()) return nullptr;
  return std::make_unique<FileResponse>(*file, request.head.fields);
}

}  // namespace weir::console
