#include "sim/client.h"

#include <array>
#include <optional>
#include <utility>

#include "base/text.h"

namespace weir::sim {

net::Task<Result<Reply>> request(net::Env& env, net::Address to, std::string text, Duration timeout) {
  const Instant until = env.loop.deadline(timeout);
  auto stream = co_await env.network.connect(to, timeout);
  if (!stream) co_return fail(stream.error());
  if (auto written = co_await (*stream)->write(net::as_slice(text), until - env.loop.now()); !written) {
    co_return fail(written.error());
  }
  Reply reply;
  std::array<std::byte, 4096> bytes{};
  for (;;) {
    const auto got = co_await (*stream)->read(bytes, until - env.loop.now());
    if (!got) co_return fail(got.error());
    if (*got == 0) break;
    reply.text += net::as_text(net::Slice(bytes).first(*got));
  }
  constexpr std::size_t kStatusAt = 9;  // "HTTP/1.1 200"
  const auto status = reply.text.size() < kStatusAt + 3
                          ? std::nullopt
                          : parse_decimal(std::string_view(reply.text).substr(kStatusAt, 3));
  if (!status || !reply.text.contains("\r\n\r\n")) co_return fail(Code::kReset, "no whole answer");
  reply.status = static_cast<int>(*status);
  co_return reply;
}

}  // namespace weir::sim
