#include "api/problem.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "http/message.h"

namespace weir::api {

Problem problem_of(const Error& error) {
  // The store's database is away, or too slow to tell.
  const bool unavailable =
      error.side == Side::kInternal && (error.code == Code::kConnectFailed || error.code == Code::kTimedOut);
  if (unavailable) return {503, name_of(error.code), error.text, {}, {}, 1};
  return {http::status_for(error), name_of(error.code), error.text, {}, {}, 0};
}

Problem invalid(config::Violations violations) {
  std::string detail =
      violations.size() == 1 ? "one thing is wrong" : std::to_string(violations.size()) + " things are wrong";
  return {422, "invalid", std::move(detail), std::move(violations), {}, 0};
}

std::string to_json(const Problem& problem, std::string_view request_id) {
  nlohmann::ordered_json json = {
      {"type", std::string("urn:weir:problem:").append(problem.slug)},
      {"title", http::reason_of(problem.status)},
      {"status", problem.status},
      {"detail", problem.detail},
  };
  if (!problem.violations.empty()) {
    nlohmann::ordered_json& list = json["violations"] = nlohmann::ordered_json::array();
    for (const config::Violation& violation : problem.violations) {
      nlohmann::ordered_json line = {{"field", violation.field}, {"message", violation.message}};
      if (!violation.object.empty()) line["object"] = violation.object;
      list.push_back(std::move(line));
    }
  }
  if (!request_id.empty()) json["request_id"] = request_id;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

http::ResponsePtr to_response(const Problem& problem, std::string_view request_id) {
  auto response = std::make_unique<http::TextResponse>(problem.status, "application/problem+json",
                                                       to_json(problem, request_id));
  response->head.fields.add(http::Known::kCacheControl, "no-store");
  response->add_reason(problem.slug, request_id);
  if (!problem.allow.empty()) response->add_field(http::Known::kAllow, problem.allow);
  if (problem.status == 401) {
    response->head.fields.add(http::Known::kWwwAuthenticate, "Bearer realm=\"weir\"");
  }
  if (problem.retry_after_seconds > 0) {
    response->add_field(http::Known::kRetryAfter, std::to_string(problem.retry_after_seconds));
  }
  return response;
}

}  // namespace weir::api
