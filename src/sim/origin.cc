#include "sim/origin.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/check.h"

namespace weir::sim {
namespace {

constexpr Duration kNoDeadline = std::chrono::hours(24);  // the edges have deadlines
constexpr std::string_view kHeadEnd = "\r\n\r\n";

std::unique_ptr<net::Listener> listen_at(net::Env& env, const net::Address& at) {
  auto listener = env.network.listen(at);
  WEIR_CHECK(listener.has_value());
  return std::move(*listener);
}

}  // namespace

Origin::Origin(net::Env& env, Options options, Served served)
    : env_(env),
      options_(std::move(options)),
      listener_(listen_at(env, options_.at)),
      served_(std::move(served)),
      tasks_(env.loop) {
  tasks_.spawn(accept());
}

net::Task<void> Origin::accept() {
  for (;;) {
    auto accepted = co_await listener_->accept();
    if (!accepted) co_return;
    tasks_.spawn(serve(std::move(accepted->stream), accepted->peer.ip()));
  }
}

net::Task<void> Origin::serve(std::unique_ptr<net::Stream> stream, std::string from) {
  std::array<std::byte, 2048> bytes{};
  std::string received;
  for (;;) {
    const auto got = co_await stream->read(bytes, kNoDeadline);
    if (!got || *got == 0) co_return;
    received += net::as_text(net::Slice(bytes).first(*got));
    for (std::size_t end = received.find(kHeadEnd); end != std::string::npos; end = received.find(kHeadEnd)) {
      const std::string text = answer(std::string_view(received).substr(0, end + 2), from);
      received.erase(0, end + kHeadEnd.size());
      if (options_.thinks_one_in > 0 && env_.random.below(options_.thinks_one_in) == 0) {
        const auto thought = env_.random.below(static_cast<std::uint64_t>(kThought.count()));
        if (!co_await env_.loop.sleep(Duration(static_cast<std::int64_t>(thought)))) co_return;
      }
      if (!co_await stream->write(net::as_slice(text), kNoDeadline)) co_return;
    }
  }
}

std::string Origin::answer(std::string_view head, const std::string& from) {
  if (head.starts_with("GET /healthz ")) {
    return sick_ ? "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
                 : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  }
  std::size_t begin = head.find("\r\nhost: ");
  if (begin == std::string_view::npos) begin = head.find("\r\nHost: ");
  WEIR_CHECK(begin != std::string_view::npos);
  begin += 8;
  const std::size_t path = head.find(' ') + 1;
  served_(from, std::string(head.substr(begin, head.find("\r\n", begin) - begin)),
          std::string(head.substr(path, head.find(' ', path) - path)));
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", options_.text.size(), options_.text);
}

}  // namespace weir::sim
