// A reply while it is written: sections of packed sets, names as pointers, room kept for OPT. Nothing in it
// is searched for on the first try; the second, for what did not fit, compresses the names in rdata as well.
// Lives on the stack of the call that answers.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dns/bytes.h"
#include "dns/codes.h"
#include "dns/edns.h"

namespace weir::dns {

// A name and where in the reply it stands. In a compressed reply only the name counts.
struct Place {
  Bytes name;
  std::size_t at = 0;
};

// The place of a name that the other is within.
inline Place ancestor(const Place& place, Bytes name) {
  return {place.name.last(name.size()), place.at + place.name.size() - name.size()};
}

class Reply {
 public:
  struct Mark {
    std::size_t size;
    std::size_t names;
    std::array<std::uint16_t, 4> counts;
  };

  // limit: of the whole message. question: its octets, none for a reply without.
  Reply(std::span<std::uint8_t> into, std::size_t limit, std::size_t opt_bytes, Bytes question);

  // All of the set or false; then mark and rewind, or compress, or clear. Without records: true.
  bool write_question_set(std::size_t section, Bytes packed, std::uint16_t count) {
    if (compressed_) return write_compressed(section, packed, count, question_name());
    out_.bytes(packed);
    counts_[section] += count;
    return out_.ok();
  }
  bool write_set(std::size_t section, Bytes packed, std::uint16_t count, const Place& owner);

  // Begins again behind the question, in as few octets as names allow.
  void compress();
  // Empties the sections.
  void clear();

  std::size_t size() const { return out_.size(); }
  Mark mark() const { return {out_.size(), names_, counts_}; }
  void rewind(const Mark& mark);

  // How many octets the reply has.
  std::size_t finish(std::uint16_t id, std::uint16_t flags, const OptReply* opt, Rcode rcode);

 private:
  static constexpr std::size_t kNamesMax = 96;  // suffixes that can be pointed at; later ones are written out

  Bytes question_name() const { return question_.first(question_.size() - 4); }
  bool write_compressed(std::size_t section, Bytes packed, std::uint16_t count, Bytes owner);
  void write_rdata(Bytes record);
  void write_name(Bytes name);
  bool stands_at(Bytes name, std::size_t at) const;

  ByteWriter out_;
  std::size_t limit_;
  Bytes question_;
  std::array<std::uint16_t, 4> counts_{};
  bool compressed_ = false;
  std::size_t names_ = 0;
  std::array<std::uint16_t, kNamesMax> name_at_;  // the first names_ are set, when compressed
};

}  // namespace weir::dns
