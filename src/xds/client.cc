#include "xds/client.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "grpc/channel.h"
#include "xds/limits.h"

namespace weir::xds {

namespace {

constexpr std::string_view kPath =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

}  // namespace

Client::Client(net::Env& env, Consumer& consumer, Options options)
    : env_(env),
      consumer_(consumer),
      options_(std::move(options)),
      backoff_({.first = kReattachWaitFirst, .longest = kReattachWaitMax}) {
  WEIR_CHECK(!options_.controllers.empty());
  for (Had& one : options_.had) {
    held_[static_cast<std::size_t>(one.type)].versions.emplace(std::move(one.name), std::string());
  }
  options_.had.clear();
}

void Client::want(Type type, std::set<std::string> names) {
  const auto found = std::ranges::find(options_.wanted, type, &Wanted::type);
  Wanted& wanted = found != options_.wanted.end() ? *found : options_.wanted.emplace_back(Wanted{type, {}});
  for (const std::string& name : wanted.names) {
    if (!names.contains(name)) held_[static_cast<std::size_t>(type)].versions.erase(name);
  }
  wanted.names.assign(names.begin(), names.end());
  asks_anew_ = true;
}

void Client::set_tls(const std::shared_ptr<tls::ClientContext>& tls) {
  for (grpc::Dialler::Target& target : options_.controllers) target.tls = tls;
}

// The next in the list at once, so that a controller that dies costs its clients nothing but a connection; a
// wait after a round in which none was there. Where a client begins is by chance, which spreads them.
net::Task<void> Client::run() {
  const net::Context& context = co_await net::current_context();
  const std::size_t count = options_.controllers.size();
  std::size_t controller = env_.random.below(count);
  std::size_t failed = 0;
  while (!context.cancelled()) {
    if (co_await attach(controller)) {
      backoff_.succeeded();
      failed = 0;
    }
    controller = (controller + 1) % count;
    if (context.cancelled() || ++failed < count) continue;
    failed = 0;
    if (!co_await env_.loop.sleep(backoff_.failed(env_.random))) co_return;
  }
}

net::Task<bool> Client::attach(std::size_t controller) {
  const grpc::Dialler::Target& target = options_.controllers[controller];
  grpc::Dialler dialler(env_, target);
  grpc::Channel channel(env_.loop, dialler,
                        {.authority = target.authority(),
                         .scheme = target.tls ? "https" : "http",
                         .message_bytes_max = kResponseBytesTakenMax,
                         .connect_timeout = kAttachTimeout,
                         .keepalive_interval = kKeepaliveInterval,
                         .keepalive_timeout = kKeepaliveTimeout});
  bool answered = false;
  {
    auto call = co_await channel.call(std::string(kPath), {}, std::nullopt);
    if (!call) {
      trouble_ = sentence_of(call.error());
    } else if (auto asked = co_await ask(**call); !asked) {
      trouble_ = sentence_of(asked.error());
    } else {
      answered = co_await follow(**call, controller);
      trouble_ = (*call)->status().message;
    }
  }
  consumer_.attached(std::nullopt);
  co_await channel.close();
  co_return answered;
}

net::Task<Result<void>> Client::ask(grpc::ClientCall& call) {
  std::optional<Node> node = options_.node;  // in the first request only
  if (const std::uint64_t revision = consumer_.revision(); revision > 0) {
    node->metadata.insert_or_assign(std::string(kRevisionKey), std::to_string(revision));
  }
  for (const Wanted& wanted : options_.wanted) {
    Held& held = held_[static_cast<std::size_t>(wanted.type)];
    held.asked = {wanted.names.begin(), wanted.names.end()};
    if (wanted.names.empty() && !info_of(wanted.type).all_unless_named) continue;
    Request request;
    request.type_url = info_of(wanted.type).url;
    request.node = std::exchange(node, std::nullopt);
    request.names = wanted.names;
    request.initial_versions.assign(held.versions.begin(), held.versions.end());
    if (auto written = co_await call.write(encode(request)); !written) co_return fail(written.error());
  }
  co_return Result<void>();
}

// The difference between what is wanted and what was asked for on this stream.
net::Task<Result<void>> Client::ask_anew(grpc::ClientCall& call) {
  asks_anew_ = false;
  for (const Wanted& wanted : options_.wanted) {
    Held& held = held_[static_cast<std::size_t>(wanted.type)];
    const std::set<std::string> names(wanted.names.begin(), wanted.names.end());
    Request request;
    request.type_url = info_of(wanted.type).url;
    std::ranges::set_difference(names, held.asked, std::back_inserter(request.names));
    std::ranges::set_difference(held.asked, names, std::back_inserter(request.unsubscribed));
    held.asked = names;
    if (request.names.empty() && request.unsubscribed.empty()) continue;
    if (auto written = co_await call.write(encode(request)); !written) co_return fail(written.error());
  }
  co_return Result<void>();
}

net::Task<bool> Client::follow(grpc::ClientCall& call, std::size_t controller) {
  bool answered = false;
  for (;;) {
    auto message = co_await call.read();
    if (!message || !*message) co_return answered;
    const Result<Response> response = decode_response(**message);
    if (!response) co_return answered;
    if (!std::exchange(answered, true)) consumer_.attached(controller);
    if (auto written = co_await call.write(encode(answer(*response))); !written) co_return answered;
    if (!asks_anew_) continue;
    if (auto asked = co_await ask_anew(call); !asked) co_return answered;
  }
}

Request Client::answer(const Response& response) {
  Request request;
  request.type_url = info_of(response.type).url;
  request.nonce = response.nonce;
  request.error = take(response);
  return request;
}

bool Client::ends_whole(const Response& response) {
  if (response.type != Type::kObject) return true;
  for (const ResourcePtr& resource : response.resources) {
    if (resource->name == kRevisionName) return true;
  }
  return false;
}

std::optional<std::string> Client::take(const Response& response) {
  Held& held = held_[static_cast<std::size_t>(response.type)];
  const std::size_t before = held.pending.size();
  for (const std::string& name : response.removed) held.pending.push_back({response.type, name, nullptr});
  for (const ResourcePtr& resource : response.resources) {
    held.pending.push_back({response.type, resource->name, resource});
  }
  if (ends_whole(response)) {
    if (std::optional<std::string> refusal = consumer_.apply(response.type, held.pending)) {
      held.pending.resize(before);
      return refusal;
    }
    held.pending.clear();
  }
  for (const std::string& name : response.removed) held.versions.erase(name);
  for (const ResourcePtr& resource : response.resources) held.versions[resource->name] = resource->version;
  return std::nullopt;
}

}  // namespace weir::xds
