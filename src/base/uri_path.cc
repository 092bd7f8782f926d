#include "base/uri_path.h"

#include <cstddef>

#include "base/text.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace weir {
namespace {

bool is_unreserved(char c) {  // RFC 3986 section 2.3
  const char lower = ascii_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The byte that the "%" at that place encodes, or -1.
int encoded_byte(std::string_view path, std::size_t place) {
  if (place + 2 >= path.size()) return -1;
  const int high = hex_value(path[place + 1]);
  const int low = hex_value(path[place + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

char upper(char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_dots(std::string_view segment) { return segment == "." || segment == ".."; }

std::string decoded(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      out += path[i];
      continue;
    }
    const auto byte = static_cast<char>(encoded_byte(path, i));
    if (is_unreserved(byte)) {
      out += byte;
    } else {
      out.append({'%', upper(path[i + 1]), upper(path[i + 2])});
    }
    i += 2;
  }
  return out;
}

bool is_suspicious(char c, char next) {
  return c == '%' || c == '\\' || (c == '/' && (next == '/' || next == '.'));
}

}  // namespace

PathForm form_of(std::string_view path) {
  PathForm form;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '\\') form.hides_slash = true;
    if (c == '%') {
      const int byte = encoded_byte(path, i);
      if (byte <= 0) return {.valid = false};
      const auto plain = static_cast<char>(byte);
      form.hides_slash |= plain == '/' || plain == '\\';
      form.normal &=
          !is_unreserved(plain) && path[i + 1] == upper(path[i + 1]) && path[i + 2] == upper(path[i + 2]);
      i += 2;
    }
    if (c != '/' || i + 1 == path.size()) continue;
    const std::string_view rest = path.substr(i + 1);
    if (rest.front() == '/' || (rest.front() == '.' && is_dots(rest.substr(0, rest.find('/')))))
      form.normal = false;
  }
  return form;
}

std::string normal_path(std::string_view path) {
  const std::string plain = decoded(path);
  std::string out;
  out.reserve(plain.size());
  std::string_view rest = plain;
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the "/" in front of a segment
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    if (segment == "..") out.resize(out.empty() ? 0 : out.rfind('/'));
    const bool stays = !segment.empty() && !is_dots(segment);
    if (stays) out.append("/").append(segment);
    if (!stays && rest.empty()) out += '/';  // "/a/." is the folder "/a/"
  }
  return out;
}

bool may_not_be_normal(std::string_view path) {
  const char* at = path.data();
  const char* const end = at + path.size();
#if defined(__x86_64__)
  const auto found = [](const char* from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 1));
    const auto is = [](__m128i those, char c) { return _mm_cmpeq_epi8(those, _mm_set1_epi8(c)); };
    const __m128i pair = _mm_and_si128(is(bytes, '/'), _mm_or_si128(is(next, '/'), is(next, '.')));
    return _mm_movemask_epi8(_mm_or_si128(pair, _mm_or_si128(is(bytes, '%'), is(bytes, '\\')))) != 0;
  };
  for (; end - at > 16; at += 16) {
    if (found(at)) return true;
  }
#endif
  for (; at != end; ++at) {
    if (is_suspicious(*at, at + 1 == end ? '\0' : at[1])) return true;
  }
  return false;
}

std::string encoded(std::string_view text, std::string_view kept) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c) || kept.contains(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kDigits[byte >> 4U], kDigits[byte & 15U]});
    }
  }
  return out;
}

}  // namespace weir
