// Letter: what two processes of one handover say to each other: a word, fields, and descriptors, each with a
// name. Read from JSON; what it says is believed, since only the same user can have written it, but never
// trusted to be well formed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "net/epoll.h"

namespace weir::handover {

// Raised when the one who is replaced has to know more than before.
inline constexpr std::uint64_t kProtocol = 1;
// One datagram: below what the kernel takes by default (net.core.wmem_default).
inline constexpr std::size_t kLetterBytesMax = 64UL * 1024;
// The kernel's SCM_MAX_FD is 253.
inline constexpr std::size_t kEnclosedMax = 200;

struct Letter {
  std::string word;
  std::map<std::string, std::string, std::less<>> fields;
  // In order.
  struct Enclosed {
    std::string name;
    net::Descriptor descriptor;
  };
  std::vector<Enclosed> enclosed;

  void set(std::string_view key, std::string value) {
    fields.insert_or_assign(std::string(key), std::move(value));
  }
  void set(std::string_view key, std::uint64_t number) { set(key, std::to_string(number)); }
  // Empty: there is none.
  std::string_view get(std::string_view key) const;
  std::optional<std::uint64_t> number(std::string_view key) const;
  void enclose(std::string name, net::Descriptor descriptor) {
    enclosed.push_back({std::move(name), std::move(descriptor)});
  }
  // The first of that name; none: there is none.
  net::Descriptor take(std::string_view name);
};

inline Letter make_letter(std::string word) {
  return {.word = std::move(word), .fields = {}, .enclosed = {}};
}

std::string to_text(const Letter& letter);
// descriptors: those that came with it, as many as it names.
Result<Letter> read_letter(std::string_view text, std::vector<net::Descriptor> descriptors);

// A text of any size as a descriptor, and back.
Result<net::Descriptor> enclose_text(std::string_view text);
Result<std::string> read_enclosed(const net::Descriptor& descriptor, std::size_t bytes_max);

}  // namespace weir::handover
