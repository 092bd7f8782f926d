// SessionFixture: an Api with sessions hung into it, with users ann (of the platform) and bob and eve (of
// organizations); passwords are looked at by whoever waits for an answer. For tests only.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>

#include "api/api_fixture.h"
#include "auth/password.h"
#include "auth/password_checker.h"
#include "base/text.h"
#include "config/object.h"
#include "mirror/accounts.h"
#include "mirror/records.h"
#include "session/calls.h"

namespace weir::session {

struct SessionFixture {
  SessionFixture()
      : calls(fake.env, world.store, world.mirror, world.api, world.tokens, passwords, options()) {
    world.api.writer().set_passwords(passwords);
    put(R"({"kind":"Organization","metadata":{"name":"acme"},"spec":{"display_name":"Acme",
        "members":[{"user":"bob","role":"admin"},{"user":"eve","role":"viewer"}]}})");
    put(R"({"kind":"Organization","metadata":{"name":"rival"},"spec":{
        "members":[{"user":"eve","role":"owner"}]}})");
    put(user("ann", R"(,"role":"admin")"));
    put(user("bob"));
    put(user("eve"));
    put(R"({"kind":"User","metadata":{"name":"nobody","uid":"u-nobody"},"spec":{
        "email":"nobody@host.example"}})");
  }

  static Options options() {
    Options options{.version = "1.2.3", .domain = "weir.localhost"};
    options.key.fill(std::byte{7});
    return options;
  }
  static std::string user(const std::string& name, const std::string& more = {}) {
    static const std::string kHash = *auth::hash_password("right");
    return R"({"kind":"User","metadata":{"name":")" + name + R"(","uid":"u-)" + name +
           R"("},"spec":{"email":")" + name + R"(@host.example","password":")" + kHash + R"(")" + more + "}}";
  }
  // As if another controller had written it.
  void put(const std::string& json) {
    auto object = config::parse_object(json, config::Origin::kStore);
    REQUIRE(object);
    store::Transaction transaction;
    transaction.put(mirror::key_of(object->kind(), object->metadata.name), mirror::encode(*object));
    REQUIRE(fake.run(world.store.commit(std::move(transaction))));
    REQUIRE(fake.run(world.mirror.catch_up()));
  }
  void remove(config::Kind kind, const std::string& name) {
    store::Transaction transaction;
    transaction.remove(mirror::key_of(kind, name));
    REQUIRE(fake.run(world.store.commit(std::move(transaction))));
    REQUIRE(fake.run(world.mirror.catch_up()));
  }

  // fields: complete lines; without them, nobody calls.
  api::ApiAnswer call(std::string_view method, std::string_view target, const std::string& body = {},
                      const std::string& fields = {}) {
    testing::Peer peer(fake, api::ApiFixture::kAddress);
    std::string all = fields.find("Authorization:") == std::string::npos ? "Authorization: \r\n" : "";
    all += fields;
    if (!body.empty()) all += "Content-Type: application/json\r\n";
    std::string text = world.text_of(method, target, body, all);
    if (const auto at = text.find("Authorization: \r\n"); at != std::string::npos) text.erase(at, 17);
    peer.send(text);
    while (peer.received().empty() && passwords.answer_one()) fake.run_until_idle();
    return api::ApiFixture::parse(peer.take());
  }
  static std::string login_body(const std::string& name, const std::string& password = "right") {
    return R"({"email":")" + name + R"(@host.example","password":")" + password + R"("})";
  }
  // What follows `before` up to the next quote or semicolon.
  static std::string between(const std::string& text, const std::string& before) {
    const auto at = text.find(before);
    if (at == std::string::npos) return {};
    const auto begin = at + before.size();
    return text.substr(begin, text.find_first_of("\";", begin) - begin);
  }
  struct Browser {
    std::string cookie;  // a field's line
    std::string csrf;    // the same
    std::string session;

    std::string both() const { return cookie + csrf; }
  };
  static Browser browser_of(const api::ApiAnswer& answer) {
    return {"Cookie: other=1; weir_session=" + between(answer.head, "weir_session=") + "\r\n",
            "X-Weir-CSRF: " + between(answer.body, R"("csrf":")") + "\r\n",
            between(answer.body, R"("session":")")};
  }
  Browser log_in(const std::string& name) {
    const auto answer = call("POST", "/v1/session", login_body(name));
    REQUIRE(answer.status == 200);
    return browser_of(answer);
  }
  Browser log_in_by_token(const std::string& token) {
    const auto answer = call("POST", "/v1/session", R"({"token":")" + token + R"("})");
    REQUIRE(answer.status == 200);
    return browser_of(answer);
  }

  api::ApiFixture world;
  testing::FakeEnv& fake = world.fake;
  auth::PasswordChecker passwords;
  Calls calls;
};

}  // namespace weir::session
