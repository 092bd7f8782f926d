#include "capture/captures.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace weir::capture {
namespace {

// Another body, whose pieces are copied.
template <class Base>
class Copying : public Base {
 public:
  Copying(http::Body& body, Captured& to) : body_(body), to_(to), ended_(body.at_end()) {}

  net::Task<Result<net::Slice>> read() override {
    auto piece = co_await body_.read();
    if (piece) take(*piece);
    co_return piece;
  }
  net::Slice take_buffered() override {
    const net::Slice piece = body_.take_buffered();
    take(piece);
    return piece;
  }
  bool at_end() const override { return body_.at_end(); }
  bool untouched() const override { return body_.untouched(); }
  bool rewind() override {
    if (!body_.rewind()) return false;
    to_.body.clear();
    ended_ = body_.at_end();
    return true;
  }
  void set_bytes_max(std::uint64_t bytes_max) override { body_.set_bytes_max(bytes_max); }
  void set_read_timeout(Duration timeout) override { body_.set_read_timeout(timeout); }
  const http::Fields* trailers() const override { return body_.trailers(); }

  // All of it has come by.
  bool ended() const { return ended_; }

 private:
  void take(net::Slice piece) {
    to_.take(piece);
    ended_ = body_.at_end();
  }
  http::Body& body_;
  Captured& to_;
  bool ended_;
};

class CopyingResponse final : public Copying<http::Response> {
 public:
  CopyingResponse(http::ResponsePtr response, std::shared_ptr<Exchange> exchange)
      : Copying(*response, exchange->response),
        response_(std::move(response)),
        exchange_(std::move(exchange)) {
    head = response_->head;
    refusal = response_->refusal;
  }
  ~CopyingResponse() override { exchange_->response.truncated |= !ended(); }

  bool settled() const override { return response_->settled(); }
  net::Task<void> settle() override { return response_->settle(); }

 private:
  http::ResponsePtr response_;
  std::shared_ptr<Exchange> exchange_;
};

std::shared_ptr<Exchange> exchange_of(const http::Request& request) {
  const http::RequestHead& head = request.head;
  auto exchange = std::make_shared<Exchange>();
  exchange->method = head.method_text;
  exchange->scheme = request.scheme;
  exchange->authority = head.authority;
  exchange->path = head.path;
  if (head.query.data() != nullptr) exchange->query = head.query;
  exchange->peer = request.peer;
  exchange->has_body = request.body != nullptr;
  exchange->is_upgrade = request.upgrade != nullptr;
  exchange->request.take(head.fields);
  return exchange;
}

}  // namespace

struct Captures::Capture {
  explicit Capture(http::Request& request) : exchange(exchange_of(request)), own(request.body) {
    if (own != nullptr) request.body = &body.emplace(*own, exchange->request);
  }
  std::shared_ptr<Exchange> exchange;
  http::Body* own;  // of the request; null: it has none
  std::optional<Copying<http::Body>> body;
};

Captures::Captures() = default;
Captures::~Captures() = default;

void Captures::begin(http::Request& request) {
  if (under_way_.size() >= kUnderWayMax) return;
  under_way_.emplace(&request, std::make_unique<Capture>(request));
}

http::ResponsePtr Captures::answered(const http::Request& request, http::ResponsePtr response) const {
  const auto found = under_way_.find(&request);
  if (found == under_way_.end()) return response;
  found->second->exchange->response.take(response->head.fields);
  if (response->head.status == 101 || request.upgrade != nullptr) return response;
  return std::make_unique<CopyingResponse>(std::move(response), found->second->exchange);
}

std::shared_ptr<const Exchange> Captures::end(http::Request& request) {
  const auto found = under_way_.find(&request);
  if (found == under_way_.end()) return nullptr;
  const std::unique_ptr<Capture> capture = std::move(found->second);
  under_way_.erase(found);
  request.body = capture->own;
  if (capture->body) capture->exchange->request.truncated |= !capture->body->ended();
  return std::move(capture->exchange);
}

}  // namespace weir::capture
