// Collector: a server elsewhere that takes what weir posts: where it is, the fields of its requests (a token,
// which stands in a file), whom its TLS believes, and what its answers mean. Makes one try; when to make the
// next is for the caller. On one loop.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "cloud/http_client.h"
#include "net/env.h"
#include "net/task.h"
#include "tls/client_context.h"

namespace weir::shipping {

struct CollectorOptions {
  std::string url;                              // https:// or http://, with its query
  std::string header_file;                      // lines like "Authorization: Bearer ..."; empty: none
  std::shared_ptr<tls::ClientContext> context;  // of https
};

// What became of a try.
struct Delivery {
  enum class Outcome : unsigned char {
    kTaken,
    kRefused,  // for what it is: the same again is mostly refused again
    kFailed,   // later it may be taken
    kCancelled,
  };
  Outcome outcome = Outcome::kTaken;
  std::string sentence;  // why not
  Duration wait{};       // for how long it asks to be left alone
};

class Collector {
 public:
  static constexpr Duration kAnswerTimeout = std::chrono::seconds(30);
  static constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 20U;
  static constexpr std::size_t kHeaderFileBytesMax = 8192;
  static constexpr std::size_t kHeadersMax = 16;

  using Fields = std::vector<std::pair<std::string, std::string>>;
  // Lines of a name, a colon and a value; empty ones and those that begin with "#" say nothing. The error is
  // a sentence that does not show them.
  static std::expected<Fields, std::string> parse_fields(std::string_view text);
  static std::expected<Fields, std::string> read_fields(const std::string& path);

  // The error is a sentence. env outlives it.
  static std::expected<std::unique_ptr<Collector>, std::string> open(net::Env& env, CollectorOptions options);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // The file of fields is read anew each time: a token may be replaced.
  net::Task<Delivery> post(std::string content_type, std::string content, Fields fields);

 private:
  Collector(net::Env& env, CollectorOptions options, cloud::Url url, std::string path, std::string query);

  CollectorOptions options_;
  std::string path_;
  std::string query_;
  cloud::HttpClient client_;
};

}  // namespace weir::shipping
