#include "wire/agent_messages.h"

#include <weir.pb.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <utility>

namespace weir::wire {
namespace {

bool fit(std::initializer_list<std::string_view> texts) {
  return std::ranges::all_of(texts, [](std::string_view text) { return text.size() <= kTextBytesMax; });
}

std::unexpected<Error> beyond() { return fail(Code::kInvalid, "a message beyond its limits"); }

template <class Message>
void name(Message& message, const Origin& origin) {
  message.set_service(origin.service);
  message.set_instance(origin.instance);
}
template <class Message>
Origin origin_of(const Message& message) {
  return {message.service(), message.instance()};
}
template <class Message>
bool fits(const Message& message) {
  return fit({message.service(), message.instance()});
}

struct AgentWriter {
  v1::FromAgent& to;
  void operator()(const Hello& hello) const {
    v1::AgentHello& said = *to.mutable_hello();
    said.set_agent(hello.agent);
    said.set_version(hello.version);
    said.set_credential(hello.credential);
    said.set_looks_on(hello.looks_on);
  }
  void operator()(const Register& wanted) const {
    v1::AgentRegister& said = *to.mutable_register_();
    name(said, wanted.origin);
    said.set_type(wanted.type);
    said.set_port(wanted.port);
    said.set_weight(wanted.weight);
    said.set_priority(wanted.priority);
    said.set_hostname(wanted.hostname);
  }
  void operator()(const Unregister& gone) const { name(*to.mutable_unregister(), gone.origin); }
  void operator()(const Health& health) const {
    v1::AgentHealth& said = *to.mutable_health();
    name(said, health.origin);
    said.set_down(!health.up);
    said.set_reason(health.reason);
  }
  void operator()(const Goodbye& /*goodbye*/) const { to.mutable_goodbye(); }
};

struct EdgeWriter {
  v1::FromEdge& to;
  void operator()(const Welcome& welcome) const {
    v1::EdgeWelcome& said = *to.mutable_welcome();
    said.set_edge(welcome.edge);
    said.set_provider(welcome.provider);
    said.set_region(welcome.region);
    said.set_refused(welcome.refused);
  }
  void operator()(const Registered& registered) const {
    v1::EdgeRegistered& said = *to.mutable_registered();
    name(said, registered.origin);
    for (const std::string& url : registered.urls) said.add_urls(url);
    said.set_refused(registered.refused);
  }
  void operator()(const Unregistered& gone) const { name(*to.mutable_unregistered(), gone.origin); }
  void operator()(const RequestLine& request) const {
    v1::EdgeRequest& said = *to.mutable_request();
    said.set_service(request.service);
    said.set_line(request.line);
  }
  void operator()(const Drain& /*drain*/) const { to.mutable_drain(); }
};

Result<FromAgent> read(const v1::AgentRegister& said) {
  if (!fits(said) || !fit({said.type(), said.hostname()})) return beyond();
  if (said.port() > std::numeric_limits<std::uint16_t>::max()) {
    return fail(Code::kInvalid, "a port beyond 65535");
  }
  return Register{.origin = origin_of(said),
                  .type = said.type(),
                  .port = static_cast<std::uint16_t>(said.port()),
                  .weight = std::max(said.weight(), 1U),
                  .priority = said.priority(),
                  .hostname = said.hostname()};
}

}  // namespace

std::string serialize(const FromAgent& message) {
  v1::FromAgent to;
  std::visit(AgentWriter{to}, message);
  return to.SerializeAsString();
}

std::string serialize(const FromEdge& message) {
  v1::FromEdge to;
  std::visit(EdgeWriter{to}, message);
  return to.SerializeAsString();
}

Result<FromAgent> parse_from_agent(std::string_view bytes) {
  v1::FromAgent message;
  if (bytes.size() > kMessageBytesMax) return beyond();
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(Code::kInvalid, "what an agent said is no message");
  }
  switch (message.said_case()) {
    case v1::FromAgent::kHello: {
      const v1::AgentHello& said = message.hello();
      if (!fit({said.agent(), said.version(), said.credential()})) return beyond();
      return Hello{.agent = said.agent(),
                   .version = said.version(),
                   .credential = said.credential(),
                   .looks_on = said.looks_on()};
    }
    case v1::FromAgent::kRegister: return read(message.register_());
    case v1::FromAgent::kUnregister:
      if (!fits(message.unregister())) return beyond();
      return Unregister{origin_of(message.unregister())};
    case v1::FromAgent::kHealth: {
      const v1::AgentHealth& said = message.health();
      if (!fits(said) || !fit({said.reason()})) return beyond();
      return Health{.origin = origin_of(said), .up = !said.down(), .reason = said.reason()};
    }
    case v1::FromAgent::kGoodbye: return Goodbye{};
    case v1::FromAgent::SAID_NOT_SET: break;
  }
  return fail(Code::kInvalid, "a message that is not known here");
}

Result<FromEdge> parse_from_edge(std::string_view bytes) {
  v1::FromEdge message;
  if (bytes.size() > kMessageBytesMax) return beyond();
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(Code::kInvalid, "what an edge said is no message");
  }
  switch (message.said_case()) {
    case v1::FromEdge::kWelcome: {
      const v1::EdgeWelcome& said = message.welcome();
      if (!fit({said.edge(), said.provider(), said.region(), said.refused()})) return beyond();
      return Welcome{said.edge(), said.provider(), said.region(), said.refused()};
    }
    case v1::FromEdge::kRegistered: {
      const v1::EdgeRegistered& said = message.registered();
      if (!fits(said) || !fit({said.refused()})) return beyond();
      if (static_cast<std::size_t>(said.urls_size()) > kUrlsMax) return beyond();
      Registered registered{.origin = origin_of(said), .urls = {}, .refused = said.refused()};
      for (const std::string& url : said.urls()) {
        if (!fit({url})) return beyond();
        registered.urls.push_back(url);
      }
      return registered;
    }
    case v1::FromEdge::kUnregistered:
      if (!fits(message.unregistered())) return beyond();
      return Unregistered{origin_of(message.unregistered())};
    case v1::FromEdge::kRequest:
      if (!fit({message.request().service(), message.request().line()})) return beyond();
      return RequestLine{message.request().service(), message.request().line()};
    case v1::FromEdge::kDrain: return Drain{};
    case v1::FromEdge::SAID_NOT_SET: break;
  }
  return fail(Code::kInvalid, "a message that is not known here");
}

}  // namespace weir::wire
