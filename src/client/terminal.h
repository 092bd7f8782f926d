// Terminal: what a command says to whoever called it: data on stdout, messages on stderr, colour only where a
// person looks. One per process, made in main.cc or, over files in memory, by a test.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace weir::client {

enum class Colour : char { kGreen = '2', kRed = '1', kYellow = '3' };

class Terminal {
 public:
  Terminal(std::FILE* out, std::FILE* err, bool colour) : out_(out), err_(err), colour_(colour) {}

  // Data: as it is, on stdout.
  void print(std::string_view data);
  // Data of somebody else's stderr: as it is, on stderr, at once.
  void print_error(std::string_view data);
  // A message: one line on stderr, without whatever could steer a terminal.
  void say(std::string_view message);
  // Sees to it that the data is out. False, once and for all, when stdout did not take it: then says so,
  // unless whoever read it has simply stopped reading.
  bool flush();

  bool colour() const { return colour_; }
  // The text in colour, when there is colour at all.
  std::string painted(Colour colour, std::string_view text) const;

 private:
  std::FILE* out_;
  std::FILE* err_;
  bool colour_;
  void fail();
  bool broken_ = false;
};

// Texts from elsewhere, fit for a terminal: control characters become '?'.
std::string printable(std::string_view text);

}  // namespace weir::client
