// Manifest: the objects that files ask for, and where each of them stands. Built by apply and plan; bounded
// by what the API takes in one request.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::client {

struct Place {
  std::string file;
  int line = 0;  // where its document begins

  std::string text() const { return file + ':' + std::to_string(line); }
};

class Manifest {
 public:
  // The documents of one text; lists, {"items": [...]} (what get prints) and {"objects": [...]} are taken
  // apart. The error is a sentence that begins with the file.
  std::expected<void, std::string> add(const std::string& file, std::string_view text);

  std::size_t size() const { return objects_.size(); }
  // The content of POST /v1/apply.
  std::string request() const;
  // By the name that the API has for an object in a violation: "Service/web", or "object 3" when it is not
  // told more. Null: it is none of these.
  const Place* place_of(std::string_view label) const;

 private:
  std::vector<std::string> objects_;  // JSON
  std::vector<Place> places_;
  std::map<std::string, std::size_t, std::less<>> by_label_;
  std::size_t bytes_ = 0;
};

// The files, folders and stdin of -f. The error is a sentence with the place.
std::expected<Manifest, std::string> read_manifest(std::span<const std::string> paths);

}  // namespace weir::client
