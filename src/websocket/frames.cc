#include "websocket/frames.h"

#include <wslay/wslay.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "base/check.h"
#include "net/core.h"

namespace weir::websocket {

struct Frames::State {
  wslay_event_context_ptr context = nullptr;
  std::string_view input;  // during take()
  const OnMessage* on_message = nullptr;
  std::string output;
  bool closing = false;      // a close was put
  bool unsupported = false;  // a message came that is not binary
  std::uint16_t closed_with = 0;

  static State& of(void* data) { return *static_cast<State*>(data); }

  static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* into, std::size_t bytes,
                         int /*flags*/, void* data) {
    State& state = of(data);
    const std::size_t taken = std::min(bytes, state.input.size());
    if (taken == 0) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    std::memcpy(into, state.input.data(), taken);
    state.input.remove_prefix(taken);
    return static_cast<ssize_t>(taken);
  }
  static ssize_t send(wslay_event_context_ptr /*context*/, const std::uint8_t* from, std::size_t bytes,
                      int /*flags*/, void* data) {
    of(data).output.append(reinterpret_cast<const char*>(from), bytes);
    return static_cast<ssize_t>(bytes);
  }
  static int make_mask(wslay_event_context_ptr /*context*/, std::uint8_t* into, std::size_t bytes,
                       void* /*data*/) {
    return net::fill_random(std::as_writable_bytes(std::span(into, bytes))) ? 0 : -1;
  }
  static void received(wslay_event_context_ptr /*context*/, const wslay_event_on_msg_recv_arg* message,
                       void* data) {
    State& state = of(data);
    if (message->opcode == WSLAY_CONNECTION_CLOSE) {
      state.closed_with =
          message->status_code == 0 ? std::uint16_t{WSLAY_CODE_NO_STATUS_RCVD} : message->status_code;
      state.closing = true;  // wslay answers it
    } else if (message->opcode == WSLAY_BINARY_FRAME && !state.unsupported) {
      (*state.on_message)({reinterpret_cast<const char*>(message->msg), message->msg_length});
    } else if (message->opcode == WSLAY_TEXT_FRAME) {
      state.unsupported = true;
    }
  }

  // What was queued goes to the output.
  void flush() {
    while (wslay_event_want_write(context) != 0) {
      if (wslay_event_send(context) != 0) break;
    }
  }
};

Frames::Frames(End end, std::size_t message_bytes_max) : state_(std::make_unique<State>()) {
  const wslay_event_callbacks callbacks{.recv_callback = &State::receive,
                                        .send_callback = &State::send,
                                        .genmask_callback = &State::make_mask,
                                        .on_frame_recv_start_callback = nullptr,
                                        .on_frame_recv_chunk_callback = nullptr,
                                        .on_frame_recv_end_callback = nullptr,
                                        .on_msg_recv_callback = &State::received};
  const int made = end == End::kServer
                       ? wslay_event_context_server_init(&state_->context, &callbacks, state_.get())
                       : wslay_event_context_client_init(&state_->context, &callbacks, state_.get());
  WEIR_CHECK(made == 0);
  wslay_event_config_set_max_recv_msg_length(state_->context, message_bytes_max);
}

Frames::~Frames() { wslay_event_context_free(state_->context); }

bool Frames::take(std::string_view bytes, const OnMessage& on_message) {
  State& state = *state_;
  state.input = bytes;
  state.on_message = &on_message;
  const int result = wslay_event_recv(state.context);
  state.on_message = nullptr;
  state.input = {};
  if (state.unsupported) close(kUnsupported);
  const bool reads = result == 0 && wslay_event_get_read_enabled(state.context) != 0;
  if (!reads) state.closing = true;
  state.flush();
  return reads && !state.closing;
}

void Frames::put(std::string_view message) {
  if (state_->closing) return;
  const wslay_event_msg frame{.opcode = WSLAY_BINARY_FRAME,
                              .msg = reinterpret_cast<const std::uint8_t*>(message.data()),
                              .msg_length = message.size()};
  (void)wslay_event_queue_msg(state_->context, &frame);
  state_->flush();
}

void Frames::ping() {
  if (state_->closing) return;
  const wslay_event_msg frame{.opcode = WSLAY_PING, .msg = nullptr, .msg_length = 0};
  (void)wslay_event_queue_msg(state_->context, &frame);
  state_->flush();
}

void Frames::close(std::uint16_t code) {
  if (std::exchange(state_->closing, true)) return;
  (void)wslay_event_queue_close(state_->context, code, nullptr, 0);
  state_->flush();
}

std::string Frames::take_output() { return std::exchange(state_->output, {}); }

std::size_t Frames::output_bytes() const { return state_->output.size(); }

bool Frames::finished() const { return state_->closing && state_->output.empty(); }

std::uint16_t Frames::closed_with() const { return state_->closed_with; }

}  // namespace weir::websocket
