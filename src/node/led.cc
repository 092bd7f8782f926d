#include "node/led.h"

#include <utility>

#include "grpc/dialler.h"
#include "nodelink/messages.h"
#include "nodelink/node_client.h"

namespace weir::node {

using nodelink::Assignment;

struct Led::Line {
  Line(net::Env& env, const tls::Host& controller, nodelink::Hello hello, Led& led)
      : dialler(env, {.host = controller.name}),
        channel(env.loop, dialler, {.authority = grpc::Dialler::Target{.host = controller.name}.authority()}),
        client(env, channel, std::move(hello),
               {.assigned = [&led](const Assignment& assignment) { led.take(assignment); },
                .open =
                    [&led, this](nodelink::Open what) {
                      if (led.open_) led.open_(channel, std::move(what));
                    }},
               {}) {}
  grpc::Dialler dialler;
  grpc::Channel channel;
  nodelink::NodeClient client;
};

Led::Led(net::Env& env, Node& node, LedOptions options)
    : env_(env),
      node_(node),
      options_(std::move(options)),
      file_(options_.assignment_path, env.log, Duration::zero()),
      images_(env, options_.controllers, [this] { return context(); }),
      tasks_(env.loop) {
  node_.on_changed([this] { changed_.set(); });
  node_.set_image_source(images_.source());
}

Led::~Led() = default;

std::expected<void, std::string> Led::prepare() {
  auto kept = enroll::Keeper::begin(options_.credentials_path, !options_.join_token.empty(),
                                    options_.machine.role, env_.loop.clock().wall_now());
  if (!kept) return std::unexpected(kept.error());
  credentials_ = std::move(*kept);
  if (credentials_) options_.machine.name = credentials_->name;

  const auto text = store::KeptFile::read(options_.assignment_path, kAssignmentBytesMax);
  auto told = text ? nodelink::parse_assignment(*text) : Result<Assignment>(fail(text.error()));
  if (told) {
    present_ = std::make_shared<const Assignment>(std::move(*told));
    node_.set(instances_of(*present_));
  } else if (told.error().code != Code::kNotFound) {
    env_.log.error("what this node was told last can't be used; what runs goes on until it is told anew",
                   {{"file", options_.assignment_path}, {"reason", sentence_of(told.error())}});
  }
  return {};
}

void Led::start(std::function<void(const std::string&)> refused) {
  refused_ = std::move(refused);
  tasks_.spawn(run());
}

// With their APIs.
Result<std::shared_ptr<tls::ClientContext>> Led::context() const {
  if (!keeper_) return fail(Code::kInvalid, "this machine has not joined yet");
  return enroll::client_context(keeper_->credentials(), {"http/1.1"});
}

net::Task<void> Led::run() {
  const bool joins = !credentials_;
  if (joins) {
    auto joined =
        co_await enroll::join_any(env_, options_.controllers, options_.join_token, options_.machine);
    if (!joined) {
      if (joined.error().is_final) refused_(joined.error().sentence);
      co_return;
    }
    credentials_ = std::move(*joined);
  }
  begin(*credentials_, joins);
}

// What a machine that has joined before says of itself may be something else by now.
void Led::begin(enroll::Credentials credentials, bool just_joined) {
  const enroll::Node& machine = options_.machine;
  const nodelink::Hello hello{.node = credentials.name,
                              .version = machine.version,
                              .provider = machine.provider,
                              .region = machine.region,
                              .city = machine.city,
                              .address = machine.address,
                              .capacity = options_.capacity};
  for (const tls::Host& controller : options_.controllers) {
    lines_.push_back(std::make_unique<Line>(env_, controller, hello, *this));
    lines_.back()->client.goes_by(revision());
  }
  keeper_.emplace(env_, options_.controllers, machine, std::move(credentials), options_.credentials_path);
  keeper_->on_renewed([this](const enroll::Credentials& renewed) { use(renewed); });
  use(keeper_->credentials());
  tasks_.spawn(keeper_->run(!just_joined));
  for (const auto& line : lines_) tasks_.spawn(line->client.run());
  tasks_.spawn(say());
  tasks_.spawn(measure());
  changed_.set();
}

// Connections that there are stay: a renewed certificate says the same.
void Led::use(const enroll::Credentials& credentials) {
  auto tls = enroll::client_context(credentials, {"h2"});
  if (!tls) {
    env_.log.error("the machine's certificate can't be used", {{"reason", tls.error().text}});
    return;
  }
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    lines_[i]->dialler.set_target(
        {.host = options_.controllers[i].name, .port = credentials.discovery_port, .tls = *tls});
  }
}

// Controllers are not always at the same revision; nobody is led back by one that lags behind.
void Led::take(const Assignment& assignment) {
  if (present_ && assignment.revision < present_->revision && !assignment.anew) return;
  if (assignment.anew) {
    env_.log.warning("the controllers' database was put back, and this node follows",
                     {{"revision", std::to_string(assignment.revision)}});
  }
  present_ = std::make_shared<const Assignment>(assignment);
  file_.keep([kept = present_] { return nodelink::text_of(*kept); });
  env_.log.info("a controller has told what is to run",
                {{"instances", std::to_string(assignment.instances.size())},
                 {"revision", std::to_string(assignment.revision)}});
  for (const auto& line : lines_) line->client.goes_by(assignment.revision);
  node_.set(instances_of(assignment));
}

net::Task<void> Led::say() {
  while (co_await changed_.wait(env_.loop) && co_await env_.loop.sleep(kGather)) {
    changed_.reset();
    if (!node_.ready()) continue;
    const std::vector<Status> all = node_.statuses();
    for (const auto& line : lines_) line->client.see(all);
  }
}

net::Task<void> Led::measure() {
  while (co_await env_.loop.sleep(kMeasure)) co_await node_.measure();
}

net::Task<void> Led::stop() {
  co_await tasks_.stop();
  for (const auto& line : lines_) co_await line->channel.close();
}

}  // namespace weir::node
