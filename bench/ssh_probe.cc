// ssh_probe: weir's SSH server side as a program of its own, without accounts and names: each forward is a
// TCP port of loopback, and each connection to it a stream of the session. For what only foreign clients can
// show (lab/black_box/test_ssh.py), and for measuring.
//
//   ssh_probe [--port N] [--host-key FILE] [--none] [--password TEXT] [--fingerprint SHA256:...]
//             [--authority FILE.pub]... [--key-exchange-seconds N]
//
// Prints "listening PORT", and then a line for each thing that happens: "began USER PEER", "forward ADDRESS
// PORT", "cancelled ADDRESS PORT", "terminal EVENT ...", "ended CODE TEXT". Ends with SIGTERM.
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <limits>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "auth/crypto.h"
#include "bench/peer.h"
#include "net/core.h"
#include "net/pump.h"
#include "net/task_group.h"
#include "ssh/key.h"
#include "ssh/server.h"
#include "ssh/session.h"
#include "ssh/terminal.h"

namespace {

using namespace weir;
using namespace weir::bench;
using namespace std::chrono_literals;

struct Options {
  std::uint16_t port = 0;
  std::string host_key;
  std::string password;
  std::string fingerprint;
  std::vector<std::string> authorities;  // blobs
  Duration key_exchange_timeout = 10s;
  bool none = false;
};

// One -R: its port and what comes to it.
struct Port {
  explicit Port(net::Loop& loop) : tasks(loop) {}
  std::unique_ptr<net::Listener> listener;
  ssh::Forward forward;
  ssh::Session* session = nullptr;
  net::TaskGroup tasks;
};

net::Task<void> one_way(net::Stream& from, net::Stream& to, bool& failed) {
  net::Patience reading(600s);
  net::Patience writing(600s);
  const auto pumped =
      co_await net::pump(from, to, std::numeric_limits<std::uint64_t>::max(), reading, writing);
  failed = failed || !pumped.result;
  if (pumped.result) (void)to.shutdown_write();
}

net::Task<void> back(net::Stream& from, net::Stream& to, bool& failed, net::Context& other) {
  co_await one_way(from, to, failed);
  if (failed) other.cancel();
}

net::Task<void> visit(Port& port, net::Accepted visitor) {
  auto opened = co_await port.session->open(port.forward, visitor.peer, 10s);
  if (!opened) {
    say("open failed " + std::string(name_of(opened.error().code)) + " " + opened.error().text);
    visitor.stream->abort();
    co_return;
  }
  bool failed = false;
  net::TaskGroup returning(visitor.stream->loop());
  net::Context& here = co_await net::current_context();
  returning.spawn(back(**opened, *visitor.stream, failed, here));
  co_await one_way(*visitor.stream, **opened, failed);
  if (failed) co_await returning.stop();
  co_await returning.join();
  if (failed) visitor.stream->abort();
}

net::Task<void> listen(Port& port) {
  for (;;) {
    auto accepted = co_await port.listener->accept();
    if (!accepted) {
      port.listener.reset();  // at once: another may have the port while visits come to their end
      co_return;
    }
    port.tasks.spawn(visit(port, *std::move(accepted)));
  }
}

class Probe final : public ssh::Gate {
 public:
  Probe(net::Env& env, const Options& options) : env_(env), options_(options), ending_(env.loop) {}

  // As sshd does: for the user who is to be logged in.
  Result<void> trusts(const ssh::Session&, std::string_view user,
                      const ssh::Certificate& certificate) override {
    const bool known = std::ranges::count(options_.authorities, net::as_text(certificate.authority)) > 0;
    if (!known) return fail(Code::kUnauthenticated, "its authority is not known");
    if (std::ranges::count(certificate.principals, user) > 0) return {};
    return fail(Code::kUnauthenticated, "it is not for this user");
  }
  bool authenticate(const ssh::Session&, const ssh::Credential& credential) override {
    switch (credential.method) {
      case ssh::Method::kNone: return options_.none;
      case ssh::Method::kPassword:
        return !options_.password.empty() && credential.password == options_.password;
      case ssh::Method::kPublicKey: break;
    }
    if (credential.proven)
      say("key " + std::string(credential.key_type) + " " + std::string(credential.fingerprint));
    return credential.certificate != nullptr || credential.fingerprint == options_.fingerprint;
  }
  void began(ssh::Session& session) override {
    say("began " + std::string(session.user()) + " " + session.peer().to_string() + " " +
        std::string(session.client()) + " " + std::string(session.cipher()));
  }
  Result<std::uint16_t> forward(ssh::Session& session, std::string_view address,
                                std::uint16_t port) override {
    auto made = std::make_unique<Port>(env_.loop);
    auto listener = env_.network.listen(net::Address::v4({127, 0, 0, 1}, port));
    if (address == "refused" || !listener) return fail(Code::kAddressInUse, "the port is taken");
    made->listener = *std::move(listener);
    const std::uint16_t bound = made->listener->address().port();
    made->forward = {std::string(address), bound};
    made->session = &session;
    say("forward \"" + std::string(address) + "\" " + std::to_string(bound));
    Port& kept = *made;
    ports_[bound] = std::move(made);
    kept.tasks.spawn(listen(kept));
    return bound;
  }
  void cancelled(ssh::Session&, std::string_view address, std::uint16_t port) override {
    say("cancelled \"" + std::string(address) + "\" " + std::to_string(port));
    const auto found = ports_.find(port);
    if (found == ports_.end()) return;
    ending_.spawn(end(std::move(found->second)));
    ports_.erase(found);
  }
  void terminal(ssh::Session& session, ssh::Terminal& terminal, ssh::TerminalEvent event) override {
    switch (event) {
      case ssh::TerminalEvent::kStarted: return started(session, terminal);
      case ssh::TerminalEvent::kInterrupt: say("terminal interrupt"); return terminal.close(130);
      case ssh::TerminalEvent::kEndOfInput: say("terminal end"); return terminal.close(0);
      case ssh::TerminalEvent::kResized:
        return say("terminal " + std::to_string(terminal.columns()) + "x" + std::to_string(terminal.rows()));
      case ssh::TerminalEvent::kClosed: return say("terminal closed");
    }
  }
  void ended(ssh::Session& session, const Error& why) override {
    say("ended " + std::string(name_of(why.code)) + " " + why.text + " in " +
        std::to_string(session.bytes_in()) + " out " + std::to_string(session.bytes_out()));
  }
  net::Task<void> stop() { co_await ending_.join(); }

