// MysocketFixture: mysocket's calls before an Api, on the memory network, a manual clock and a store in
// memory; passwords are hashed by whoever waits for an answer. For tests only.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "api/api_fixture.h"
#include "auth/account_token.h"
#include "auth/password_checker.h"
#include "http/server.h"
#include "mysocket/calls.h"

namespace weir::mysocket {

inline constexpr const char* kKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxq eve@laptop";

struct MysocketFixture {
  static constexpr const char* kAddress = "127.0.0.1:8481";

  explicit MysocketFixture(bool sign_up_open = true)
      : calls(fake.env, world.mirror, world.api, passwords, options(sign_up_open)),
        server(fake.env, calls, {}) {
    world.api.writer().set_passwords(passwords);
    server.listen(*fake.network.listen(*net::Address::parse(kAddress)));
  }
  ~MysocketFixture() {
    server.drain();
    server.cut();
    WEIR_CHECK(fake.run(server.join()));
  }

  static Options options(bool sign_up_open) {
    Options options{.surroundings = {.domain = "weir.localhost", .ports = {8080, 8443}},
                    .sign_up_open = sign_up_open};
    options.key.fill(std::byte{7});
    return options;
  }

  // As the client does.
  api::ApiAnswer call(std::string_view method, std::string_view target, const std::string& body = {},
                      const std::string& token = {}) {
    std::string fields = "Authorization: \r\nContent-Type: application/json\r\naccept: application/json\r\n";
    if (!token.empty()) fields += "x-access-token: " + token + "\r\n";
    return call_with(fields, method, target, body);
  }
  api::ApiAnswer call_with(const std::string& fields, std::string_view method, std::string_view target,
                           const std::string& body = {}, const char* address = kAddress) {
    testing::Peer peer(fake, address);
    peer.send(world.text_of(method, target, body, fields));
    while (peer.received().empty() && passwords.answer_one()) fake.run_until_idle();
    return api::ApiFixture::parse(peer.take());
  }
  // By the API, as an administrator.
  api::ApiAnswer administer(std::string_view method, std::string_view target, const std::string& body = {}) {
    const bool patch = method == "PATCH";
    return call_with(patch ? "Content-Type: application/merge-patch+json\r\n" : "If-Match: *\r\n", method,
                     target, body, api::ApiFixture::kAddress);
  }

  api::ApiAnswer sign_up(const std::string& name, const std::string& sshkey = {}) {
    return call("POST", "/user",
                R"({"name":")" + name + R"(","email":")" + name +
                    R"(@host.example","password":"password of )" + name + R"(","sshkey":")" + sshkey +
                    R"("})");
  }
  // The token; empty when it is refused.
  std::string log_in(const std::string& name) {
    const auto answer =
        call("POST", "/login",
             R"({"email":")" + name + R"(@host.example","password":"password of )" + name + R"("})");
    constexpr std::string_view kBefore = R"({"token":")";
    if (!answer.body.starts_with(kBefore)) return {};
    return answer.body.substr(kBefore.size(), answer.body.find('"', kBefore.size()) - kBefore.size());
  }
  // The token of a new account.
  std::string account(const std::string& name) {
    sign_up(name);
    return log_in(name);
  }

  api::ApiFixture world;
  testing::FakeEnv& fake = world.fake;
  auth::PasswordChecker passwords;
  Calls calls;
  http::Server server;
};

}  // namespace weir::mysocket
