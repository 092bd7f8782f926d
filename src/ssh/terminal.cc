#include "ssh/terminal.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "ssh/limits.h"
#include "ssh/session.h"

namespace weir::ssh {
namespace {

constexpr char kInterrupt = '\x03';   // Ctrl-C
constexpr char kEndOfInput = '\x04';  // Ctrl-D
constexpr int kSizeMax = 10'000;      // columns or rows that a screen may claim

int size_of(int claimed, int otherwise) { return claimed > 0 && claimed <= kSizeMax ? claimed : otherwise; }

}  // namespace

struct Terminal::Hooks {
  ssh_channel_callbacks_struct callbacks{};

  static Terminal& of(void* self) { return *static_cast<Terminal*>(self); }
  static int on_pty(ssh_session, ssh_channel, const char* type, int columns, int rows, int, int, void* self) {
    Terminal& terminal = of(self);
    const Certificate* certificate = terminal.session_.certificate();
    if (certificate != nullptr && !certificate->permits_pty) return -1;
    if (std::string_view(type).size() > limits::kCommandBytesMax) return -1;
    terminal.has_pty_ = true;
    terminal.type_ = type;
    terminal.columns_ = size_of(columns, terminal.columns_);
    terminal.rows_ = size_of(rows, terminal.rows_);
    return 0;
  }
  static int on_size(ssh_session, ssh_channel, int columns, int rows, int, int, void* self) {
    Terminal& terminal = of(self);
    terminal.columns_ = size_of(columns, terminal.columns_);
    terminal.rows_ = size_of(rows, terminal.rows_);
    terminal.tell(TerminalEvent::kResized);
    return 0;
  }
  static int on_shell(ssh_session, ssh_channel, void* self) { return of(self).on_start("") ? 0 : 1; }
  static int on_command(ssh_session, ssh_channel, const char* command, void* self) {
    return of(self).on_start(command) ? 0 : 1;
  }
};

Terminal::Terminal(Session& session, ssh_channel_struct* channel)
    : session_(session), channel_(channel), hooks_(std::make_unique<Hooks>()) {
  ssh_channel_callbacks_struct& callbacks = hooks_->callbacks;
  callbacks.size = sizeof callbacks;
  callbacks.userdata = this;
  callbacks.channel_pty_request_function = Hooks::on_pty;
  callbacks.channel_pty_window_change_function = Hooks::on_size;
  callbacks.channel_shell_request_function = Hooks::on_shell;
  callbacks.channel_exec_request_function = Hooks::on_command;
  // Variables are taken and dropped: OpenSSH sends LANG to everybody.
  callbacks.channel_env_request_function = [](ssh_session, ssh_channel, const char*, const char*,
                                              void*) -> int { return 0; };
  callbacks.channel_signal_function = [](ssh_session, ssh_channel, const char* signal, void* self) {
    if (std::string_view(signal) == "INT") Hooks::of(self).tell(TerminalEvent::kInterrupt);
  };
  callbacks.channel_data_function = [](ssh_session, ssh_channel, void* data, std::uint32_t bytes,
                                       int is_stderr, void* self) -> int {
    if (is_stderr == 0) Hooks::of(self).on_input({static_cast<const char*>(data), bytes});
    return static_cast<int>(bytes);
  };
  callbacks.channel_eof_function = [](ssh_session, ssh_channel, void* self) {
    Hooks::of(self).on_end_of_input();
  };
  callbacks.channel_close_function = [](ssh_session, ssh_channel, void* self) {
    Hooks::of(self).closed_ = true;
  };
  (void)ssh_add_channel_callbacks(channel_, &callbacks);
}

Terminal::~Terminal() { session_.release_terminal_channel(channel_, &hooks_->callbacks, closed_); }

void Terminal::tell(TerminalEvent event) {
  if (started_ && !session_.ending()) session_.tell(*this, event);
}

bool Terminal::on_start(std::string_view command) {
  if (started_ || command.size() > limits::kCommandBytesMax) return false;
  started_ = true;
  command_ = command;
  const Certificate* certificate = session_.certificate();
  if (certificate != nullptr && certificate->force_command) command_ = *certificate->force_command;
  tell(TerminalEvent::kStarted);
  return true;
}

// Without a pty, bytes are bytes: only the end of the input ends it.
void Terminal::on_input(std::string_view bytes) {
  if (!has_pty_) return;
  if (bytes.contains(kInterrupt)) tell(TerminalEvent::kInterrupt);
  if (bytes.contains(kEndOfInput)) on_end_of_input();
}

void Terminal::on_end_of_input() {
  if (!std::exchange(input_ended_, true)) tell(TerminalEvent::kEndOfInput);
}

void Terminal::print(std::string_view text) {
  if (closing_ || closed_) return;
  std::string line;
  line.reserve(text.size() + 2);
  for (const char c : text) {
    if (c == '\n' && has_pty_) line += '\r';
    line += c;
  }
  line += has_pty_ ? "\r\n" : "\n";
  line_bytes_ += line.size();
  lines_.push_back(std::move(line));
  // The first may be on its way, in part.
  while (line_bytes_ > limits::kTerminalBytesMax && lines_.size() > 1) {
    const std::size_t oldest = written_bytes_ > 0 ? 1 : 0;
    if (oldest + 1 >= lines_.size()) break;
    line_bytes_ -= lines_[oldest].size();
    lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(oldest));
    ++dropped_lines_;
  }
  session_.flush_soon();
}

void Terminal::close(int exit_status) {
  if (std::exchange(closing_, true)) return;
  exit_status_ = exit_status;
  session_.flush_soon();
}

void Terminal::write_some() {
  if (closed_ || ended_) return;
  while (!lines_.empty()) {
    const std::string& line = lines_.front();
    const std::size_t window = ssh_channel_window_size(channel_);
    const std::size_t bytes = std::min(line.size() - written_bytes_, window);
    if (bytes == 0) return;
    const int wrote =
        ssh_channel_write(channel_, line.data() + written_bytes_, static_cast<std::uint32_t>(bytes));
    if (wrote <= 0 || lines_.empty()) return;
    written_bytes_ += static_cast<std::size_t>(wrote);
    if (written_bytes_ < lines_.front().size()) return;
    line_bytes_ -= lines_.front().size();
    written_bytes_ = 0;
    lines_.pop_front();
  }
  if (!closing_) return;
  ended_ = true;
  (void)ssh_channel_request_send_exit_status(channel_, exit_status_);
  (void)ssh_channel_close(channel_);
}

}  // namespace weir::ssh
