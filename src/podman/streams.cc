#include "podman/streams.h"

namespace weir::podman {
namespace {

std::unexpected<Trouble> troubled(const Error& error) { return std::unexpected(trouble_of(error)); }

}  // namespace

net::Task<Told<bool>> LogReading::read(const LogFrames::Tell& tell) {
  const auto piece = co_await response_->read();
  if (!piece) co_return troubled(piece.error());
  if (piece->empty()) co_return false;
  const auto taken = frames_.take(net::as_text(*piece), [&](LogStream stream, std::string_view text) {
    frame_ += text;
    if (!frames_.complete()) return;
    tell(stream, frame_);
    frame_.clear();
  });
  if (!taken) co_return troubled(taken.error());
  co_return true;
}

Told<bool> Exec::take(std::string_view bytes, const LogFrames::Tell& tell) {
  if (terminal_) {
    tell(LogStream::kOut, bytes);
  } else if (const auto taken = frames_.take(bytes, tell); !taken) {
    return troubled(taken.error());
  }
  return true;
}

net::Task<Told<bool>> Exec::read(const LogFrames::Tell& tell) {
  if (!early_.empty()) co_return take(std::exchange(early_, {}), tell);
  if (const auto ready = co_await stream_->readable(Duration::max()); !ready)
    co_return troubled(ready.error());
  const net::Buffer room = net::Buffer::acquire();
  const auto got = co_await stream_->read(room.span(), Duration::max());
  if (!got) co_return troubled(got.error());
  if (*got == 0) co_return false;
  co_return take(net::as_text(room.span().first(*got)), tell);
}

net::Task<Told<void>> Exec::write(std::string bytes) {
  const auto written = co_await stream_->write(net::as_slice(bytes), kWriteTimeout);
  if (written) co_return Told<void>{};
  if (written.error().code != Code::kTimedOut) co_return troubled(written.error());
  co_return std::unexpected(
      Trouble{Trouble::Kind::kRefused, "the command has taken none of its input for ten minutes"});
}

}  // namespace weir::podman
