#include "role/machine.h"

#include <doctest/doctest.h>

namespace weir::role {
namespace {

TEST_CASE("a container's quota bounds the cores") {
  struct Case {
    unsigned cores;
    const char* cpu_max;
    unsigned left;
  };
  const Case cases[] = {
      {8, "max 100000\n", 8}, {8, "200000 100000\n", 2}, {8, "150000 100000", 2},
      {8, "50000 100000", 1}, {2, "900000 100000\n", 2}, {8, "", 8},
      {8, "200000", 8},       {8, "0 100000", 8},        {8, "100000 0", 8},
      {8, "many 100000", 8},  {1, "1 1000000", 1},
  };
  for (const Case& one : cases) {
    CAPTURE(one.cpu_max);
    CHECK(limit_by_quota(one.cores, one.cpu_max) == one.left);
  }
  CHECK(usable_cores() >= 1);
}

TEST_CASE("the address of this machine towards another") {
  const auto towards = [](const char* to) {
    const auto address = address_towards(*net::Address::parse(to));
    return address ? address->ip() : std::string(address.error().text);
  };
  CHECK(towards("127.0.0.1:80") == "127.0.0.1");
  CHECK(towards("127.0.0.9:80") == "127.0.0.9");
  CHECK(towards("[::1]:80") == "::1");
  CHECK(towards("0.0.0.0:80") == "127.0.0.1");
}

TEST_CASE("a file is read whole or not at all") {
  CHECK(read_file("/proc/self/comm", 64).has_value());
  CHECK(read_file("/proc/self/stat", 4).error().code == Code::kBodyTooLarge);
  CHECK(why_not(read_file("/nowhere/at/all", 64).error()) == "no such file or directory");
  CHECK(why_not(read_file("/", 64).error()) == "is a directory");
}

}  // namespace
}  // namespace weir::role
