// ControllerImages: the images that are kept by the controllers of this node, over the TLS by which it knows
// them and they know it. All are asked, and who was given the image last has it. On one loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/service.h"
#include "images/pushed.h"
#include "net/env.h"
#include "net/task.h"
#include "podman/client.h"
#include "tls/client_context.h"
#include "tls/dial.h"

namespace weir::images {

class ControllerImages {
 public:
  static constexpr Duration kTimeout = std::chrono::seconds(10);
  static constexpr Duration kBytesTimeout = std::chrono::minutes(1);  // between two pieces of an archive

  // controllers: their APIs. context: how this node speaks TLS now, with HTTP/1.1; null: not at all; an error
  // says why it can't.
  using Context = std::function<Result<std::shared_ptr<tls::ClientContext>>()>;
  ControllerImages(net::Env& env, std::vector<tls::Host> controllers, Context context)
      : env_(env), controllers_(std::move(controllers)), context_(std::move(context)) {}

  // For as long as this lives.
  Source source();

 private:
  struct Told {
    std::optional<Pushed> pushed;
    std::string pushed_at;  // RFC 3339 in UTC, so that the later one is the greater text
  };
  net::Task<podman::Told<std::optional<Pushed>>> find(std::string name);
  net::Task<podman::Told<http::ResponsePtr>> open(std::string name, Pushed what);
  net::Task<podman::Told<Told>> ask(std::size_t controller, std::string name);
  net::Task<podman::Told<http::ResponsePtr>> exchange(http::Method method, std::size_t controller,
                                                      std::string name);

  net::Env& env_;
  std::vector<tls::Host> controllers_;
  Context context_;
};

}  // namespace weir::images
