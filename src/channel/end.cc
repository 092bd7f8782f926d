#include "channel/end.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace weir::channel {
namespace {

constexpr std::size_t kReasonBytesMax = 1000;

class CallEnd final : public End {
 public:
  explicit CallEnd(std::unique_ptr<grpc::ClientCall> call) : call_(std::move(call)) {}

  net::Task<Result<void>> write(FromMachine said) override {
    co_return co_await call_->write(serialize(said));
  }
  void close() override { call_->half_close(); }
  net::Task<Result<std::optional<std::string>>> read() override { return call_->read(); }

 private:
  std::unique_ptr<grpc::ClientCall> call_;
};

}  // namespace

net::Task<void> End::wait_for_end() {
  for (;;) {
    const auto message = co_await read();
    if (!message || !*message) co_return;
  }
}

net::Task<Result<std::unique_ptr<End>>> call_about(grpc::Channel& way, std::string path, std::string id) {
  auto call = co_await way.call(std::move(path), {}, std::nullopt);
  if (!call) co_return fail(call.error());
  auto end = std::make_unique<CallEnd>(std::move(*call));
  if (auto said = co_await end->write(ChannelId{std::move(id)}); !said) co_return fail(said.error());
  co_return std::move(end);
}

net::Task<void> say_end(End& end, ChannelEnd last) {
  last.reason.resize(std::min(last.reason.size(), kReasonBytesMax));
  (void)co_await end.write(std::move(last));
  end.close();
}

}  // namespace weir::channel
