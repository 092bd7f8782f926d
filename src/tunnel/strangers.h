// Strangers: how many connections of a core nobody has vouched for yet. On that core.
#pragma once

#include <cstddef>
#include <utility>

namespace weir::tunnel {

class Strangers {
 public:
  // One of them, until it is known, or gone.
  class One {
   public:
    explicit One(Strangers& all) : all_(&all) { ++all.count_; }
    One(One&& other) noexcept : all_(std::exchange(other.all_, nullptr)) {}
    One& operator=(One&&) = delete;
    ~One() { known(); }
    void known() {
      if (all_ != nullptr) --std::exchange(all_, nullptr)->count_;
    }

   private:
    Strangers* all_;
  };
  std::size_t count() const { return count_; }

 private:
  std::size_t count_ = 0;
};

}  // namespace weir::tunnel
