#include "program/agent_joins.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/host_port.h"
#include "client/objects.h"
#include "config/formats.h"
#include "health/from_config.h"
#include "tls/dial.h"

namespace weir::program {
namespace {

constexpr int kServerErrors = 500;  // statuses from here on: another API may do better
constexpr const char* kOwnAddress = "127.0.0.1";

// Why it is not done, in the API's words.
std::string why_refused(const client::ApiAnswer& answer) {
  const client::Tree problem = client::parse_tree(answer.content);
  const std::string violation = client::text_at(problem, "/violations/0/message");
  if (!violation.empty()) return client::text_at(problem, "/violations/0/field") + ' ' + violation;
  const std::string detail = client::text_at(problem, "/detail");
  return detail.empty() ? "refused with status " + std::to_string(answer.status) : detail;
}

}  // namespace

client::Member member_of(const agent::FileMember& member, Duration lease) {
  return {.service = member.name,
          .port = static_cast<std::uint16_t>(member.port),
          .address = member.address,
          .name = member.endpoint,
          .instance = member.instance,
          .type = member.type,
          .priority = member.priority,
          .weight = member.weight,
          .zone = member.zone,
          .text = member.text,
          .version = member.version,
          .health = {},
          .lease = lease};
}

struct AgentJoins::Joined {
  Joined(net::Env& env, client::MemberApi api, client::Member member,
         std::optional<config::HealthCheck> its_check)
      : membership(env, std::move(api), std::move(member)),
        check(std::move(its_check)),
        up(!check),
        tasks(env.loop) {}

  client::Membership membership;
  std::optional<config::HealthCheck> check;
  bool up;
  net::Event turned;   // up is another
  bool tried = false;  // to join, so that there may be something to take out
  net::TaskGroup tasks;
};

AgentJoins::AgentJoins(net::Env& env, std::vector<Api> apis, std::function<void()> on_joined)
    : env_(env), apis_(std::move(apis)), on_joined_(std::move(on_joined)), monitor_(env), ending_(env.loop) {}

AgentJoins::~AgentJoins() = default;

net::Task<Result<client::ApiAnswer>> AgentJoins::ask(http::Method method, std::string target,
                                                     std::string content) {
  Result<client::ApiAnswer> answer = fail(Code::kConnectFailed, "no API is known");
  for (std::size_t tried = 0; tried < apis_.size(); ++tried) {
    const std::size_t asked = current_;
    answer = co_await apis_[asked].client->ask(method, target, content);
    if (answer && answer->status < kServerErrors) break;
    if (!answer && answer.error().code == Code::kCancelled) break;
    if (current_ == asked) current_ = (asked + 1) % apis_.size();
  }
  co_return answer;
}

client::MemberApi AgentJoins::api_for(const std::string& service) {
  return {.ask = [this](http::Method method, std::string target,
                        std::string content) { return ask(method, std::move(target), std::move(content)); },
          .host = [this] { return apis_[current_].url.host; },
          .say = [this, service](const std::string& news) { env_.log.info(news, {{"service", service}}); },
          .say_wrong =
              [this, service](const Result<client::ApiAnswer>& answer) {
                env_.log.warning("the API does not do it; it is asked again and again",
                                 {{"service", service},
                                  {"api", apis_[current_].url.text},
                                  {"reason", answer ? why_refused(*answer) : why_not(answer.error())}});
              },
          .on_joined = on_joined_};
}

void AgentJoins::set(const agent::FileJoin& file) {
  std::vector<std::shared_ptr<Joined>> before = std::exchange(joined_, {});
  for (const agent::FileMember& wanted : file.services) {
    auto one = std::make_shared<Joined>(env_, api_for(wanted.name), member_of(wanted, file.lease),
                                        wanted.health_check);
    const auto known = std::ranges::find_if(
        before, [&one](const auto& old) { return old->membership.name() == one->membership.name(); });
    if (known == before.end()) {
      start(std::move(one), nullptr);
      continue;
    }
    const bool same =
        (*known)->membership.member() == one->membership.member() && (*known)->check == one->check;
    std::shared_ptr<Joined> old = std::move(*known);
    before.erase(known);
    if (same) {
      joined_.push_back(std::move(old));
    } else {
      one->tried = old->tried;
      start(std::move(one), std::move(old));
    }
  }
  for (std::shared_ptr<Joined>& gone : before) ending_.spawn(end(std::move(gone)));
  watch_health();
}

void AgentJoins::start(std::shared_ptr<Joined> one, std::shared_ptr<Joined> before) {
  Joined& started = *joined_.emplace_back(std::move(one));
  started.tasks.spawn(run(started, std::move(before)));
}

void AgentJoins::watch_health() {
  std::map<std::string, health::Target> targets;
  for (const std::shared_ptr<Joined>& one : joined_) {
    if (!one->check) continue;
    const client::Member& member = one->membership.member();
    tls::Host host{member.address.empty() ? kOwnAddress : member.address, member.port};
    host.name = std::string(without_brackets(host.name));
    std::vector<net::Address> addresses = tls::known_addresses(host);
    if (addresses.empty()) addresses = tls::known_addresses({kOwnAddress, member.port});
    targets[one->membership.name()] = {
        .addresses = std::move(addresses),
        .check = health::check_of(*one->check, with_port(host.name, member.port)),
        .known = lb::Health::kUnknown,
        .on_verdict =
            [this, weak = std::weak_ptr(one)](lb::Health health, const Error& why) {
              const auto judged = weak.lock();
              if (!judged) return;
              judged->up = health == lb::Health::kHealthy;
              judged->turned.set();
              env_.log.info(
                  judged->up ? "it is healthy" : "it is not healthy, so it is no member",
                  {{"endpoint", judged->membership.name()}, {"reason", judged->up ? "" : why.text}});
            },
        .on_pass = [] {}};
  }
  monitor_.set("members", std::move(targets));
}

// before: of the same name, which has to let go first.
net::Task<void> AgentJoins::run(Joined& one, std::shared_ptr<Joined> before) {
  if (before) co_await before->tasks.stop();
  const net::Context& context = co_await net::current_context();
  while (!context.cancelled()) {
    if (one.up) {
      one.tried = true;
      net::TaskGroup staying(env_.loop);
      staying.spawn(one.membership.stay());
      while (one.up && co_await one.turned.wait(env_.loop)) one.turned.reset();
      co_await staying.stop();
      if (context.cancelled()) co_return;
      (void)co_await one.membership.leave();
    }
    if (!co_await one.turned.wait(env_.loop)) co_return;
    one.turned.reset();
  }
}

net::Task<void> AgentJoins::end(std::shared_ptr<Joined> one) {
  co_await one->tasks.stop();
  if (one->tried) (void)co_await one->membership.leave();
}

net::Task<void> AgentJoins::leave() {
  co_await monitor_.stop();
  for (std::shared_ptr<Joined>& one : std::exchange(joined_, {})) ending_.spawn(end(std::move(one)));
  co_await ending_.join();
}

}  // namespace weir::program
