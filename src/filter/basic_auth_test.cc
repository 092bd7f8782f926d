#include "filter/filter_fixture.h"

namespace weir::filter {
namespace {

// "Hello world!", the vector of SHA-crypt's specification
constexpr const char* kHash = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";
const std::string kRight = "Authorization: Basic ZXZlOkhlbGxvIHdvcmxkIQ==\r\n";    // eve:Hello world!
const std::string kWrong = "Authorization: Basic ZXZlOng=\r\n";                    // eve:x
const std::string kUnknown = "Authorization: Basic Ym9iOkhlbGxvIHdvcmxkIQ==\r\n";  // bob:Hello world!

struct Guarded : World {
  Guarded() { set_users({{"eve", kHash}}, 1); }
  void set_users(config::Labels users, std::uint64_t revision) {
    snapshot.secrets = {
        std::make_shared<config::Secret>(config::Secret{"users", "u", revision, {std::move(users)}})};
    config::Route route;
    route.basic_auth = config::BasicAuth{.realm = "inner", .secret = "users"};
    chain = chain_of(route, chain);
  }
  int status(const std::string& fields, std::string_view peer = "192.0.2.1") {
    return Call(*this, "GET /", fields, peer).status(chain);
  }
  ChainPointer chain;
};

TEST_CASE("a name and its password pass; everything else is asked for them") {
  Guarded world;
  CHECK(world.status(kRight) == 0);
  CHECK(world.status(kWrong) == 401);
  CHECK(world.status(kUnknown) == 401);
  CHECK(world.passwords_checked == 3);  // a name that is not known costs as much
  CHECK(world.status("") == 401);
  CHECK(world.status("Authorization: Bearer abc\r\n") == 401);
  CHECK(world.status("Authorization: Basic !\r\n") == 401);
  CHECK(world.passwords_checked == 3);
  Call call(world, "GET /");
  const auto response = call.pass(world.chain);
  REQUIRE(response);
  CHECK(field_of(*response, "WWW-Authenticate") == "Basic realm=\"inner\", charset=\"UTF-8\"");
  CHECK(field_of(*response, "weir-reason") == "credentials_missing");
}

TEST_CASE("nobody is known when the secret is not there or empty") {
  Guarded world;
  world.set_users({}, 2);
  CHECK(world.status(kRight) == 401);
  world.snapshot.secrets.clear();
  world.chain = world.chain_of(world.chain->made_of);
  CHECK(world.status(kRight) == 401);
  CHECK(world.passwords_checked == 0);
}

TEST_CASE("right credentials are checked once in a while, until the secret changes") {
  Guarded world;
  for (int i = 0; i < 3; ++i) CHECK(world.status(kRight) == 0);
  CHECK(world.passwords_checked == 1);
  world.set_users({{"eve", kHash}}, 1);  // a change elsewhere
  CHECK(world.status(kRight) == 0);
  CHECK(world.passwords_checked == 1);
  world.fake.advance(5min);
  CHECK(world.status(kRight) == 0);
  CHECK(world.passwords_checked == 2);
  world.set_users({{"ann", kHash}}, 2);
  CHECK(world.status(kRight) == 401);
}

TEST_CASE("an address that fails again and again has to wait, and costs nothing meanwhile") {
  Guarded world;
  CHECK(world.status(kRight) == 0);
  for (int i = 0; i <= auth::FailureThrottle::kFree; ++i) CHECK(world.status(kWrong) == 401);
  const int checked = world.passwords_checked;
  Call call(world, "GET /", kWrong);
  const auto response = call.pass(world.chain);
  REQUIRE(response);
  CHECK(response->head.status == 429);
  CHECK(field_of(*response, "Retry-After") == "1");
  CHECK(field_of(*response, "weir-reason") == "credentials_throttled");
  CHECK(world.status(kRight) == 0);  // known to be right: no guess
  CHECK(world.passwords_checked == checked);
  CHECK(world.status(kWrong, "192.0.2.2") == 401);
  world.fake.advance(1s);
  CHECK(world.status(kWrong) == 401);
}

TEST_CASE("where too many passwords wait to be checked, the client is told to come again") {
  Guarded world;
  net::TaskGroup asking(world.fake.loop);
  const auto ask = [](World& in, int number, std::uint64_t source) -> net::Task<void> {
    (void)co_await in.common.passwords->check(in.fake.loop,
                                              {.key = auth::sha256({auth::bytes_of(std::to_string(number))}),
                                               .source = {.network = source},
                                               .hash = kHash,
                                               .password = "x"});
  };
  const auto here = auth::FailureThrottle::source_of(*net::Address::parse_ip("192.0.2.1", 1)).network;
  int number = 0;
  while (number < static_cast<int>(auth::PasswordChecker::kQuestionsOfSourceMax)) {
    asking.spawn(ask(world, ++number, here));
  }
  Call busy_here(world, "GET /", kRight);
  const auto one = busy_here.pass(world.chain);
  REQUIRE(one);
  CHECK(one->head.status == 429);
  CHECK(field_of(*one, "Retry-After") == "1");
  while (number < static_cast<int>(auth::PasswordChecker::kQuestionsMax)) {
    asking.spawn(ask(world, number + 1, static_cast<std::uint64_t>(number)));
    ++number;
  }
  Call busy(world, "GET /", kRight, "192.0.2.2");
  const auto two = busy.pass(world.chain);
  REQUIRE(two);
  CHECK(two->head.status == 503);
  CHECK(field_of(*two, "weir-reason") == "credentials_busy");
  CHECK(field_of(*two, "Retry-After") == "1");
  asking.cancel();
  world.fake.run_until_idle();
  CHECK(world.passwords_checked == 0);
  CHECK(world.throttle.size() == 0);  // that was no failure of theirs
}

}  // namespace
}  // namespace weir::filter
