// Problem: a refusal as the API tells it, RFC 9457. A value, made where the refusal is decided and turned
// into a response in one place (Api::handle). Never carries a secret.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "config/violation.h"
#include "http/service.h"

namespace weir::api {

struct Problem {
  int status = 500;
  std::string_view slug = "internal";  // static; the type is "urn:weir:problem:<slug>"
  std::string detail;                  // one sentence for the person who sent the request
  config::Violations violations;       // what is wrong, field by field
  std::string allow;                   // 405: the Allow field
  std::uint32_t retry_after_seconds = 0;
};

template <class T>
using Answer = std::expected<T, Problem>;

inline std::unexpected<Problem> refuse(int status, std::string_view slug, std::string detail,
                                       config::Violations violations = {}) {
  return std::unexpected(Problem{status, slug, std::move(detail), std::move(violations), {}, 0});
}
inline std::unexpected<Problem> refuse(Problem problem) { return std::unexpected(std::move(problem)); }
// What an Error of the store or the network means for the client.
Problem problem_of(const Error& error);
// 422 for what a person wrote and validation refuses.
Problem invalid(config::Violations violations);

std::string to_json(const Problem& problem, std::string_view request_id);
http::ResponsePtr to_response(const Problem& problem, std::string_view request_id);

}  // namespace weir::api
