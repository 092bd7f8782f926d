// The part of the Api that keeps images: archives as they are, in and out. What is done is in the audit.
#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include "api/api.h"
#include "api/precondition.h"
#include "base/text.h"
#include "http/h1_writer.h"
#include "images/library.h"
#include "mirror/writes.h"

namespace weir::api {
namespace {

using http::Known;
using http::Method;
using images::Refusal;

// For bytes from somebody far away.
constexpr Duration kBytesTimeout = std::chrono::minutes(2);

std::string tag_of(const images::Image& image) { return '"' + image.sha256 + '"'; }

Problem problem_of(const Refusal& refusal) {
  switch (refusal.kind) {
    case Refusal::Kind::kTooLarge: return {413, "content-too-large", refusal.sentence, {}, {}, 0};
    case Refusal::Kind::kFull: return {507, "insufficient-storage", refusal.sentence, {}, {}, 0};
    case Refusal::Kind::kNoArchive: return {422, "invalid", refusal.sentence, {}, {}, 0};
    case Refusal::Kind::kBusy: return {503, "busy", refusal.sentence, {}, {}, 5};
    case Refusal::Kind::kBroken: break;
  }
  return {500, "internal", refusal.sentence, {}, {}, 0};
}

// An archive, out of its file.
class ArchiveResponse final : public http::Response {
 public:
  ArchiveResponse(const images::Image& image, std::unique_ptr<images::FileBody> file,
                  std::string_view request_id)
      : file_(std::move(file)),
        tag_(tag_of(image)),
        pushed_at_(format_rfc3339(image.pushed_at)),
        request_id_(request_id) {
    head.status = 200;
    head.reason = http::reason_of(200);
    head.framing = http::Framing::kLength;
    head.content_length = file_->bytes().value_or(0);
    const std::size_t digits = http::write_decimal(head.content_length, length_.data());
    head.fields.add(Known::kContentLength, std::string_view(length_.data(), digits));
    head.fields.add(Known::kContentType, "application/x-tar");
    head.fields.add(Known::kCacheControl, "no-cache");
    head.fields.add(Known::kEtag, tag_);
    head.fields.add("weir-pushed-at", pushed_at_);  // by which a node tells which controller's is the last
    head.fields.add(Known::kXRequestId, request_id_);
  }
  net::Task<Result<net::Slice>> read() override { return file_->read(); }
  bool at_end() const override { return file_->at_end(); }

 private:
  std::unique_ptr<images::FileBody> file_;
  std::array<char, 20> length_{};
  std::string tag_;
  std::string pushed_at_;
  std::string request_id_;
};

std::unexpected<Problem> no_image(const std::string& name) {
  return refuse(404, "not-found", "there is no image " + name + " here");
}

}  // namespace

void Api::keep_images(std::string directory, images::Limits limits, MayRead may_read) {
  auto opened = images::Library::open(env_, std::move(directory), limits);
  if (!opened) return env_.log.error("images can't be kept", {{"reason", opened.error()}});
  images_ = std::move(*opened);
  may_read_images_ = std::move(may_read);
}

// A node reads images by its certificate.
bool Api::is_for_machine(const http::Request& request, const Target& target) const {
  const bool reads = target.place == Place::kImage && http::is_safe(request.head.method);
  return reads && may_read_images_ && may_read_images_(request);
}

net::Task<Api::Responded> Api::image(http::Request& request, const Target& target,
                                     const auth::Identity& caller) {
  if (images_ == nullptr) co_return refuse(404, "not-found", "this process keeps no images");
  if (auto query = parse_query(request.head.query, QueryKind::kNone); !query) {
    co_return refuse(std::move(query.error()));
  }
  if (target.place == Place::kImages) co_return json(request, 200, images::to_json(*images_) + '\n');
  if (http::is_safe(request.head.method)) co_return co_await read_image(request, target);
  if (request.head.method == Method::kPut) co_return co_await put_image(request, target, caller);
  const auto removed = co_await images_->remove(target.name);
  if (!removed) co_return refuse(api::problem_of(removed.error()));
  if (!*removed) co_return no_image(target.name);
  co_await audit_image(request, caller, "delete", target.name, {});
  co_return json(request, 200, "{\"deleted\":\"" + target.name + "\"}\n");
}

net::Task<Api::Responded> Api::read_image(const http::Request& request, const Target& target) {
  const images::Image* image = images_->find(target.name);
  if (image == nullptr) co_return no_image(target.name);
  if (none_match_has(request.head.fields, tag_of(*image))) {
    auto same = std::make_unique<http::TextResponse>(304, "", "");
    same->add_field(Known::kEtag, tag_of(*image));
    co_return http::ResponsePtr(std::move(same));
  }
  auto file = images_->read(*image);
  if (!file) co_return refuse(api::problem_of(file.error()));
  co_return http::ResponsePtr(std::make_unique<ArchiveResponse>(*image, std::move(*file), request.id));
}

net::Task<Api::Responded> Api::put_image(http::Request& request, const Target& target,
                                         const auth::Identity& caller) {
  if (request.body == nullptr) co_return refuse(422, "invalid", "the request has no content");
  const std::uint64_t bytes_max = images_->limits().image_bytes_max;
  if (request.head.framing == http::Framing::kLength && request.head.content_length > bytes_max) {
    co_return refuse(413, "content-too-large",
                     "an image may have " + std::to_string(bytes_max) + " bytes at most");
  }
  request.body->set_read_timeout(kBytesTimeout);
  const auto image = co_await images_->put(target.name, *request.body);
  if (!image) co_return refuse(problem_of(image.error()));
  std::string text = images::to_json(*image);
  co_await audit_image(request, caller, "push", target.name, text);
  co_return json(request, 200, std::move(text) + '\n');
}

net::Task<void> Api::audit_image(const http::Request& request, const auth::Identity& caller,
                                 std::string_view verb, std::string name, std::string after) {
  store::Transaction transaction;
  const std::uint64_t unique = env_.random.next();
  mirror::put_event(transaction,
                    {.time = env_.loop.clock().wall_now(),
                     .actor = caller.actor(),
                     .verb = std::string(verb),
                     .kind = "Image",
                     .name = std::move(name),
                     .remote_address = request.peer.ip(),
                     .reason = {},
                     .before = {},
                     .after = std::move(after)},
                    to_hex(std::as_bytes(std::span(&unique, 1))));
  const auto committed = co_await store_.commit(std::move(transaction));
  if (!committed) {
    env_.log.error("what was done with an image is not in the audit",
                   {{"reason", committed.error().error.text}});
  }
}

}  // namespace weir::api
