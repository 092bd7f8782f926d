#include "sim/client.h"

#include <fmt/format.h>

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

auth::IssuedToken admin_token() {
  std::array<std::byte, auth::kTokenEntropyBytes> entropy{};
  entropy.fill(std::byte{7});
  return auth::make_token(entropy);
}

std::string api_request(std::string_view method, std::string_view path, std::string_view controller,
                        std::string_view body) {
  return fmt::format(
      "{} {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      method, path, controller, admin_token().text, body.size(), body);
}

}  // namespace weir::sim
