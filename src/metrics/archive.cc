#include "metrics/archive.h"

#include <filesystem>
#include <fstream>
#include <utility>

namespace weir::metrics {

Result<void> Archive::open(const std::string& path,
                           const std::function<void(std::string_view why)>& made_anew) {
  auto ready = make_ready(path);
  if (ready || ready.error().code != Code::kInvalid) return ready;
  made_anew(ready.error().text);
  put_ = {};
  drop_ = {};
  connection_ = {};
  std::error_code none;
  for (const char* more : {"", "-wal", "-shm"}) std::filesystem::remove(path + more, none);
  return make_ready(path);
}

Result<void> Archive::make_ready(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code none;
  if (!fs::exists(path, none)) {
    std::ofstream file(path, std::ios::app);
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, none);
    if (!file) return fail(Code::kIo, "the file can't be made");
  }
  if (auto opened = connection_.open(path); !opened) return opened;
  // A crash of the machine may cost the last window, never the file.
  const auto made = connection_.execute(
      "PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
      "CREATE TABLE IF NOT EXISTS windows (id INTEGER PRIMARY KEY, slot INTEGER NOT NULL, bytes BLOB NOT "
      "NULL);"
      "CREATE INDEX IF NOT EXISTS windows_by_slot ON windows (slot);");
  if (!made) return fail(Code::kInvalid, "it is no file of metrics, or it is damaged");
  auto put = connection_.prepare("INSERT INTO windows (slot, bytes) VALUES (?1, ?2)");
  auto drop = connection_.prepare("DELETE FROM windows WHERE slot < ?1");
  if (!put || !drop) return fail(Code::kInvalid, "its tables are others");
  put_ = std::move(*put);
  drop_ = std::move(*drop);
  return {};
}

Result<void> Archive::read(const std::function<void(Window window)>& told) {
  auto select = connection_.prepare("SELECT bytes FROM windows WHERE length(bytes) <= ?1 ORDER BY slot, id");
  if (!select) return fail(select.error());
  store::Rows rows = select->run(std::uint64_t{kWindowBytesMax});
  for (;;) {
    const auto row = rows.next();
    if (!row) return fail(row.error());
    if (!*row) return {};
    if (auto window = parse_window(rows.bytes(0)); window) told(std::move(*window));
  }
}

Result<void> Archive::put(std::int64_t slot, std::string_view bytes, std::int64_t from) {
  if (auto put = put_.execute(static_cast<std::uint64_t>(slot), store::Blob{bytes}); !put) return put;
  return drop_.execute(static_cast<std::uint64_t>(from));
}

}  // namespace weir::metrics