 private:
  // The commands are for tests: "say N" writes N lines, "end" ends the session.
  void started(ssh::Session& session, ssh::Terminal& terminal) {
    say("terminal started \"" + std::string(terminal.command()) + "\" " + std::string(terminal.type()));
    if (terminal.command() == "end") {
      return session.end({Code::kCancelled, {}, {}, 0, "asked to"}, "the tunnel was ended");
    }
    if (terminal.command().starts_with("say ")) {
      const auto lines = number_of<unsigned>(terminal.command().substr(4));
      for (unsigned i = 1; i <= lines; ++i) terminal.print("line " + std::to_string(i));
      return terminal.close(3);
    }
    terminal.print("Welcome, " + std::string(session.user()));
    for (const ssh::Forward& forward : session.forwards()) {
      terminal.print("http://127.0.0.1:" + std::to_string(forward.port));
    }
  }
  static net::Task<void> end(std::unique_ptr<Port> port) { co_await port->tasks.stop(); }

  net::Env& env_;
  const Options& options_;
  std::map<std::uint16_t, std::unique_ptr<Port>> ports_;
  net::TaskGroup ending_;
};

std::string contents_of(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) die("cannot read " + file);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string blob_of(const std::string& line) {
  std::istringstream words(line);
  std::string type;
  std::string blob;
  words >> type >> blob;
  return auth::from_base64(blob).value_or("");
}

Options read(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--none") {
      options.none = true;
      continue;
    }
    if (i + 1 >= argc) die("no value for " + std::string(name));
    const std::string value = argv[++i];
    if (name == "--port")
      options.port = number_of<std::uint16_t>(value);
    else if (name == "--host-key")
      options.host_key = contents_of(value);
    else if (name == "--password")
      options.password = value;
    else if (name == "--fingerprint")
      options.fingerprint = value;
    else if (name == "--key-exchange-seconds")
      options.key_exchange_timeout = std::chrono::seconds(number_of<int>(value));
    else if (name == "--authority")
      options.authorities.push_back(blob_of(contents_of(value)));
    else
      die("no option " + std::string(name));
  }
  return options;
}

net::Task<void> serve(ssh::Server& server, net::Listener& listener) { co_await server.serve(listener); }

net::Task<void> finish(ssh::Server& server, Probe& probe, net::TaskGroup& tasks,
                       std::promise<void>& finished) {
  co_await tasks.stop();
  co_await server.stop();
  co_await probe.stop();
  finished.set_value();
}

}  // namespace

int main(int argc, char** argv) {
  Options options = read(argc, argv);
  ::signal(SIGPIPE, SIG_IGN);
  Silence silence;
  auto core = value_of(net::Core::create(silence));
  net::TaskGroup tasks(core->loop());
  net::TaskGroup last(core->loop());
  if (options.host_key.empty()) options.host_key = value_of(ssh::make_host_key());
  Probe probe(core->env(), options);
  auto server = value_of(ssh::Server::create(
      core->env(), probe,
      {.host_keys = {options.host_key}, .key_exchange_timeout = options.key_exchange_timeout}));
  const auto listener = value_of(core->env().network.listen(net::Address::v4({127, 0, 0, 1}, options.port)));
  say("listening " + std::to_string(listener->address().port()));
  say("host " + value_of(ssh::public_line_of(options.host_key)));
  tasks.spawn(serve(*server, *listener));
  sigset_t ends{};
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  core->start("ssh");
  int signal = 0;
  sigwait(&ends, &signal);
  std::promise<void> finished;
  core->loop().post([&] { last.spawn(finish(*server, probe, tasks, finished)); });
  finished.get_future().wait();
  core->stop();
  return 0;
}
