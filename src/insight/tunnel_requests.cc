#include "insight/tunnel_requests.h"

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/query.h"
#include "insight/audit.h"
#include "insight/request_text.h"

namespace weir::insight {
namespace {

using api::Answer;
using api::Problem;
using api::refuse;

http::ResponsePtr json(const http::Request& request, const Tree& tree) {
  auto response = std::make_unique<http::TextResponse>(200, "application/json", text_of(tree) + '\n');
  response->head.fields.add(http::Known::kCacheControl, "no-store");
  if (!request.id.empty()) response->add_field(http::Known::kXRequestId, std::string(request.id));
  return response;
}

std::string at_edge(const std::string& edge, std::string_view trouble) {
  return "on the edge " + edge + ": " + std::string(trouble);
}

std::unexpected<Problem> not_now(std::string sentence) {
  return refuse(Problem{503, "not-ready", std::move(sentence), {}, {}, 1});
}

std::string member(const Tree& tree, const char* name) {
  const auto found = tree.find(name);
  return found != tree.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

net::Task<Answer<http::ResponsePtr>> TunnelRequests::handle(http::Request& request, const api::Target& target,
                                                            const auth::Identity& caller,
                                                            std::function<bool()> allowed) {
  const bool is_log = target.place == api::Place::kRequests;
  auto query =
      api::parse_query(request.head.query, is_log ? api::QueryKind::kRequests : api::QueryKind::kNone);
  if (!query) co_return refuse(std::move(query.error()));
  if (auto present = co_await mirror_.catch_up(); !present)
    co_return refuse(api::problem_of(present.error()));
  const auto origin = origin_of(mirror_.objects(), target.name);
  if (!origin) {
    co_return refuse(404, "not-found", "there is no " + std::string(target.kind->name) + "/" + target.name);
  }
  if (target.place == api::Place::kReplay) co_return co_await replay(request, target, caller, *origin);
  if (is_log && query->watch) co_return stream(request, target, *origin, std::move(allowed));
  if (is_log) co_return co_await list(request, *origin);
  auto found = co_await find(*origin, target.id);
  if (!found) co_return refuse(std::move(found.error()));
  Tree tree = read_request(found->request, found->edge);
  if (tree.is_null()) co_return not_now(at_edge(found->edge, "what it says can't be read"));
  co_return json(request, tree);
}

void TunnelRequests::stop() {
  stopped_ = true;
  for (RequestStream* stream : streams_) stream->stop();
}

Answer<http::ResponsePtr> TunnelRequests::stream(http::Request& request, const api::Target& target,
                                                 Origin origin, std::function<bool()> allowed) {
  if (stopped_) return not_now("this controller is about to end");
  if (streams_.size() >= kStreamsMax) {
    return refuse(Problem{503, "overloaded", "too many request logs are being read here", {}, {}, 5});
  }
  auto stream = std::make_unique<RequestStream>(env_, mirror_, ways_,
                                                RequestStream::Asked{.tunnel = target.name,
                                                                     .origin = std::move(origin),
                                                                     .allowed = std::move(allowed),
                                                                     .request_id = std::string(request.id)},
                                                [this](RequestStream& gone) { streams_.erase(&gone); });
  streams_.insert(stream.get());
  return http::ResponsePtr(std::move(stream));
}

net::Task<Answer<http::ResponsePtr>> TunnelRequests::list(http::Request& request, Origin origin) {
  auto heard = co_await ways_.ask_all(about(origin, channel::RequestsVerb::kLatest));
  if (!heard) co_return refuse(api::problem_of(heard.error()));
  std::multimap<std::string, Tree> by_time;
  Tree notices = Tree::array();
  for (const auto& [edge, said] : *heard) {
    for (const std::string& text : said.requests) {
      Tree tree = read_request(text, edge);
      if (!tree.is_null()) by_time.emplace(member(tree, "time"), std::move(tree));
    }
    if (!said.trouble.empty()) notices.push_back({{"edge", edge}, {"notice", at_edge(edge, said.trouble)}});
  }
  Tree items = Tree::array();
  for (auto& [time, tree] : by_time) items.push_back(std::move(tree));
  Tree told{{"items", std::move(items)}};
  if (!notices.empty()) told["notices"] = std::move(notices);
  co_return json(request, told);
}

net::Task<Answer<TunnelRequests::Kept>> TunnelRequests::find(Origin origin, std::string id) {
  auto heard = co_await ways_.ask_all(about(origin, channel::RequestsVerb::kShow, std::move(id)));
  if (!heard) co_return refuse(api::problem_of(heard.error()));
  std::string trouble;
  for (auto& [edge, said] : *heard) {
    if (!said.requests.empty()) co_return Kept{edge, std::move(said.requests.front())};
    if (!said.trouble.empty()) trouble = at_edge(edge, said.trouble);
  }
  if (!trouble.empty()) co_return not_now(std::move(trouble));
  co_return refuse(
      404, "not-found",
      "no request with this id is kept: the id is wrong, it is too long ago, or nobody looked at "
      "the requests of this tunnel then");
}

// Put down before the edge hears of it.
net::Task<Answer<http::ResponsePtr>> TunnelRequests::replay(http::Request& request, const api::Target& target,
                                                            const auth::Identity& caller, Origin origin) {
  auto found = co_await find(origin, target.id);
  if (!found) co_return refuse(std::move(found.error()));
  const Tree was = read_request(found->request, {});
  const Tree what{{"request_id", target.id},
                  {"method", member(was, "method")},
                  {"path", member(was, "path")},
                  {"edge", found->edge}};
  auto done = co_await put_down(env_, store_, mirror_,
                                {.actor = caller.actor(),
                                 .verb = "replay",
                                 .kind = "Tunnel",
                                 .name = target.name,
                                 .remote_address = request.peer.ip(),
                                 .after = text_of(what)},
                                origin.organization);
  if (!done) co_return refuse(api::problem_of(done.error()));
  auto heard = co_await ways_.ask(found->edge, about(origin, channel::RequestsVerb::kReplay, target.id));
  if (!heard) co_return refuse(api::problem_of(heard.error()));
  if (heard->exit_code == channel::kRequestRefused) {
    co_return refuse(409, "not-repeatable", at_edge(found->edge, heard->trouble));
  }
  if (heard->exit_code == channel::kRequestNotKept) {
    co_return refuse(404, "not-found", "the request is not kept any more");
  }
  if (heard->requests.empty()) co_return not_now(at_edge(found->edge, heard->trouble));
  Tree tree = read_request(heard->requests.front(), found->edge);
  if (tree.is_null()) co_return not_now(at_edge(found->edge, "what it says can't be read"));
  co_return json(request, tree);
}

}  // namespace weir::insight
