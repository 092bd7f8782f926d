// Placement: which instances of a city are made, moved, given another version and removed, so that there are
// as many as are wanted, on nodes that have room. What runs stays where it is; a node that is to be empty
// loses one instance at a time, and not before another is ready elsewhere. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/object.h"
#include "workload/board.h"
#include "workload/updates.h"
#include "workload/views.h"

namespace weir::workload {

// Instances of one node that are moved at the same time because it is drained: as many as it starts at once.
inline constexpr std::size_t kMovesMax = 4;
inline constexpr std::uint32_t kNumberMax = 100'000;  // of an instance in its city

// What is to become of one Instance. Without `before`: it is new; without `after`: it goes.
struct Placed {
  config::ObjectPointer before;
  std::optional<config::InstanceSpec> after;
  std::string name;
  bool is_extra = false;  // from now on
  std::string reason;     // of its event
};

class Placement {
 public:
  // is_taken: there is an Instance of that name.
  using IsTaken = std::function<bool(const std::string& name)>;
  // The board has all instances taken already, those of the view included.
  Placement(Board& board, IsTaken is_taken, WallTime now)
      : board_(board), is_taken_(std::move(is_taken)), now_(now) {}

  // Appends to placed(). Gives why it is not all that is wanted, a sentence; empty: it is. wanted_why: why
  // there are to be so many, for the events; empty: nothing has changed about it.
  std::string place(const WorkloadView& workload, const CityView& city, const CityUpdate& update,
                    std::string_view wanted_why = {});
  // Of a city that has no node of the target any more.
  void remove(const config::ObjectPointer& instance, std::string reason);

  const std::vector<Placed>& placed() const { return placed_; }
  std::vector<Placed> take() { return std::exchange(placed_, {}); }

 private:
  struct Work;
  std::string move_lost(Work& work);
  std::string replace(Work& work);
  std::string create(Work& work, std::uint32_t number, bool is_extra, std::string reason);
  std::string settle_number(Work& work);
  std::string empty_nodes(Work& work);
  void drop_extras(Work& work);
  std::string put(Work& work, const InstanceView& one, std::string reason);
  std::uint32_t free_number(const Work& work, std::string& why);

  Board& board_;
  IsTaken is_taken_;
  WallTime now_;
  std::map<std::string, std::size_t, std::less<>> moving_;  // from nodes that are to be empty, under way
  std::set<std::string, std::less<>> named_;                // by this look
  std::vector<Placed> placed_;
};

}  // namespace weir::workload
