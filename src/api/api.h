// Api: what people and programs call: the resources of every kind over HTTP, on one code path. An
// http::Service for the server of the control loop, on its core. It meets the controllers only in the store,
// and never touches traffic.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/access.h"
#include "api/bell.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/watch.h"
#include "api/writer.h"
#include "base/metrics.h"
#include "enroll/registrar.h"
#include "http/service.h"
#include "images/library.h"
#include "lease/leases.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::api {

// Of the contract that /openapi.json describes.
inline constexpr std::string_view kApiVersion = "1";

struct ApiOptions {
  std::string version;             // of the program, for people
  bool anonymous_metrics = false;  // /metrics without a token: where only this machine can ask
  // An answer to a write waits this long for settled(), so that a token works and traffic follows once the
  // answer is there; the first requests wait for the tokens to be known. Zero: where nobody calls it.
  Duration settle_timeout{};
  mirror::PortRange tcp_ports = {};  // for TCP and TLS listeners that name none
  std::string domain = {};           // where Services are found by DNS-SD; empty: nowhere
};

// What is asked of a DnsProvider: what it lacks; that it is written; and however much that changes.
enum class ProviderCall : std::uint8_t { kPlan, kSync, kForcedSync };

class Api final : public http::Service {
 public:
  Api(net::Env& env, store::Store& store, mirror::Mirror& mirror, const auth::TokenTable& tokens,
      ApiOptions options);

  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;

  // Carries out writes, and wakes the watches. One task, from before the first request until the last
  // connection has ended.
  net::Task<void> follow();
  // Ends all watches, and /readyz says no from now on. Before the server drains.
  void drain();

  // Appends to what /metrics shows (Prometheus text exposition).
  using MetricsSource = std::function<void(std::string&)>;
  void add_metrics(MetricsSource source) { metrics_.push_back(std::move(source)); }
  // Asked by /readyz, beside the store: why not, or nothing.
  using ReadyCheck = std::function<std::string()>;
  void add_ready_check(ReadyCheck check) { ready_checks_.push_back(std::move(check)); }
  // Asked by /v1/explain. Calls back later, on this core, with JSON, or with what is wrong in a sentence.
  using Explained = std::function<void(std::expected<std::string, std::string>)>;
  using ExplainSource = std::function<void(ExplainQuestion question, Explained done)>;
  void set_explain_source(ExplainSource source) { explain_source_ = std::move(source); }
  // Asked by /v1/dnsproviders/NAME/plan and .../sync; calls back like that.
  using ProviderSource = std::function<void(std::string provider, ProviderCall call, Explained done)>;
  void set_provider_source(ProviderSource source) { provider_source_ = std::move(source); }
  // Lets machines in at /v1/enroll; outlives the last request. Without one, nobody can join here.
  void set_registrar(enroll::Registrar& registrar) { registrar_ = &registrar; }
  // Keeps images in the directory from then on; logs why, when it can't. may_read: whether who asks may read
  // them by a certificate, as nodes do.
  using MayRead = std::function<bool(const http::Request& request)>;
  void keep_images(std::string directory, images::Limits limits, MayRead may_read);
  // Asked by a dry run, when the client does: JSON, what such a change would come to at each edge.
  using Foresight = std::function<std::string(std::span<const config::ObjectChange>)>;
  void set_foresight(Foresight foresight) { foresight_ = std::move(foresight); }
  void set_status_source(StatusSource source);
  // Asked by /v1/services/NAME/health: JSON, what each edge finds of its endpoints.
  using HealthSource = std::function<std::string(std::string_view service)>;
  void set_health_source(HealthSource source) { health_source_ = std::move(source); }
  // Answers at .../logs, .../exec, .../requests and below, and /v1/metrics. Judges itself who may run
  // commands, and puts down who may not. allowed: the caller's token still stands.
  using Insight = std::function<net::Task<Answer<http::ResponsePtr>>(
      http::Request& request, const Target& target, const auth::Identity& caller,
      std::function<bool()> allowed)>;
  void set_insight(Insight insight) { insight_ = std::move(insight); }
  // Who is logged in, and what is asked of sessions. identify: nothing: the request brings none. is_valid: of
  // an Identity with a session. answer: at /v1/session and /v1/device and below, and, with a caller, what it
  // sees and ends of Sessions.
  struct Sessions {
    std::function<net::Task<std::optional<Answer<auth::Identity>>>(const http::Request& request)> identify;
    std::function<bool(const auth::Identity& caller)> is_valid;
    std::function<net::Task<Answer<http::ResponsePtr>>(http::Request& request, const Target& target,
                                                       const auth::Identity* caller)>
        answer;
  };
  void set_sessions(Sessions sessions) { sessions_ = std::move(sessions); }
  // By whatever the request brings: a session or a token.
  net::Task<Answer<auth::Identity>> identify(const http::Request& request);
  // Those of Endpoints: the owner runs what ends them.
  lease::Leases& leases() { return leases_; }
  // For who has other paths than these to the same objects: all writes of a process have one order.
  Writer& writer() { return writer_; }
  // Waits until the controllers of this process have seen this revision, but not for long.
  net::Task<void> settle(store::Revision revision);
  // The controllers of this process have seen all up to this revision.
  void settled(store::Revision revision);

