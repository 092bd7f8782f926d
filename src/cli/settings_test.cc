#include "cli/settings.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::cli {
namespace {

TEST_CASE("URLs of an API") {
  struct Row {
    const char* text;
    const char* told;  // the URL as it is used, or a part of the error
  };
  const Row good[] = {
      {"http://127.0.0.1:8480", "http://127.0.0.1:8480"},
      {"http://127.0.0.1:8480/", "http://127.0.0.1:8480"},
      {"HTTP://Controller.Example:80", "http://controller.example:80"},
      {"http://controller", "http://controller:80"},
      {"http://[::1]:8480", "http://[::1]:8480"},
      {"http://[::1]", "http://[::1]:80"},
      {"https://127.0.0.1:8480", "https://127.0.0.1:8480"},
      {"HTTPS://Controller.Example", "https://controller.example:443"},
      {"https://[::1]", "https://[::1]:443"},
  };
  for (const Row& row : good) {
    CAPTURE(row.text);
    const auto url = parse_url(row.text);
    REQUIRE(url.has_value());
    CHECK(url->text == row.told);
    CHECK((url->over_tls ? "https://" : "http://") + url->authority == row.told);
  }
  CHECK(parse_url("http://[::1]:8480")->host.name == "::1");
  CHECK(parse_url("http://[::1]:8480")->host.port == 8480);
  const Row bad[] = {
      {"", "must be a URL"},
      {"127.0.0.1:8480", "must be a URL such as http://"},
      {"ftp://a", "must be a URL such as http://"},
      {"http://", "must be a URL"},
      {"http://a:0", "must be a URL"},
      {"http://a:99999", "must be a URL"},
      {"http://a/v1", "without a path"},
      {"http://a?x", "without a path"},
      {"http://me:secret@a", "without a user"},
      {"http://a b", "must be a URL"},
      {"http://a\r\nX: y", "must be a URL"},
  };
  for (const Row& row : bad) {
    CAPTURE(row.text);
    const auto url = parse_url(row.text);
    REQUIRE(!url.has_value());
    CHECK(url.error().find(row.told) != std::string::npos);
    CHECK(url.error().find("secret") == std::string::npos);
  }
}

TEST_CASE("a login takes the place of the one before in the file, and leaves the rest") {
  CHECK(with_login("", "http://a:1", "t") == "api: http://a:1\ntoken: t\n");
  CHECK(with_login("# mine\napi: http://b:2\nca: /etc/ca.pem\ntoken: old\n", "http://a:1", "t") ==
        "# mine\nca: /etc/ca.pem\napi: http://a:1\ntoken: t\n");
  CHECK(with_login("token: old", "http://a:1", "") == "api: http://a:1\n");
}

TEST_CASE("loopback is known by address and by name") {
  for (const char* text : {"http://127.0.0.1:1", "http://127.8.9.1:1", "http://[::1]:1", "http://localhost:1",
                           "http://api.localhost:1"}) {
    CAPTURE(text);
    CHECK(parse_url(text)->host.is_loopback());
  }
  for (const char* text : {"http://10.0.0.1:1", "http://localhost.example:1", "http://notlocalhost:1"}) {
    CAPTURE(text);
    CHECK(!parse_url(text)->host.is_loopback());
  }
}

// "URL token source"
std::string chosen(const SettingSources& sources) {
  const auto settings = choose_settings(sources);
  if (!settings) return "error: " + settings.error();
  return settings->api.text + ' ' + settings->token + ' ' + settings->token_source;
}

TEST_CASE("flags come before the environment, that before the file, that before the defaults") {
  SettingSources sources;
  CHECK(chosen(sources) == "http://127.0.0.1:8480  ");
  sources.admin_token = "from-up\n";
  CHECK(chosen(sources) == "http://127.0.0.1:8480 from-up ./weir-data/admin.token");
  sources.config_path = "config.yaml";
  sources.config = "api: http://127.0.0.1:1\ntoken: from-file\n";
  CHECK(chosen(sources) == "http://127.0.0.1:1 from-file config.yaml");
  sources.api_variable = "http://127.0.0.1:2";
  sources.token_variable = "from-variable";
  CHECK(chosen(sources) == "http://127.0.0.1:2 from-variable WEIR_TOKEN");
  sources.api_flag = "http://127.0.0.1:3";
  sources.token_flag = "from-flag";
  CHECK(chosen(sources) == "http://127.0.0.1:3 from-flag --token");
}

TEST_CASE("a token goes only where it belongs") {
  SettingSources sources;
  sources.config_path = "config.yaml";
  sources.admin_token = "from-up";
  SUBCASE("the token beside an API is for that API") {
    sources.config = "{api: http://a.example, token: t}";
    CHECK(chosen(sources) == "http://a.example:80 t config.yaml");
    sources.api_flag = "http://b.example";
    CHECK(chosen(sources) == "http://b.example:80  ");
  }
  SUBCASE("a token alone is for whatever API is meant") {
    sources.config = "token: t";
    sources.api_flag = "http://b.example";
    CHECK(chosen(sources) == "http://b.example:80 t config.yaml");
  }
  SUBCASE("the admin token of this folder stays on this machine") {
    sources.api_flag = "http://192.0.2.1:8480";
    CHECK(chosen(sources) == "http://192.0.2.1:8480  ");
    sources.api_flag = "http://localhost:9999";
    CHECK(chosen(sources) == "http://localhost:9999 from-up ./weir-data/admin.token");
  }
}

TEST_CASE("what is wrong with the settings is said with its place, and without the token") {
  struct Row {
    SettingSources sources;
    std::string sentence;
  };
  const auto with_config = [](std::string text) {
    SettingSources sources;
    sources.config_path = "config.yaml";
    sources.config = std::move(text);
    return sources;
  };
  const auto with_token = [](std::string text) {
    SettingSources sources;
    sources.token_variable = std::move(text);
    return sources;
  };
  SettingSources variable;
  variable.api_variable = "gopher://a";
  SettingSources flag;
  flag.api_flag = "nothing";
  const Row rows[] = {
      {variable, "WEIR_API must be a URL such as http://127.0.0.1:8480"},
      {flag, "--api must be a URL such as http://127.0.0.1:8480"},
      {with_config("api: [1"), "config.yaml: is not YAML: line 1"},
      {with_config("- a"), "config.yaml: must be like: api: http://127.0.0.1:8480"},
      {with_config("url: http://a"),
       "config.yaml: has the unknown key \"url\"; the keys are api, token and ca"},
      {with_config("token: 5"), "config.yaml: token must be a text"},
      {with_config("ca: ca.pem"), "config.yaml: ca must be the whole path of a file"},
      {with_config("api: ftp://a"), "config.yaml: api must be a URL"},
      {with_config("api: http://a\n---\napi: http://b"), "config.yaml: holds more than one document"},
      {with_token("secret secret"), "the token from WEIR_TOKEN is empty or has characters"},
      {with_token("secret\r\nX: y"), "the token from WEIR_TOKEN is empty or has characters"},
      {with_token(std::string(5000, 's')), "the token from WEIR_TOKEN is empty or has characters"},
      {with_token("\n"), "the token from WEIR_TOKEN is empty"},
  };
  for (const Row& row : rows) {
    const std::string got = chosen(row.sources);
    CAPTURE(row.sentence);
    CAPTURE(got);
    CHECK(got.starts_with("error: " + row.sentence));
    CHECK(got.find("secret") == std::string::npos);
  }
  CHECK(chosen(with_config("")) == "http://127.0.0.1:8480  ");
}

}  // namespace
}  // namespace weir::cli
