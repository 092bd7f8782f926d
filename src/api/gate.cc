#include "api/gate.h"

#include <memory>

#include "api/problem.h"
#include "api/routes.h"

namespace weir::api {
namespace {
constexpr std::uint32_t kRetryAfterSeconds = 1;
}

net::Task<Result<http::ResponsePtr>> Gate::handle(http::Request& request) {
  return api_ != nullptr ? api_->handle(request) : refuse(request);
}

net::Task<Result<http::ResponsePtr>> Gate::refuse(http::Request& request) const {
  const auto target = find_target(request.head.path);
  if (target && target->place == Place::kHealth) {
    co_return std::make_unique<http::TextResponse>(200, "text/plain; charset=utf-8", "ok\n");
  }
  co_return to_response(Problem{503, "not-ready", why_, {}, {}, kRetryAfterSeconds}, request.id);
}

}  // namespace weir::api
