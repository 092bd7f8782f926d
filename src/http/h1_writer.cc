#include "http/h1_writer.h"

#include <array>
#include <bit>
#include <cstring>

namespace weir::http {
namespace {

// "00" to "99".
constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

constexpr std::array<std::uint64_t, kDecimalBytesMax> kPowersOfTen = [] {
  std::array<std::uint64_t, kDecimalBytesMax> powers{};
  std::uint64_t power = 1;
  for (std::uint64_t& entry : powers) {
    entry = power;
    power *= 10;
  }
  return powers;
}();

std::size_t decimal_bytes(std::uint64_t number) {
  const auto bits = static_cast<std::size_t>(std::bit_width(number | 1U));
  const std::size_t guess = bits * 1233 / 4096;  // 1233/4096 is a little over log10(2)
  return guess + (number >= kPowersOfTen[guess] || guess == 0 ? 1 : 0);
}

// Copies and tells where it ended. Short texts, which most names and values are, take two overlapping moves
// of a fixed size in place of a call.
char* put(char* place, std::string_view text) {
  const char* from = text.data();
  const std::size_t size = text.size();
  if (size > 32) {
    std::memcpy(place, from, size);
  } else if (size >= 16) {
    std::memcpy(place, from, 16);
    std::memcpy(place + size - 16, from + size - 16, 16);
  } else if (size >= 8) {
    std::memcpy(place, from, 8);
    std::memcpy(place + size - 8, from + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(place, from, 4);
    std::memcpy(place + size - 4, from + size - 4, 4);
  } else {
    for (std::size_t i = 0; i < size; ++i) place[i] = from[i];
  }
  return place + size;
}

constexpr std::string_view kVersion = "HTTP/1.1 ";
constexpr std::string_view kVersionEnd = " HTTP/1.1\r\n";
constexpr std::string_view kLineEnd = "\r\n";

}  // namespace

std::size_t write_decimal(std::uint64_t number, char* place) {
  const std::size_t bytes = decimal_bytes(number);
  char* at = place + bytes;
  while (number >= 100) {
    at -= 2;
    std::memcpy(at, kPairs.data() + number % 100 * 2, 2);
    number /= 100;
  }
  if (number >= 10) {
    std::memcpy(place, kPairs.data() + number * 2, 2);
  } else {
    *place = static_cast<char>('0' + number);
  }
  return bytes;
}

void HeadWriter::status_line(int status, std::string_view reason) {
  char* place = take(kVersion.size() + 4 + reason.size() + kLineEnd.size());
  if (place == nullptr) return;
  place = put(place, kVersion);
  const auto digits = static_cast<unsigned>(status);
  *place++ = static_cast<char>('0' + digits / 100 % 10);
  *place++ = static_cast<char>('0' + digits / 10 % 10);
  *place++ = static_cast<char>('0' + digits % 10);
  *place++ = ' ';
  put(put(place, reason), kLineEnd);
}

void HeadWriter::request_line(std::string_view method, std::string_view path, std::string_view query) {
  const std::size_t query_bytes = query.data() == nullptr ? 0 : query.size() + 1;
  char* place = take(method.size() + 1 + path.size() + query_bytes + kVersionEnd.size());
  if (place == nullptr) return;
  place = put(place, method);
  *place++ = ' ';
  place = put(place, path);
  if (query_bytes > 0) {
    *place++ = '?';
    place = put(place, query);
  }
  put(place, kVersionEnd);
}

void HeadWriter::field(std::string_view name, std::string_view value) {
  char* place = take(name.size() + 2 + value.size() + kLineEnd.size());
  if (place == nullptr) return;
  place = put(place, name);
  *place++ = ':';
  *place++ = ' ';
  put(put(place, value), kLineEnd);
}

void HeadWriter::field(Known known, std::uint64_t value) {
  std::array<char, kDecimalBytesMax> digits;
  const std::size_t size = write_decimal(value, digits.data());
  field(name_of(known), std::string_view(digits.data(), size));
}

void HeadWriter::fields(const Fields& fields) {
  for (const Field& one : fields) field(one.name, one.value);
}

void HeadWriter::begin_field(std::string_view name) {
  append(name);
  append(": ");
}

void HeadWriter::append(std::string_view text) {
  if (char* place = take(text.size())) put(place, text);
}

void HeadWriter::append(std::uint64_t number) {
  std::array<char, kDecimalBytesMax> digits;
  const std::size_t size = write_decimal(number, digits.data());
  append(std::string_view(digits.data(), size));
}

void HeadWriter::end_field() { append(kLineEnd); }

Result<std::size_t> HeadWriter::finish() {
  append(kLineEnd);
  if (full_) return fail(Code::kHeadTooLarge, "head larger than the room for it");
  return static_cast<std::size_t>(next_ - begin_);
}

}  // namespace weir::http
