// ZoneFiles: zones that lie in a folder of this machine, a file each (RFC 1035 section 5):
// "example.com.zone". They are read where that holds up nothing else, when they are there and whenever they
// have changed; one that can't be taken is told in the log, and what was before goes on. Told of on the
// control loop.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dns/name.h"
#include "dns/zone.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/task_group.h"

namespace weir::zones {

inline constexpr std::size_t kZoneFileBytesMax = std::size_t{1} << 30U;
inline constexpr std::size_t kZoneFilesMax = 10'000;
inline constexpr std::size_t kZoneFileOwnersMax = 10'000;  // that one change of a file is told by

// What a file has of its zone from now on.
struct ChangedFile {
  std::shared_ptr<const dns::Zone> zone;         // null: it is gone
  std::optional<std::vector<dns::Name>> owners;  // with other records than last time; nothing: any
};

class ZoneFiles {
 public:
  using Changed = std::function<void(const std::string& name, ChangedFile file)>;

  // slow: another core, where reading may take its time.
  ZoneFiles(net::Env& control, net::Env& slow, std::string folder, Changed changed);

  // Before any core runs: a sentence about the folder, if it can't be read.
  Result<void> check() const;
  void start();
  net::Task<void> stop();  // returns when nothing is read any more

 private:
  struct Known;
  net::Task<void> look_again_and_again();
  static void look(Known& known, const std::string& folder, net::Env& slow,
                   const std::function<void(std::string, ChangedFile)>& tell);

  net::Env& control_;
  net::Env& slow_;
  std::string folder_;
  Changed changed_;
  std::shared_ptr<Known> known_;  // touched on the slow core alone
  bool reading_ = false;          // there
  net::Event read_;
  net::TaskGroup tasks_;
};

// The zone in the text of such a file: within `name`, with an SOA and name servers of its own. The error is a
// sentence.
std::expected<std::shared_ptr<const dns::Zone>, std::string> read_zone(const std::string& name,
                                                                       std::string_view text);

// The names whose records are not the same in both, SOA included; nothing: there are more than `most`.
std::optional<std::vector<dns::Name>> differing_owners(const dns::Zone& old, const dns::Zone& next,
                                                       std::size_t most);

}  // namespace weir::zones
