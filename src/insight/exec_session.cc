#include "insight/exec_session.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "config/documents.h"
#include "insight/request_text.h"
#include "websocket/handshake.h"

namespace weir::insight {
namespace {

using channel::ChannelInput;
using channel::ToMachine;

constexpr char kIn = 0;
constexpr char kOut = 1;
constexpr char kErr = 2;
constexpr char kEnd = 3;
constexpr char kSize = 4;
constexpr std::size_t kSizeBytesMax = 256;

std::uint16_t number_at(const Tree& tree, const char* field) {
  const auto found = tree.find(field);
  if (found == tree.end() || !found->is_number_unsigned()) return 0;
  return static_cast<std::uint16_t>(
      std::min<std::uint64_t>(found->get<std::uint64_t>(), channel::kTerminalSizeMax));
}

}  // namespace

ExecSession::ExecSession(net::Loop& loop, std::unique_ptr<channel::Channel> channel, http::Upgrade& client,
                         std::string_view key, std::function<bool()> allowed)
    : loop_(loop),
      channel_(std::move(channel)),
      allowed_(std::move(allowed)),
      accept_(websocket::accept_of(key)),
      frames_(websocket::Frames::End::kServer, channel::kChannelBytesMax + 1),
      tasks_(loop) {
  head.status = 101;
  head.reason = http::reason_of(101);
  head.framing = http::Framing::kUntilClose;
  head.keep_alive = false;
  head.fields.add("Sec-WebSocket-Accept", accept_);
  tasks_.spawn(take_input(client.take_up(kIdleTimeout)));
  tasks_.spawn(take_output());
  tasks_.spawn(ping());
}

void ExecSession::take_message(std::string_view message, std::vector<ToMachine>& said) {
  const char what = message.empty() ? '\xff' : message.front();
  if (!message.empty()) message.remove_prefix(1);
  if (what == kIn && message.empty()) {
    said.emplace_back(channel::ChannelInputEnd{});
  } else if (what == kIn) {
    said.emplace_back(ChannelInput{std::string(message)});
  } else if (what == kSize) {
    const auto tree = config::read_json(message, kSizeBytesMax);
    if (!tree || !tree->is_object()) return frames_.close(websocket::kUnsupported);
    said.emplace_back(channel::TerminalSize{number_at(*tree, "rows"), number_at(*tree, "columns")});
  } else {
    frames_.close(websocket::kUnsupported);
  }
}

// Until the caller closes, or goes.
net::Task<void> ExecSession::take_input(http::Body& from) {
  for (bool reads = true; reads;) {
    const auto piece = co_await from.read();
    if (!piece || piece->empty()) break;
    std::vector<ToMachine> said;
    reads =
        frames_.take(net::as_text(*piece), [&](std::string_view message) { take_message(message, said); });
    changed_.set();
    for (ToMachine& one : said) {
      if (!co_await channel_->write(std::move(one))) break;  // the command has ended; why comes the other way
    }
  }
  over_ = true;
  changed_.set();
  has_room_.set();
}

net::Task<void> ExecSession::take_output() {
  for (;;) {
    while (frames_.output_bytes() > kOutputBytesMax && !over_) {
      has_room_.reset();
      if (!co_await has_room_.wait(loop_)) co_return;
    }
    const auto said = co_await channel_->read();
    if (!said) co_return;
    if (!*said) {
      end({.exit_code = 0, .reason = "the way to the node was lost"});
    } else if (const auto* output = std::get_if<channel::ChannelOutput>(&**said); output != nullptr) {
      frames_.put(std::string(1, output->err ? kErr : kOut) + output->bytes);
    } else if (const auto* last = std::get_if<channel::ChannelEnd>(&**said); last != nullptr) {
      end(*last);
    }
    changed_.set();
    if (!*said || std::holds_alternative<channel::ChannelEnd>(**said)) co_return;
  }
}

net::Task<void> ExecSession::ping() {
  while (co_await loop_.sleep(kPingInterval)) {
    if (!allowed_()) {
      end({.exit_code = 0, .reason = "the token is not valid any more"});
    } else {
      frames_.ping();
    }
    changed_.set();
  }
}

void ExecSession::end(const channel::ChannelEnd& end) {
  Tree tree = Tree::object();
  if (end.reason.empty()) {
    tree["exit_code"] = end.exit_code;
  } else {
    tree["reason"] = end.reason;
  }
  frames_.put(std::string(1, kEnd) + text_of(tree));
  frames_.close(websocket::kNormal);
}

net::Task<Result<net::Slice>> ExecSession::read() {
  out_ = frames_.take_output();
  while (out_.empty() && !over_ && !frames_.finished()) {
    changed_.reset();
    if (auto waited = co_await changed_.wait(loop_); !waited) co_return fail(waited.error());
    out_ = frames_.take_output();
  }
  has_room_.set();
  ended_ = out_.empty();
  co_return net::as_slice(out_);
}

}  // namespace weir::insight
