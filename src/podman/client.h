// Client: podman's REST API (libpod, version 4 and later) on one machine: one connection for each call, which
// ends with it. Every refusal comes back as one sentence. On one loop; logs nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "http/body.h"
#include "http/service.h"
#include "net/network.h"
#include "net/task.h"
#include "podman/log_frames.h"
#include "podman/streams.h"
#include "podman/trouble.h"
#include "podman/values.h"

namespace weir::podman {

struct LogQuery {
  bool follow = false;
  std::optional<std::int64_t> since_seconds;  // of the epoch
  bool timestamps = false;                    // before each line, "2026-11-30T07:11:05Z "
  std::optional<std::uint32_t> tail = {};     // only so many lines, the last ones
};

class Client {
 public:
  static constexpr Duration kConnectTimeout = std::chrono::seconds(5);
  // Of whatever is done at once, on a machine that is very busy.
  static constexpr Duration kAnswerTimeout = std::chrono::seconds(60);
  static constexpr Duration kPullTimeout = std::chrono::minutes(15);  // between two lines of it
  static constexpr Duration kForever = std::chrono::hours(24 * 365);
  static constexpr std::size_t kExecBytesMax = std::size_t{64} << 10U;  // of its output; more is passed over

  // way: leads to podman at that address; outlives the client.
  explicit Client(net::Connector& way, net::Address at = {}) : way_(way), at_(at) {}

  net::Task<Told<std::string>> version();

  // --- images
  net::Task<Told<bool>> has_image(std::string image);
  // An archive of OCI or of docker; the names of what was in it.
  net::Task<Told<std::vector<std::string>>> load_image(http::Body& archive, std::uint64_t bytes);
  net::Task<Told<void>> pull_image(std::string image, std::optional<Credentials> credentials);
  // One more name for it, or one less: repository and tag.
  net::Task<Told<void>> tag_image(std::string image, std::string repository, std::string tag);
  net::Task<Told<void>> untag_image(std::string image, std::string repository, std::string tag);
  net::Task<Told<std::vector<Image>>> list_images(std::string repository);
  // A name of it, or all of it with its last. Refused while a container is made from it.
  net::Task<Told<void>> remove_image(std::string image);

  // --- containers, by name or id
  net::Task<Told<std::vector<Container>>> list(Labels labels);  // that have all of them, running or not
  net::Task<Told<std::string>> create(ContainerSpec spec);      // its id
  // spec: what was created, for the sentence.
  net::Task<Told<void>> start(std::string container, const ContainerSpec& spec);
  // SIGTERM, then SIGKILL after so long. One that does not run is stopped already.
  net::Task<Told<void>> stop(std::string container, std::uint32_t seconds);
  net::Task<Told<void>> kill(std::string container, std::string signal);
  net::Task<Told<void>> remove(
      std::string container);  // running or not; one that is not there is removed already
  net::Task<Told<Inspected>> inspect(std::string container);
  net::Task<Told<int>> wait(std::string container, Duration timeout);  // for its end: the exit code
  net::Task<Told<std::vector<Usage>>> usage();                         // of all that run
  // Until the end: of what was written so far, or of the container.
  net::Task<Told<void>> logs(std::string container, LogQuery query, LogFrames::Tell tell);

  // The same, pulled.
  net::Task<Told<std::unique_ptr<LogReading>>> read_logs(std::string container, LogQuery query);

  struct Executed {
    int exit_code = 0;
    std::string output;  // of both streams; not all of it, when it is long
  };
  net::Task<Told<Executed>> exec(std::string container, std::vector<std::string> command, Duration timeout);
  // A command with its streams. It runs until it ends by itself: podman ends none.
  net::Task<Told<std::unique_ptr<Exec>>> begin_exec(std::string container, ExecSpec spec);
  net::Task<Told<void>> resize_exec(std::string id, std::uint16_t rows, std::uint16_t columns);
  net::Task<Told<ExecSeen>> inspect_exec(std::string id);

  // --- volumes
  // One that is there already stays as it is.
  net::Task<Told<void>> create_volume(std::string name, Labels labels);
  net::Task<Told<std::vector<std::string>>> list_volumes(Labels labels);
  net::Task<Told<void>> remove_volume(std::string name);

  // --- networks
  net::Task<Told<std::vector<Network>>> list_networks();
  net::Task<Told<void>> create_network(NetworkSpec spec);
  // Refused while a container is on it; one that is not there is removed already.
  net::Task<Told<void>> remove_network(std::string name);

  // Something happened to a container with those labels, again and again, until podman ends it.
  net::Task<Told<void>> events(Labels labels, std::function<void()> tell);

 private:
  struct Call {
    http::Method method = http::Method::kGet;
    std::string path;
    std::string query;
    std::string content;         // JSON
    http::Body* body = nullptr;  // in place of content
    std::uint64_t body_bytes = 0;
    std::string auth;
    Duration timeout = kAnswerTimeout;  // for the answer, and between two pieces of it
    // About what it is, for the sentence.
    std::string image;
    std::string command;
  };
  struct Answer {
    int status = 0;
    std::string content;
  };
  using Piece = std::function<Result<void>(std::string_view)>;

  // As far as the head of the answer.
  net::Task<Result<http::ResponsePtr>> begin(Call& call);
  net::Task<Told<Answer>> ask(Call call);
  // A success is told piece by piece and leaves no content behind; a refusal comes back whole.
  net::Task<Told<Answer>> ask(Call call, Piece tell);
  net::Task<Result<Answer>> exchange(Call& call, Piece& tell);
  net::Task<Told<void>> act(Call call);

  net::Connector& way_;
  net::Address at_;
};

}  // namespace weir::podman
