// Captures: what is sent and answered in those requests of one core that somebody looks into, copied as it
// goes by. Other requests never come here. On the core of the requests.
#pragma once

#include <cstddef>
#include <map>
#include <memory>

#include "capture/exchange.h"
#include "http/service.h"

namespace weir::capture {

class Captures {
 public:
  // Under way on one core: about 12 MB, when all have large contents. Beyond that they are told of as lines.
  static constexpr std::size_t kUnderWayMax = 64;

  Captures();
  Captures(const Captures&) = delete;
  Captures& operator=(const Captures&) = delete;
  ~Captures();

  // As it is to be sent; its content is copied as it is read.
  void begin(http::Request& request);
  // The same of its answer. What switches protocols is no content.
  http::ResponsePtr answered(const http::Request& request, http::ResponsePtr response) const;
  // The request has ended, and its response is gone. Null: it was not captured.
  std::shared_ptr<const Exchange> end(http::Request& request);

  bool empty() const { return under_way_.empty(); }

 private:
  struct Capture;
  std::map<const http::Request*, std::unique_ptr<Capture>> under_way_;
};

}  // namespace weir::capture
