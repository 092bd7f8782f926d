// PushedPushedImages: those that people have pushed to controllers ("weir/web:1.2"), in podman under their
// content's SHA-256, so that a name that means something else by now is never taken for what it was. On one
// loop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/service.h"
#include "net/loop.h"
#include "net/task.h"
#include "podman/client.h"
#include "podman/gate.h"

namespace weir::images {

// What a name stands for now.
struct Pushed {
  std::string sha256;  // of its archive, in digits
  std::uint64_t bytes = 0;
  std::size_t at = 0;  // who has it: the source's own business
};

struct Source {
  // name: "web:1.2". Nothing: nobody has it, and all were asked.
  std::function<net::Task<podman::Told<std::optional<Pushed>>>(std::string name)> find;
  // Its archive, of that many bytes.
  std::function<net::Task<podman::Told<http::ResponsePtr>>(std::string name, Pushed what)> open;
};

class PushedImages {
 public:
  // podman outlives it.
  PushedImages(net::Loop& loop, podman::Client& podman) : turn_(loop, 1), podman_(podman) {}

  void set_source(Source source) { source_ = std::move(source); }

  // It is in podman: what it is called there. When the source can't be asked, or does not have it any more,
  // what podman got last by the name is it.
  net::Task<podman::Told<std::string>> ensure(std::string name);

 private:
  using Ensured = podman::Told<std::string>;
  net::Task<Ensured> ensure_in_turn(std::string name);
  net::Task<Ensured> load(std::string name, Pushed what);
  net::Task<podman::Told<void>> name_it(const std::string& loaded, std::string name, const Pushed& what);
  net::Task<Ensured> last(std::string name, std::string why_not);
  net::Task<void> tidy(std::string repository, std::string_view sha256);

  podman::Gate turn_;  // an image is loaded once
  podman::Client& podman_;
  Source source_;
};

}  // namespace weir::images
