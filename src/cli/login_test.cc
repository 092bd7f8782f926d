// weir login and logout against an API whose sessions the test plays.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <utility>

#include "cli/commands_fixture.h"
#include "store/kept_file.h"

namespace weir::cli {
namespace {

constexpr const char* kToken = "weir_0123456789_token";

struct Played {
  std::string ending = R"({"access_token":"weir_0123456789_token"})";
  int status = 200;  // of the ending
  int polls = 0;
  int ended = 0;
};

net::Task<api::Answer<http::ResponsePtr>> answer(Played& played, std::string path, http::Method method) {
  int status = 200;
  std::string text = R"({"user":"ann","token":""})";
  if (path == "device/code") {
    text = R"({"device_code":"secret code","user_code":"BCDF-GHJK","interval":5,"expires_in":600,)"
           R"("verification_uri_complete":"http://127.0.0.1:8480/device?user_code=BCDF-GHJK"})";
  } else if (path == "device/token") {
    ++played.polls;
    status = played.polls < 3 ? 400 : played.status;
    text = played.polls == 1   ? R"({"error":"authorization_pending"})"
           : played.polls == 2 ? R"({"error":"slow_down"})"
                               : played.ending;
  } else if (method == http::Method::kDelete) {
    ++played.ended;
  }
  co_return http::ResponsePtr(std::make_unique<http::TextResponse>(status, "application/json", text));
}

struct LoginWorld : World {
  LoginWorld() {
    settings.config_path = path("config/weir/config.yaml");
    api().set_sessions(
        {.identify = nullptr,
         .is_valid = nullptr,
         .answer = [this](http::Request& request, const api::Target& target, const auth::Identity*) {
           return answer(played, target.name, request.head.method);
         }});
  }
  std::string kept() const {
    return store::KeptFile::read(settings.config_path, kConfigBytesMax).value_or(std::string());
  }
  Played played;
};

TEST_CASE("weir login waits until a code is approved, and keeps the token for this user alone") {
  LoginWorld world;
  CHECK(world.run({"login"}) == kDone);
  const std::string said = world.err();
  CHECK(said.find("http://127.0.0.1:8480/device?user_code=BCDF-GHJK") != std::string::npos);
  CHECK(said.find("logged in at http://127.0.0.1:8480 as ann") != std::string::npos);
  CHECK((said + world.out()).find("secret code") == std::string::npos);
  CHECK((said + world.out()).find(kToken) == std::string::npos);
  CHECK(world.played.polls == 3);
  CHECK(world.kept() == std::string("api: http://127.0.0.1:8480\ntoken: ") + kToken + "\n");
  struct stat state{};
  REQUIRE(::stat(world.settings.config_path.c_str(), &state) == 0);
  CHECK((state.st_mode & 0777U) == 0600U);

  world.settings.token_source = world.settings.config_path;
  CHECK(world.run({"logout"}) == kDone);
  CHECK(world.played.ended == 1);
  CHECK(world.kept() == "api: http://127.0.0.1:8480\n");
  world.settings.token_source = "WEIR_TOKEN";
  CHECK(world.run({"logout"}) == kFailed);
  CHECK(world.err().find("nobody is logged in") != std::string::npos);
}

TEST_CASE("weir login says why nothing came of it, and leaves what is kept") {
  LoginWorld world;
  world.played.status = 400;
  world.played.ending = R"({"error":"access_denied","error_description":"somebody has refused it"})";
  CHECK(world.run({"login"}) == kFailed);
  CHECK(world.err().ends_with("weir: somebody has refused it\n"));
  CHECK(world.kept().empty());
  world.settings.config_path.clear();
  world.played = {};
  CHECK(world.run({"login"}) == kFailed);
  CHECK(world.err().ends_with("weir: there is no HOME to keep a login in\n"));
}

TEST_CASE("weir login takes a token from a file") {
  LoginWorld world;
  const std::string file = world.path("token");
  REQUIRE(store::KeptFile::replace(file, std::string(kToken) + "\n"));
  CHECK(world.run({"login", "--token-file", file}) == kDone);
  CHECK(world.played.polls == 0);
  CHECK(world.kept().ends_with(std::string("token: ") + kToken + "\n"));
  REQUIRE(store::KeptFile::replace(file, "\n"));
  CHECK(world.run({"login", "--token-file", file}) == kFailed);
  CHECK(world.err().find("there is no token in " + file) != std::string::npos);
  CHECK(world.run({"login", "--token-file", file + ".no"}) == kFailed);
}

}  // namespace
}  // namespace weir::cli
