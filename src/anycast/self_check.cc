#include "anycast/self_check.h"

#include <array>
#include <memory>
#include <span>
#include <string_view>

namespace weir::anycast {
namespace {

constexpr std::string_view kRequest =
    "HEAD / HTTP/1.1\r\nHost: anycast-check.invalid\r\nUser-Agent: weir-anycast-check\r\nConnection: "
    "close\r\n"
    "\r\n";
constexpr std::string_view kAnswer = "HTTP/1.1 ";

std::string sentence(const net::Address& at, const std::string& why) {
  return "nothing of this edge answers at " + at.to_string() + ": " + why;
}

}  // namespace

net::Task<std::string> check_listener(net::Env& env, net::Address at) {
  auto stream = co_await env.network.connect(at, kCheckTimeout);
  if (!stream) co_return sentence(at, sentence_of(stream.error()));
  const auto written = co_await (*stream)->write(std::as_bytes(std::span(kRequest)), kCheckTimeout);
  if (!written) co_return sentence(at, sentence_of(written.error()));
  std::string got;
  while (got.size() < kAnswer.size()) {
    std::array<std::byte, 64> bytes{};
    const auto read = co_await (*stream)->read(bytes, kCheckTimeout);
    if (!read) co_return sentence(at, sentence_of(read.error()));
    if (*read == 0) co_return sentence(at, "the connection was closed");
    got.append(reinterpret_cast<const char*>(bytes.data()), *read);
  }
  co_return got.starts_with(kAnswer) ? std::string() : sentence(at, "it does not speak HTTP/1.1");
}

}  // namespace weir::anycast
