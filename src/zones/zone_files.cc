#include "zones/zone_files.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string_view>
#include <utility>

#include "config/formats.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/zone_file.h"

namespace weir::zones {
namespace {

namespace fs = std::filesystem;

constexpr Duration kLookInterval = std::chrono::seconds(1);
constexpr std::string_view kEnding = ".zone";

// What a file looks like from outside: another one is read again.
struct Look {
  fs::file_time_type written;
  std::uintmax_t bytes = 0;
  friend bool operator==(const Look&, const Look&) = default;
};

std::expected<std::string, std::string> text_of(const fs::path& path, std::uintmax_t bytes) {
  if (bytes > kZoneFileBytesMax) return std::unexpected("has more than 1 GiB");
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::unexpected("can't be opened");
  std::string text(bytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return std::unexpected("can't be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

bool same_records(const dns::Node& left, const dns::Node* right) {
  if (right == nullptr || left.sets != right->sets) return false;
  return std::ranges::all_of(dns::sets_of(left), [&](const dns::RecordSet& set) {
    const dns::RecordSet* same = dns::set_of(*right, set.type);
    return same != nullptr && dns::same_bytes(dns::packed_of(left, set), dns::packed_of(*right, *same));
  });
}

// "example.com" of "example.com.zone"; empty: that is no zone file.
std::string zone_name(const fs::path& path) {
  std::string name = path.filename().string();
  if (!name.ends_with(kEnding)) return {};
  name.resize(name.size() - kEnding.size());
  return config::check_dotted_name(name).empty() ? name : std::string();
}

// Nothing: it can't be served, or says what it said before.
std::optional<ChangedFile> read(const std::string& name, const fs::path& path, std::uintmax_t bytes,
                                const dns::Zone* before, net::Env& slow) {
  const Instant start = slow.loop.clock().now();
  const auto text = text_of(path, bytes);
  auto zone = text ? read_zone(name, *text) : std::unexpected(text.error());
  if (!zone) {
    slow.log.error("a zone file can't be served as it is", {{"zone", name}, {"reason", zone.error()}});
    return std::nullopt;
  }
  ChangedFile changed{.zone = std::move(*zone), .owners = {}};
  if (before != nullptr) changed.owners = differing_owners(*before, *changed.zone, kZoneFileOwnersMax);
  if (changed.owners && changed.owners->empty()) return std::nullopt;
  const auto passed = slow.loop.clock().now() - start;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
  slow.log.info("a zone file is served", {{"zone", name},
                                          {"records", std::to_string(changed.zone->records())},
                                          {"serial", std::to_string(changed.zone->serial())},
                                          {"milliseconds", std::to_string(milliseconds)}});
  return changed;
}

}  // namespace

struct ZoneFiles::Known {
  struct File {
    Look look;
    std::shared_ptr<const dns::Zone> zone;  // that was told of last; null: none was
  };
  std::map<std::string, File, std::less<>> files;  // by name of the zone
  std::string trouble;                             // with the folder, told once
};

std::expected<std::shared_ptr<const dns::Zone>, std::string> read_zone(const std::string& name,
                                                                       std::string_view text) {
  const auto origin = dns::Name::parse(name + '.', dns::Name());
  if (!origin) return std::unexpected(std::string(origin.error().text));
  dns::ZoneBuilder builder(origin->wire());
  const auto sink = [&builder](const dns::ZoneRecord& record) {
    return builder.add(record.owner, record.type, record.ttl_seconds, record.rdata);
  };
  if (const auto read = dns::read_zone_file(text, *origin, sink); !read) {
    return std::unexpected(read.error().sentence());
  }
  auto zone = std::move(builder).build();
  if (zone) return std::make_shared<const dns::Zone>(std::move(*zone));
  return std::unexpected(dns::name_text(zone.error().owner.wire()) + ' ' + dns::type_text(zone.error().type) +
                         ": " + zone.error().text);
}

std::optional<std::vector<dns::Name>> differing_owners(const dns::Zone& old, const dns::Zone& next,
                                                       std::size_t most) {
  std::vector<dns::Name> owners;
  dns::HashedName hashed;
  const auto visit = [&](const dns::Zone& zone, const dns::Zone& other, bool is_second) {
    for (const dns::Node* node = zone.first(); node != nullptr; node = zone.next(node)) {
      hashed.set(dns::name_of(*node));
      const dns::Node* there = other.node(hashed.wire(), hashed.hash(0));
      // What both have is compared once.
      if (is_second ? there != nullptr : same_records(*node, there)) continue;
      if (owners.size() == most) return false;
      owners.emplace_back(hashed.wire());
    }
    return true;
  };
  if (!visit(old, next, false) || !visit(next, old, true)) return std::nullopt;
  return owners;
}

ZoneFiles::ZoneFiles(net::Env& control, net::Env& slow, std::string folder, Changed changed)
    : control_(control),
      slow_(slow),
      folder_(std::move(folder)),
      changed_(std::move(changed)),
      known_(std::make_shared<Known>()),
      tasks_(control.loop) {}

Result<void> ZoneFiles::check() const {
  std::error_code error;
  const fs::directory_iterator folder(folder_, error);
  if (error) return std::unexpected(system_error(error.value(), "the folder of zone files can't be read"));
  return {};
}

void ZoneFiles::start() { tasks_.spawn(look_again_and_again()); }

net::Task<void> ZoneFiles::stop() {
  co_await tasks_.stop();
  while (reading_) {
    read_.reset();
    (void)co_await read_.wait(control_.loop);
  }
}

net::Task<void> ZoneFiles::look_again_and_again() {
  do {
    const auto tell = [this](std::string name, ChangedFile file) {
      control_.loop.post([this, name = std::move(name), file = std::move(file)] { changed_(name, file); });
    };
    reading_ = true;
    read_.reset();
    slow_.loop.post([this, tell, known = known_] {
      look(*known, folder_, slow_, tell);
      control_.loop.post([this] {
        reading_ = false;
        read_.set();
      });
    });
    if (!co_await read_.wait(control_.loop)) co_return;
  } while (co_await control_.loop.sleep(kLookInterval));
}

void ZoneFiles::look(Known& known, const std::string& folder, net::Env& slow,
                     const std::function<void(std::string, ChangedFile)>& tell) {
  std::map<std::string, std::pair<fs::path, Look>, std::less<>> found;
  std::error_code error;
  std::string trouble;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = zone_name(at->path());
    std::error_code gone;
    const Look look{fs::last_write_time(at->path(), gone), at->file_size(gone)};
    if (name.empty() || gone) continue;
    if (found.size() == kZoneFilesMax) {
      trouble = "has more than " + std::to_string(kZoneFilesMax) + " zone files; the others are left out";
      break;
    }
    found.emplace(name, std::pair(at->path(), look));
  }
  if (error) trouble = "can't be read: " + error.message();
  if (!trouble.empty() && trouble != known.trouble) {
    slow.log.error("zone files", {{"folder", folder}, {"reason", trouble}});
  }
  known.trouble = trouble;
  if (error) return;
  std::erase_if(known.files, [&](const auto& one) {
    if (found.contains(one.first)) return false;
    if (one.second.zone) tell(one.first, {});
    return true;
  });
  for (const auto& [name, file] : found) {
    Known::File& before = known.files[name];
    if (std::exchange(before.look, file.second) == file.second) continue;
    if (auto changed = read(name, file.first, file.second.bytes, before.zone.get(), slow)) {
      before.zone = changed->zone;
      tell(name, std::move(*changed));
    }
  }
}

}  // namespace weir::zones
