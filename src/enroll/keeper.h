// Keeper: a machine's credentials over its life: on disk, and renewed by themselves when two thirds of a
// certificate's life are over, again and again with growing pauses until it is done. On the control loop.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "enroll/client.h"
#include "net/env.h"
#include "net/task.h"
#include "store/kept_file.h"

namespace weir::enroll {

class Keeper {
 public:
  static constexpr Duration kFirstPause = std::chrono::seconds(1);
  static constexpr Duration kLongestPause = std::chrono::minutes(5);
  static constexpr std::size_t kFileBytesMax = 64UL * 1024;

  // What the file at this path has; kNotFound: there is none yet. Blocking; for the start.
  static Result<Credentials> read(const std::string& path);
  // The same for a machine that begins, with or without a join token: none: it is to join. One whose
  // certificate has ended joins again, when it has a token. The error is a sentence.
  static std::expected<std::optional<Credentials>, std::string> begin(const std::string& path, bool has_token,
                                                                      config::MachineRole role, WallTime now);

  // Keeps the credentials at the path from now on. controllers: tried in turn; at least one.
  Keeper(net::Env& env, std::vector<tls::Host> controllers, Node node, Credentials credentials,
         const std::string& path);

  const Credentials& credentials() const { return credentials_; }
  // Called after each renewal.
  void on_renewed(std::function<void(const Credentials&)> renewed) { renewed_ = std::move(renewed); }

  // Until it is cancelled, or the controller says that this machine gets no more certificates. at_once: it is
  // renewed now, by which the controller hears what the machine says of itself.
  net::Task<void> run(bool at_once = false);

 private:
  Duration until_due() const;
  Duration pause_after(int failures);

  net::Env& env_;
  std::vector<tls::Host> controllers_;
  Node node_;
  Credentials credentials_;
  store::KeptFile file_;
  std::function<void(const Credentials&)> renewed_;
};

}  // namespace weir::enroll
