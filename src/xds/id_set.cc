#include "xds/id_set.h"

namespace weir::xds {

bool IdSet::insert(std::uint32_t id) {
  if (dense_) {
    if (contains(id)) return false;
    set_bit(id);
    return true;
  }
  const auto place = std::lower_bound(words_.begin(), words_.end(), id);
  if (place != words_.end() && *place == id) return false;
  words_.insert(place, id);
  if (words_.size() > kSparseMax && words_.size() > words_.back() / kWordBits + 1) make_dense();
  return true;
}

bool IdSet::erase(std::uint32_t id) {
  if (!contains(id)) return false;
  if (!dense_) {
    words_.erase(std::lower_bound(words_.begin(), words_.end(), id));
    if (words_.empty()) clear();
    return true;
  }
  words_[id / kWordBits] &= ~(1U << (id % kWordBits));
  if (--size_ < words_.size() / 4) make_sparse();  // a quarter, so that it does not go to and fro
  return true;
}

void IdSet::set_bit(std::uint32_t id) {
  const std::size_t words = id / kWordBits + 1;
  // By little, not twice as much: each stream has some.
  if (words > words_.capacity()) words_.reserve(words + words / 8);
  if (words > words_.size()) words_.resize(words);
  words_[id / kWordBits] |= 1U << (id % kWordBits);
  ++size_;
}

void IdSet::make_dense() {
  const std::vector<std::uint32_t> ids = std::move(words_);
  words_.assign(ids.back() / kWordBits + 1, 0);
  dense_ = true;
  for (const std::uint32_t id : ids) set_bit(id);
}

void IdSet::make_sparse() {
  std::vector<std::uint32_t> ids;
  ids.reserve(size_);
  for_each([&ids](std::uint32_t id) { ids.push_back(id); });
  words_ = std::move(ids);
  size_ = 0;
  dense_ = false;
}

bool operator==(const IdSet& left, const IdSet& right) {
  if (left.size() != right.size()) return false;
  bool same = true;
  left.for_each([&](std::uint32_t id) { same = same && right.contains(id); });
  return same;
}

}  // namespace weir::xds
