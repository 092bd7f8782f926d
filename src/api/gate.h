// Gate: stands where the API will be until there is one: says that this process lives, and why it is not
// ready. An http::Service for the server of the control loop, on its core.
#pragma once

#include <string>
#include <utility>

#include "http/service.h"
#include "net/task.h"

namespace weir::api {

class Gate final : public http::Service {
 public:
  // A sentence, shown to anybody who asks.
  void close(std::string why) { why_ = std::move(why); }
  // To the API, which must outlive the last request.
  void open(http::Service& api) { api_ = &api; }

  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;

 private:
  net::Task<Result<http::ResponsePtr>> refuse(http::Request& request) const;

  http::Service* api_ = nullptr;
  std::string why_ = "starting";
};

}  // namespace weir::api
