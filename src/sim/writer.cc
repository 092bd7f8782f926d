#include "sim/writer.h"

#include <fmt/format.h>

#include <bit>
#include <utility>

#include "base/text.h"
#include "sim/controller_node.h"

namespace weir::sim {

Writer::Writer(net::Env& env, Options options, Told told)
    : env_(env),
      options_(std::move(options)),
      told_(std::move(told)),
      random_(options_.seed),
      tasks_(env.loop) {}

void Writer::write(std::uint32_t bits, std::string region) { wish(bits, std::move(region)); }

void Writer::drain() {
  if (std::popcount(bits_) > 1) wish(bits_ & (bits_ - 1), region_);
}

void Writer::remove() { wish(0, {}); }

void Writer::wish(std::uint32_t bits, std::string region) {
  bits_ = bits;
  region_ = region;
  wishes_.push_back({bits, std::move(region), fmt::format("{}.{}", options_.name, ++writes_)});
  if (std::exchange(busy_, true)) return;
  tasks_.spawn(work());
}

net::Task<void> Writer::work() {
  const net::Context& context = co_await net::current_context();
  while (!wishes_.empty() && !context.cancelled()) {
    Wish next = std::move(wishes_.front());
    wishes_.pop_front();
    co_await carry_out(std::move(next));
  }
  busy_ = false;
}

net::Task<void> Writer::carry_out(Wish wish) {
  if (wish.bits == 0) {
    co_await remove("loadbalancers/" + options_.name);
    co_await remove("services/" + options_.name);
    co_return;
  }
  const std::uint64_t revision = co_await call("POST", "/v1/apply", objects(wish));
  if (revision == 0) co_return;
  Event event{.kind = Event::Kind::kAcknowledged,
              .node = "client",
              .key = "services/" + options_.name,
              .text = pool(wish.bits),
              .mark = wish.mark,
              .revision = revision};
  told_(event);
  event.key = "loadbalancers/" + options_.name;
  event.text = options_.name + (wish.region.empty() ? "" : " @" + wish.region);
  told_(event);
}

net::Task<void> Writer::remove(std::string key) {
  const std::uint64_t revision = co_await call("DELETE", "/v1/" + key, {});
  if (revision == 0) co_return;
  told_({.kind = Event::Kind::kAcknowledged, .node = "client", .key = std::move(key), .revision = revision});
}

net::Task<std::uint64_t> Writer::call(std::string method, std::string path, std::string body) {
  const std::size_t count = options_.controllers.size();
  const std::size_t first = random_.below(count);
  for (std::size_t i = 0; i < kTriesMax; ++i) {
    const std::string& controller = options_.controllers[(first + i) % count];
    auto reply = co_await request(env_, *net::Address::parse_ip(controller, kApiPort),
                                  api_request(method, path, controller, body), kPatience);
    if (reply && reply->status == 200) {
      constexpr std::string_view kRevision = "\"revision\":";  // the last one is the whole's
      const std::size_t at = reply->text.rfind(kRevision) + kRevision.size();
      const std::size_t end = reply->text.find_first_not_of("0123456789", at);
      co_return parse_decimal(std::string_view(reply->text).substr(at, end - at)).value_or(0);
    }
    if (reply && reply->status >= 400 && reply->status < 500 && reply->status != 401) co_return 0;
    if (!co_await env_.loop.sleep(std::chrono::milliseconds(100 + random_.below(400)))) co_return 0;
  }
  co_return 0;
}

std::string Writer::pool(std::uint32_t bits) const {
  std::string text;
  for (std::size_t i = 0; i < options_.origins.size(); ++i) {
    if ((bits >> i & 1U) != 0) text += (text.empty() ? "" : " ") + options_.origins[i];
  }
  return text;
}

std::string Writer::objects(const Wish& wish) const {
  std::string endpoints;
  for (std::size_t i = 0; i < options_.origins.size(); ++i) {
    if ((wish.bits >> i & 1U) == 0) continue;
    endpoints += fmt::format("{}{{\"address\":\"{}\"}}", endpoints.empty() ? "" : ",", options_.origins[i]);
  }
  const std::string metadata =
      fmt::format(R"("metadata":{{"name":"{}","annotations":{{"mark":"{}"}}}})", options_.name, wish.mark);
  return fmt::format(
      R"([{{"kind":"Service",{0},"spec":{{"endpoints":[{1}],"panic_percent":0,"health_check":{{)"
      R"("interval":"1s","timeout":"500ms","unhealthy_thresh)"
      R"(old":2,"healthy_threshold":1,"http":{{"path":"/healthz"}}}}}}}},)"
      R"({{"kind":"LoadBalancer",{0},"spec":{{"listeners":[{{"protocol":"HTTP","hostnames":["{2}"]}}],)"
      R"("routes":[{{"backends":[{{"service":"{2}"}}]}}],"edges":{{"match":{{{3}}}}}}}}}])",
      metadata, endpoints, options_.name,
      wish.region.empty() ? "" : fmt::format(R"("region":"{}")", wish.region));
}

}  // namespace weir::sim
