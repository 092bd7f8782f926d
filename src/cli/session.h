// Session: what a command that calls the API works with. Also where what the API answers and is no data
// becomes messages.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "cli/arguments.h"
#include "cli/settings.h"
#include "client/api_client.h"
#include "client/manifest.h"
#include "client/objects.h"
#include "client/terminal.h"
#include "config/kinds.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task.h"

namespace weir::cli {

// Of the objects that the API has, the way to them, and the terminal that shows them.
using client::ApiAnswer;
using client::ApiClient;
using client::at;
using client::Colour;
using client::Manifest;
using client::parse_tree;
using client::printable;
using client::StreamEvent;
using client::Terminal;
using client::text_at;
using client::text_of;
using client::to_json_text;
using client::to_yaml_text;
using client::Tree;

struct Session {
  Session(net::Env& environment, const Settings& chosen, std::shared_ptr<tls::ClientContext> context,
          Terminal& shown)
      : env(environment),
        settings(chosen),
        terminal(shown),
        api(environment, chosen.api, chosen.token, std::move(context)) {}

  net::Env& env;
  const Settings& settings;
  Terminal& terminal;
  ApiClient api;
  net::Event ended;  // who called it wants it to end; only commands that have something to put back ask
  // What signals do, where they are heard.
  std::function<void(int signal)> on_signal = [this](int /*signal*/) { ended.set(); };

  // The content of a 2xx answer; otherwise says what is wrong, and nothing. manifest: gives violations their
  // place in a file.
  std::optional<std::string> content_of(const Result<ApiAnswer>& answer, const Manifest* manifest = nullptr);
  // Says what the API objects to, or that nothing answers.
  void say_refused(const ApiAnswer& answer, const Manifest* manifest = nullptr);
  void say_failed(const Error& error);
  // One of the two.
  void say_ended(const Result<ApiAnswer>& answer);

 private:
  void say_no_tls(const Error& error);
};

// What is followed across restarts of the API, which take seconds.
class Following {
 public:
  // interrupted: "the watch was"
  Following(Session& session, std::string_view interrupted) : session_(session), interrupted_(interrupted) {}

  // Something came.
  void heard() { tries_ = 0; }
  // After a stream that ended so: whether to ask again, now; otherwise why was said.
  net::Task<bool> goes_on(const Result<ApiAnswer>& answer);

 private:
  static constexpr Duration kPause = std::chrono::seconds(1);
  static constexpr int kTriesMax = 60;

  Session& session_;
  std::string_view interrupted_;
  int tries_ = 0;
};

// The kind that a person means, also by a short form such as lb; says so when there is none.
const config::KindInfo* kind_meant(std::string_view word, Terminal& terminal);
// "/v1/services/web"; name may be empty
std::string path_of(const config::KindInfo& kind, std::string_view name);
struct Listed {
  std::vector<Tree> objects;
  std::uint64_t revision = 0;  // of the first page: what changes afterwards comes with a watch from there
};
// All pages. labels: "&label=...", or nothing. Nothing: why was said.
net::Task<std::optional<Listed>> list_objects(Session& session, const config::KindInfo& kind,
                                              std::string labels);
// "service/web"
std::string shown_name(std::string_view kind, std::string_view name);

}  // namespace weir::cli
