#include "h2/frames_fixture.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include "base/check.h"

namespace weir::h2 {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i) & 0xffU));
  return text;
}

std::uint32_t number_in(std::string_view text, std::size_t at, std::size_t bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8U | static_cast<unsigned char>(text[at + i]);
  return value;
}

std::string literal(std::string_view text) {
  std::string out;
  if (text.size() < 127) {
    out.push_back(static_cast<char>(text.size()));
  } else {  // RFC 7541 section 5.1
    out.push_back(127);
    std::size_t rest = text.size() - 127;
    for (; rest >= 128; rest /= 128) out.push_back(static_cast<char>(rest % 128 + 128));
    out.push_back(static_cast<char>(rest));
  }
  return out.append(text);
}

}  // namespace

std::string frame(FrameType type, std::uint8_t flags, std::int32_t id, std::string_view payload) {
  std::string out = number(payload.size(), 3);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  return out.append(number(static_cast<std::uint32_t>(id), 4)).append(payload);
}

std::string preface() { return std::string(kPreface) + settings({}); }

std::string settings(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> entries) {
  std::string payload;
  for (const auto& [id, value] : entries) payload += number(id, 2) + number(value, 4);
  return frame(FrameType::kSettings, 0, 0, payload);
}

std::string data(std::int32_t id, std::string_view content, bool end) {
  return frame(FrameType::kData, end ? kFlagEndStream : 0, id, content);
}
std::string rst_stream(std::int32_t id, ErrorCode code) {
  return frame(FrameType::kRstStream, 0, id, number(static_cast<std::uint32_t>(code), 4));
}
std::string window_update(std::int32_t id, std::uint32_t bytes) {
  return frame(FrameType::kWindowUpdate, 0, id, number(bytes, 4));
}
std::string goaway(std::int32_t last, ErrorCode code) {
  return frame(FrameType::kGoaway, 0, 0,
               number(static_cast<std::uint32_t>(last), 4) + number(static_cast<std::uint32_t>(code), 4));
}
std::string ping() { return frame(FrameType::kPing, 0, 0, "12345678"); }

std::string hpack(const FieldList& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block.push_back(0);
    block += literal(name) + literal(value);
  }
  return block;
}

std::string headers(std::int32_t id, const FieldList& fields, bool end) {
  const auto flags = static_cast<std::uint8_t>(kFlagEndHeaders | (end ? kFlagEndStream : 0));
  return frame(FrameType::kHeaders, flags, id, hpack(fields));
}

namespace {
FieldList request(std::string_view method, std::string_view path, const FieldList& more) {
  FieldList fields = {{":method", std::string(method)},
                      {":scheme", "http"},
                      {":authority", "a"},
                      {":path", std::string(path)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}
}  // namespace

std::string get(std::int32_t id, std::string_view path, const FieldList& more) {
  return headers(id, request("GET", path, more), true);
}
std::string post(std::int32_t id, std::string_view path, const FieldList& more) {
  return headers(id, request("POST", path, more), false);
}

struct FrameReader::State {
  nghttp2_hd_inflater* inflater = nullptr;
  std::string bytes;

  std::string fields(std::string_view block) {
    std::string text;
    const auto* next = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    for (;;) {
      nghttp2_nv field{};
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, next, left, 1);
      WEIR_CHECK(used >= 0);
      next += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        const std::string name(reinterpret_cast<const char*>(field.name), field.namelen);
        const std::string value(reinterpret_cast<const char*>(field.value), field.valuelen);
        if (name != "date") text += " " + name + "=" + value;
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater);
    return text;
  }

  std::string line(const FrameHead& head, std::string_view payload) {
    const std::string end = (head.flags & kFlagEndStream) != 0 ? " end" : "";
    switch (head.type) {
      case FrameType::kData: return fmt::format("DATA {}{} {}", head.stream_id, end, payload);
      case FrameType::kHeaders: return fmt::format("HEADERS {}{}{}", head.stream_id, end, fields(payload));
      case FrameType::kRstStream:
        return fmt::format("RST_STREAM {} {}", head.stream_id, number_in(payload, 0, 4));
      case FrameType::kSettings: return end.empty() ? "SETTINGS" : "SETTINGS ack";
      case FrameType::kPing: return end.empty() ? "PING" : "PING ack";
      case FrameType::kGoaway:
        return fmt::format("GOAWAY {} {}", number_in(payload, 0, 4), number_in(payload, 4, 4));
      case FrameType::kWindowUpdate:
        return fmt::format("WINDOW_UPDATE {} {}", head.stream_id, number_in(payload, 0, 4));
      default: return fmt::format("FRAME {}", static_cast<int>(head.type));
    }
  }
};

FrameReader::FrameReader() : state_(std::make_unique<State>()) {
  WEIR_CHECK(nghttp2_hd_inflate_new(&state_->inflater) == 0);
}
FrameReader::FrameReader(FrameReader&&) noexcept = default;
FrameReader::~FrameReader() {
  if (state_) nghttp2_hd_inflate_del(state_->inflater);
}

std::string FrameReader::read(std::string_view bytes) {
  std::string lines;
  state_->bytes.append(bytes);
  if (state_->bytes.starts_with(kPreface)) {
    state_->bytes.erase(0, kPreface.size());
    lines += "PREFACE\n";
  }
  std::string_view left = state_->bytes;
  while (left.size() >= FrameScanner::kHeadBytes) {
    FrameScanner scanner;
    const FrameScanner::Step step = scanner.next(net::as_slice(left.substr(0, FrameScanner::kHeadBytes)));
    if (!step.head) break;
    const std::size_t whole = FrameScanner::kHeadBytes + step.head->length;
    if (left.size() < whole) break;
    lines += state_->line(*step.head, left.substr(FrameScanner::kHeadBytes, step.head->length)) + "\n";
    left.remove_prefix(whole);
  }
  state_->bytes.erase(0, state_->bytes.size() - left.size());
  return lines;
}

std::string FramePeer::take_streams() {
  std::string kept;
  const std::string all = take();
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find('\n', at) + 1;
    const std::string_view line = std::string_view(all).substr(at, end - at);
    if (!line.starts_with("SETTINGS") && !line.starts_with("WINDOW_UPDATE") && !line.starts_with("PREFACE")) {
      kept += line;
    }
    at = end;
  }
  return kept;
}

}  // namespace weir::h2
