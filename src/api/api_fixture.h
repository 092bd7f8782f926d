// ApiFixture: a whole API for one test: the service behind its HTTP server, on a memory network, a manual
// clock and a store in memory. Requests go in as text, answers come out parsed. For tests only.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/api.h"
#include "auth/token.h"
#include "auth/token_table.h"
#include "base/check.h"
#include "http/server.h"
#include "net/task_group.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"
#include "testing/peer.h"

namespace weir::api {

struct ApiAnswer {
  int status = 0;
  std::string head;  // with the status line
  std::string body;  // chunks put together

  std::string field(std::string_view name) const;  // empty: not there
};

class ApiFixture {
 public:
  static constexpr const char* kAddress = "127.0.0.1:8480";

  explicit ApiFixture(ApiOptions options = {.version = "1.2.3"}, const store::LedgerLimits& limits = {})
      : engine_(*store::Engine::open({.directory = {}, .threaded = false, .limits = limits})),
        store(*engine_, fake.loop),
        mirror(store, fake.log),
        api(fake.env, store, mirror, tokens, std::move(options)),
        server(fake.env, api, {}),
        tasks_(fake.loop) {
    server.listen(*fake.network.listen(*net::Address::parse(kAddress)));
    tasks_.spawn(api.follow());
    set_tokens();
  }
  ApiFixture(const ApiFixture&) = delete;
  ApiFixture& operator=(const ApiFixture&) = delete;
  ~ApiFixture() {
    server.drain();
    server.cut();
    WEIR_CHECK(fake.run(server.join()));
    WEIR_CHECK(fake.run(stop(tasks_)));
  }

  testing::FakeEnv fake;

 private:
  std::unique_ptr<store::Engine> engine_;

 public:
  store::EngineStore store;
  mirror::Mirror mirror;
  auth::TokenTable tokens;
  Api api;
  http::Server server;
  std::string admin = token_of(1).text;
  std::string viewer = token_of(2).text;

  void set_tokens(std::vector<auth::TokenRecord> more = {}) {
    more.push_back({.name = "root", .hash = token_of(1).hash, .role = auth::Role::kAdmin});
    more.push_back({.name = "reader", .hash = token_of(2).hash, .role = auth::Role::kViewer});
    tokens.replace(more);
  }

  // fields: complete lines, "If-Match: *\r\n". The token is the admin's unless they have one.
  std::string text_of(std::string_view method, std::string_view target, std::string_view body = {},
                      std::string_view fields = {}) const {
    std::string text = std::string(method) + ' ' + std::string(target) + " HTTP/1.1\r\nHost: weir\r\n";
    if (fields.find("Authorization:") == std::string_view::npos) {
      text += "Authorization: Bearer " + admin + "\r\n";
    }
    text.append(fields);
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text.append("\r\n").append(body);
  }
  ApiAnswer call(std::string_view method, std::string_view target, std::string_view body = {},
                 std::string_view fields = {}) {
    testing::Peer peer(fake, kAddress);
    peer.send(text_of(method, target, body, fields));
    return parse(peer.take());
  }
  static ApiAnswer parse(const std::string& text);

  static auth::IssuedToken token_of(int fill) {
    std::array<std::byte, auth::kTokenEntropyBytes> entropy{};
    entropy.fill(static_cast<std::byte>(fill));
    return auth::make_token(entropy);
  }

 private:
  static net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }
  net::TaskGroup tasks_;
};

inline std::string ApiAnswer::field(std::string_view name) const {
  const std::size_t at = head.find("\r\n" + std::string(name) + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

inline ApiAnswer ApiFixture::parse(const std::string& text) {
  ApiAnswer answer;
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  answer.head = text.substr(0, end + 2);
  answer.status = std::stoi(answer.head.substr(9, 3));
  answer.body = text.substr(end + 4);
  return answer;
}

}  // namespace weir::api