 private:
  using Responded = Answer<http::ResponsePtr>;
  net::Task<Responded> respond(http::Request& request);
  net::Task<Responded> respond_at(http::Request& request, const Target& target, const auth::Identity& caller);
  net::Task<Responded> collection(http::Request& request, const Target& target, const auth::Identity& caller);
  net::Task<Responded> graphs(http::Request& request, const Target& target, const auth::Identity& caller);
  net::Task<Responded> watch_several(http::Request& request, const auth::Identity& caller);
  net::Task<Responded> watch(http::Request& request, Query query, std::vector<const config::KindInfo*> kinds,
                             const auth::Identity& caller);
  net::Task<Responded> object(http::Request& request, const Target& target, const auth::Identity& caller);
  net::Task<Responded> write(http::Request& request, const Target& target, const auth::Identity& caller);
  net::Task<Responded> roll_back(http::Request& request, const auth::Identity& caller);
  net::Task<void> first_settled();
  net::Task<Responded> ready(http::Request& request);
  net::Task<Responded> service_health(http::Request& request, const Target& target,
                                      const auth::Identity& caller);
  net::Task<Responded> explain(http::Request& request, const auth::Identity& caller);
  net::Task<Responded> call_provider(http::Request& request, const Target& target,
                                     const auth::Identity& caller);
  mirror::Sight sight_of(const auth::Identity& caller) const { return {caller, mirror_.objects()}; }
  net::Task<Responded> enroll(http::Request& request);
  net::Task<Responded> renew(const http::Request& request, const Target& target,
                             const auth::Identity& caller);
  bool is_valid(const auth::Identity& caller) const;
  bool is_for_machine(const http::Request& request, const Target& target) const;
  net::Task<Responded> image(http::Request& request, const Target& target, const auth::Identity& caller);
  net::Task<Responded> put_image(http::Request& request, const Target& target, const auth::Identity& caller);
  net::Task<Responded> read_image(const http::Request& request, const Target& target);
  net::Task<void> audit_image(const http::Request& request, const auth::Identity& caller,
                              std::string_view verb, std::string name, std::string after);
  http::ResponsePtr json(const http::Request& request, int status, std::string content) const;
  http::ResponsePtr front(const http::Request& request) const;
  http::ResponsePtr written_response(const http::Request& request, Verb verb, const Target& target,
                                     const Written& written, bool edges) const;
  std::string foreseen(const Written& written) const;
  http::ResponsePtr metrics(const http::Request& request) const;

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  ApiOptions options_;
  Access access_;
  lease::Leases leases_;
  StatusSource status_;
  Writer writer_;
  WatchHub watches_;
  std::string openapi_;
  std::vector<MetricsSource> metrics_;
  std::vector<ReadyCheck> ready_checks_;
  ExplainSource explain_source_;
  ProviderSource provider_source_;
  Foresight foresight_;
  HealthSource health_source_;
  Insight insight_;
  Sessions sessions_;
  enroll::Registrar* registrar_ = nullptr;
  std::unique_ptr<images::Library> images_;  // null: none are kept here
  MayRead may_read_images_;
  std::optional<store::Revision> settled_;
  Bell settling_;
  std::array<Counter, 6> responses_;  // by the first digit of the status
  bool draining_ = false;
};

}  // namespace weir::api
