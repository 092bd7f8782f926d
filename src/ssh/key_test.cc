#include "ssh/key.h"

#include <doctest/doctest.h>

#include <array>

namespace weir::ssh {
namespace {

TEST_CASE("a host key of 32 bytes is always the same, and one that libssh reads") {
  std::array<std::byte, 32> seed{};
  const std::string key = host_key_of(seed);
  CHECK(key == host_key_of(seed));
  // Of 32 zeros, as every implementation of RFC 8032 has it.
  CHECK(public_line_of(key).value_or("") ==
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop");
  seed[0] = std::byte{1};
  CHECK(key != host_key_of(seed));
}

TEST_CASE("a made host key is another each time") {
  const auto key = make_host_key();
  REQUIRE(key.has_value());
  CHECK(public_line_of(*key)->starts_with("ssh-ed25519 AAAA"));
  CHECK(*key != *make_host_key());
}

}  // namespace
}  // namespace weir::ssh
