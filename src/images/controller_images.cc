#include "images/controller_images.h"

#include <algorithm>
#include <utility>

#include "base/host_port.h"
#include "base/text.h"
#include "http/client.h"
#include "http/h1_writer.h"
#include "net/buffer.h"

namespace weir::images {
namespace {

using http::Known;
using podman::Trouble;

std::unexpected<Trouble> unreachable(const tls::Host& host, const std::string& why) {
  return std::unexpected(Trouble{Trouble::Kind::kUnreachable,
                                 "the controller at " + with_port(host.name, host.port) + ": " + why});
}
std::unexpected<Trouble> trouble_of(const tls::Host& host, const Error& error) {
  if (error.code == Code::kCancelled) {
    return std::unexpected(Trouble{Trouble::Kind::kCancelled, "told to stop"});
  }
  return unreachable(host, sentence_of(error));
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string_view pushed_at_of(const http::ResponseHead& head) {
  const auto* field = head.fields.find("weir-pushed-at");
  return field == nullptr ? std::string_view() : field->value;
}

}  // namespace

Source ControllerImages::source() {
  return {.find = [this](std::string name) { return find(std::move(name)); },
          .open = [this](std::string name, Pushed what) { return open(std::move(name), std::move(what)); }};
}

net::Task<podman::Told<std::optional<Pushed>>> ControllerImages::find(std::string name) {
  std::optional<Pushed> newest;
  std::string pushed_at;
  std::optional<Trouble> trouble;
  for (std::size_t i = 0; i < controllers_.size(); ++i) {
    auto told = co_await ask(i, name);
    if (!told) {
      trouble = std::move(told.error());
      if (trouble->kind == Trouble::Kind::kCancelled) co_return std::unexpected(std::move(*trouble));
    } else if (told->pushed && (!newest || told->pushed_at > pushed_at)) {
      newest = std::move(told->pushed);
      pushed_at = std::move(told->pushed_at);
    }
  }
  if (!newest && trouble) co_return std::unexpected(std::move(*trouble));
  co_return newest;
}

net::Task<podman::Told<ControllerImages::Told>> ControllerImages::ask(std::size_t controller,
                                                                      std::string name) {
  auto response = co_await exchange(http::Method::kHead, controller, std::move(name));
  if (!response) co_return std::unexpected(std::move(response.error()));
  const http::ResponseHead& head = (*response)->head;
  if (head.status == 404) co_return Told{};
  if (head.status != 200) {
    co_return unreachable(controllers_[controller], "status " + std::to_string(head.status));
  }
  std::string_view tag = head.fields.value_of(Known::kEtag);
  if (tag.starts_with('"') && tag.ends_with('"') && tag.size() > 1) tag = tag.substr(1, tag.size() - 2);
  const auto bytes = parse_decimal(head.fields.value_of(Known::kContentLength));
  if (!is_digest(tag) || !bytes) co_return unreachable(controllers_[controller], "its answer can't be read");
  Told told{.pushed = Pushed{.sha256 = std::string(tag), .bytes = *bytes, .at = controller},
            .pushed_at = std::string(pushed_at_of(head))};
  co_return told;
}

net::Task<podman::Told<http::ResponsePtr>> ControllerImages::open(std::string name, Pushed what) {
  const tls::Host& host = controllers_.at(what.at);
  auto response = co_await exchange(http::Method::kGet, what.at, std::move(name));
  if (!response) co_return std::unexpected(std::move(response.error()));
  const http::ResponseHead& head = (*response)->head;
  if (head.status != 200) co_return unreachable(host, "status " + std::to_string(head.status));
  const bool is_it = head.fields.value_of(Known::kEtag) == '"' + what.sha256 + '"' &&
                     head.content_length == what.bytes && head.framing == http::Framing::kLength;
  if (!is_it) co_return unreachable(host, "the image is another one by now");
  co_return std::move(*response);
}

net::Task<podman::Told<http::ResponsePtr>> ControllerImages::exchange(http::Method method,
                                                                      std::size_t controller,
                                                                      std::string name) {
  const tls::Host host = controllers_[controller];
  auto context = context_();
  if (!context) co_return trouble_of(host, context.error());
  auto stream = co_await tls::dial(env_, host, std::move(*context), kTimeout);
  if (!stream) co_return trouble_of(host, stream.error());
  const net::Buffer room = net::Buffer::acquire();
  http::HeadWriter writer(room.span());
  writer.request_line(http::name_of(method), "/v1/images/" + name, {});
  writer.field(Known::kHost, with_port(host.name, host.port));
  writer.field(Known::kUserAgent, "weir/" WEIR_VERSION);
  const auto bytes = writer.finish();
  if (!bytes) co_return trouble_of(host, bytes.error());
  http::RequestHead head;
  head.method = method;
  http::Request request{.head = head};
  auto home = std::make_shared<http::ClientPool>(nullptr);
  home->retire();
  auto response = co_await http::exchange(
      std::make_unique<http::ClientConnection>(std::move(*stream)), std::move(home),
      room.span().first(*bytes), request,
      {.response_timeout = kTimeout, .read_timeout = kBytesTimeout, .write_timeout = kTimeout});
  if (!response) co_return trouble_of(host, response.error());
  co_return std::move(*response);
}

}  // namespace weir::images
