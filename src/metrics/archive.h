// Archive: the windows of a History on disk: a SQLite file of its own, one row each, so that nothing of it
// goes through the store that everything else waits for. What is damaged is begun anew: it is a day of
// graphs. Blocking; on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "metrics/window.h"
#include "store/sqlite.h"

namespace weir::metrics {

class Archive {
 public:
  // A row of more is not read: no window of as many series as there may be has that.
  static constexpr std::size_t kWindowBytesMax = std::size_t{64} << 20U;

  // Makes the file where there is none, and anew where it is not what it should be; told why, then.
  Result<void> open(const std::string& path, const std::function<void(std::string_view why)>& made_anew);
  // All that are kept, in the order in which they came.
  Result<void> read(const std::function<void(Window window)>& told);
  // One more; what is of a slot before `from` goes.
  Result<void> put(std::int64_t slot, std::string_view bytes, std::int64_t from);
  std::string message() const { return connection_.message(); }

 private:
  Result<void> make_ready(const std::string& path);

  store::Connection connection_;
  store::Statement put_;
  store::Statement drop_;
};

}  // namespace weir::metrics
