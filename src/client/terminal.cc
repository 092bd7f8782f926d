#include "client/terminal.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace weir::client {

void Terminal::print(std::string_view data) {
  if (std::fwrite(data.data(), 1, data.size(), out_) != data.size()) fail();
}

void Terminal::print_error(std::string_view data) {
  std::fwrite(data.data(), 1, data.size(), err_);
  std::fflush(err_);
}

void Terminal::say(std::string_view message) {
  const std::string line = printable(message) + '\n';
  std::fwrite(line.data(), 1, line.size(), err_);  // nobody is left to be told when this fails
  std::fflush(err_);
}

bool Terminal::flush() {
  if (std::fflush(out_) != 0) fail();
  return !broken_;
}

void Terminal::fail() {
  const int error = errno;
  if (!std::exchange(broken_, true) && error != EPIPE) {
    say(std::string("weir: can't write to stdout: ") + std::strerror(error));
  }
}

std::string Terminal::painted(Colour colour, std::string_view text) const {
  if (!colour_) return std::string(text);
  return std::string("\x1b[3")
      .append(1, static_cast<char>(colour))
      .append("m")
      .append(text)
      .append("\x1b[0m");
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    // C1 controls are C2 80 to C2 9F in UTF-8.
    const bool second = i + 1 < out.size() && byte == 0xC2 && static_cast<unsigned char>(out[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F) {
      out[i] = '?';
    } else if (second) {
      out.replace(i, 2, "?");
    }
  }
  return out;
}

}  // namespace weir::client
