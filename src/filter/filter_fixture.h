// What the tests of this room share: a request in front of the filters of a route, without an edge around it.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "filter/filters.h"
#include "http/h1_parser.h"
#include "net/task_group.h"
#include "testing/fake_env.h"

namespace weir::filter {

using namespace std::chrono_literals;

struct World {
  ChainPointer chain_of(const config::Route& route, const ChainPointer& previous = nullptr) const {
    return make_chain(route, {"web path prefix /", load_balancer, false, snapshot, common}, previous);
  }

  testing::FakeEnv fake;
  Common common;  // passwords are checked by Call, without a thread
  config::Snapshot snapshot;
  std::string load_balancer = "web";
  auth::FailureThrottle throttle;
  oidc::Providers providers{fake.env};
  int passwords_checked = 0;
};

// "GET /path" and fields, each with its line end.
class Call {
  World& world_;
  std::string text_;

 public:
  Call(World& world, const std::string& request_line, const std::string& fields = "",
       std::string_view peer = "192.0.2.1", std::string_view matched_prefix = "/")
      : world_(world), text_(request_line + " HTTP/1.1\r\nHost: a.example:81\r\n" + fields + "\r\n") {
    REQUIRE(http::parse_request_head(text_, head).value() == text_.size());
    request.peer = *net::Address::parse_ip(peer, 4711);
    request.id = "r-1";
    exchange.matched_prefix = matched_prefix;
  }

  // What the first filter that answers answers; null: none does.
  std::unique_ptr<http::TextResponse> pass(const ChainPointer& chain) {
    for (const NamedFilter& one : chain->filters) {
      auto response = one.filter->on_request(exchange);
      if (std::exchange(exchange.deferred, false)) response = wait(*one.filter);
      if (response) return response;
    }
    return nullptr;
  }
  int status(const ChainPointer& chain) {  // 0: passed
    const auto response = pass(chain);
    return response ? response->head.status : 0;
  }

  http::RequestHead head;
  http::Request request{.head = head};
  Exchange exchange{request, world_.fake.env, world_.throttle, world_.providers, "/", {}};

 private:
  std::unique_ptr<http::TextResponse> wait(const Filter& filter) {
    std::unique_ptr<http::TextResponse> response;
    net::TaskGroup group(world_.fake.loop);
    group.spawn(keep(filter, exchange, response));
    world_.fake.run_until_idle();
    while (group.size() > 0 && world_.common.passwords->answer_one()) {
      ++world_.passwords_checked;
      world_.fake.run_until_idle();
    }
    REQUIRE(group.size() == 0);
    return response;
  }
  static net::Task<void> keep(const Filter& filter, Exchange& exchange,
                              std::unique_ptr<http::TextResponse>& response) {
    response = co_await filter.on_request_deferred(exchange);
  }
};

inline std::string_view field_of(const http::Response& response, std::string_view name) {
  const http::Field* field = response.head.fields.find(name);
  return field == nullptr ? std::string_view("(none)") : field->value;
}

}  // namespace weir::filter
