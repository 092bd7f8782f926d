// Terminal: a `session` channel (RFC 4254 section 6) on which text is shown: what `ssh` without -N opens. It
// runs nothing. What the client doesn't take in time is dropped, the oldest lines first, so that a log that
// runs on never waits for a screen. Owned by its Session, and destroyed behind TerminalEvent::kClosed.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

struct ssh_channel_callbacks_struct;
struct ssh_channel_struct;

namespace weir::ssh {

class Session;
enum class TerminalEvent : std::uint8_t;

class Terminal {
 public:
  Terminal(Session& session, ssh_channel_struct* channel);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  // A line, or several, without the last line's end.
  void print(std::string_view text);
  // Shows what was printed, and closes with this exit status, soon.
  void close(int exit_status);

  bool has_pty() const { return has_pty_; }
  std::string_view type() const { return type_; }  // TERM: "xterm-256color"
  int columns() const { return columns_; }
  int rows() const { return rows_; }
  std::string_view command() const { return command_; }  // of `exec`; of a certificate that forces one
  std::uint64_t dropped_lines() const { return dropped_lines_; }

 private:
  friend class Session;
  struct Hooks;

  void tell(TerminalEvent event);
  bool on_start(std::string_view command);
  void on_input(std::string_view bytes);
  void on_end_of_input();
  // As much as the client takes.
  void write_some();
  bool has_output() const { return !ended_ && (!lines_.empty() || closing_); }

  Session& session_;
  ssh_channel_struct* channel_;
  std::unique_ptr<Hooks> hooks_;
  std::deque<std::string> lines_;
  std::size_t line_bytes_ = 0;
  std::size_t written_bytes_ = 0;  // of the first line
  std::uint64_t dropped_lines_ = 0;
  std::string type_;
  std::string command_;
  int columns_ = 80;
  int rows_ = 24;
  int exit_status_ = 0;
  bool has_pty_ = false;
  bool started_ = false;
  bool input_ended_ = false;
  bool closing_ = false;
  bool ended_ = false;   // closed here
  bool closed_ = false;  // by the client
};

}  // namespace weir::ssh
