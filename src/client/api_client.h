// ApiClient: the API, called over HTTP/1.1, with TLS or without: one request for one answer, read whole
// within a bound, and a watch that is handed on event by event. On one loop; one connection is kept between
// calls. Never shows its token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "base/time.h"
#include "client/web_socket.h"
#include "http/client.h"
#include "http/message.h"
#include "net/env.h"
#include "net/task.h"
#include "tls/dial.h"

namespace weir::client {

// http://host[:port] or https://; the host is a name or an IP address.
struct ApiUrl {
  std::string text;  // "http://127.0.0.1:8480": for messages
  tls::Host host;
  bool over_tls = false;
  std::string authority;  // for the Host field
};
// The error is a predicate: "must be ...".
std::expected<ApiUrl, std::string> parse_url(std::string_view text);

struct StreamEvent {
  std::string name;  // "added"; empty: the stream only tells how far it is
  std::string data;
  std::optional<std::uint64_t> id;  // the revision that it brings the client to
};

// Server-sent events out of bytes, in pieces as they come (WHATWG HTML, section 9.2). No I/O. Bounded: an
// event that grows beyond what the API sends is an error.
class EventStream {
 public:
  // An event of the audit holds an object twice, at 256 KiB each; a list of the API ends at 4 MiB.
  static constexpr std::size_t kEventBytesMax = std::size_t{4} << 20U;

  void add(std::string_view bytes) { pending_ += bytes; }
  // The next complete event, or none yet. Comments are skipped.
  Result<std::optional<StreamEvent>> next();

 private:
  void take(std::string_view line);

  std::string pending_;
  std::size_t scanned_ = 0;  // of pending_: holds no end of a line
  StreamEvent event_;        // so far
  bool any_ = false;         // event_ holds something
};

struct ApiAnswer {
  int status = 0;
  std::string content_type;
  std::string content;
};

class ApiClient {
 public:
  static constexpr Duration kConnectTimeout = std::chrono::seconds(5);
  static constexpr Duration kAnswerTimeout = std::chrono::seconds(30);  // a large apply is written in it
  // Of what the API has to put on its disk first.
  static constexpr Duration kKeptTimeout = std::chrono::minutes(5);
  // Three of the comments that the API sends when nothing happens.
  static constexpr Duration kWatchTimeout = std::chrono::seconds(45);
  // The dry run of the largest apply, which answers with every object and all its defaults, stays below.
  static constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20U;
  static constexpr std::size_t kLineBytesMax = std::size_t{1} << 20U;

  // env outlives the client. context: for https://, else null.
  ApiClient(net::Env& env, ApiUrl url, std::string token, std::shared_ptr<tls::ClientContext> context);

  // target: path and query. content: JSON; empty: none is sent. Any status is an answer; an Error means that
  // there was none.
  net::Task<Result<ApiAnswer>> ask(http::Method method, std::string target, std::string content = {});

  // The same with content that is no JSON and may be large; bytes: of it; nothing: until its end.
  net::Task<Result<ApiAnswer>> send(http::Method method, std::string target, http::Body& content,
                                    std::optional<std::uint64_t> bytes);

  // Each event of a stream, until on_event says false or the stream ends. An answer other than 200 comes back
  // whole, 200 without content.
  using OnEvent = std::function<bool(const StreamEvent&)>;
  net::Task<Result<ApiAnswer>> watch(std::string target, const OnEvent& on_event);
  // The same for a stream of lines, without their ends; those that are empty are left out.
  using OnLine = std::function<bool(std::string_view)>;
  net::Task<Result<ApiAnswer>> read_lines(std::string target, const OnLine& on_line);
  // A WebSocket, or the answer that refuses it.
  using Socket = std::unique_ptr<WebSocket>;
  net::Task<Result<std::variant<ApiAnswer, Socket>>> open_socket(std::string target);

 private:
  net::Task<Result<http::ClientConnectionPtr>> connection();
  net::Task<Result<ApiAnswer>> read_whole(http::Response& response);
  net::Task<Result<ApiAnswer>> read_events(http::Response& response, const OnEvent& on_event);
  net::Task<Result<ApiAnswer>> read_lines(http::Response& response, const OnLine& on_line);
  // The answer to one request, by a reader of its content.
  struct Asked {
    http::Method method;
    std::string target;
    std::string content;
    const OnEvent* on_event = nullptr;  // null, and the next: read whole
    const OnLine* on_line = nullptr;
    http::Body* body = nullptr;  // in place of content
    std::optional<std::uint64_t> body_bytes = {};
  };
  net::Task<Result<ApiAnswer>> exchange(Asked asked);

  net::Env& env_;
  ApiUrl url_;
  std::string token_;
  std::shared_ptr<tls::ClientContext> context_;
  std::shared_ptr<http::ClientPool> pool_;
};

}  // namespace weir::client
