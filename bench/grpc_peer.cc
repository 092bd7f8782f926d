// grpc_peer: weir's gRPC as a program of its own, for what only a real socket can show: whether foreign
// servers and clients agree with it (lab/black_box/test_grpc_peers.py), and what it costs. Messages are
// bytes.
//
//   grpc_peer serve [--tls DIR]           prints "listening PORT"; with TLS, and clients asked for a
//   certificate,
//                                         it puts ca.pem, client.pem and client.key into the folder
//   grpc_peer call PORT PATH [--tls DIR] [--timeout-ms N]
//                                         sends each line of its input as a message, prints each that comes,
//                                         and at the end "status NAME MESSAGE"
//   grpc_peer hold PORT N [--tls DIR]     N connections with a stream each that stay idle; prints "held N"
//   grpc_peer load PORT SECONDS BYTES [--tls DIR]
//                                         one stream of lab.Echo/Chat, both ways at once; prints "messages N"
//
// The server, "lab.Echo": Unary answers one message with itself, Chat each, in capitals, and "bye" at the
// end; Count one number with so many messages, Refuse with a status; Hang sends "first" and never ends. It
// ends with SIGTERM, and says what became of Hang: "cancelled N".
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peer.h"
#include "grpc/channel.h"
#include "grpc/dialler.h"
#include "grpc/server.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "net/core.h"
#include "net/task_group.h"
#include "role/signals.h"
#include "tls/authority.h"
#include "tls/certificate_set.h"
#include "tls/server_context.h"
#include "tls/ticket_keys.h"
#include "tls/tls_stream.h"

namespace {

using namespace weir;
using namespace weir::bench;
using namespace std::chrono_literals;

struct Options {
  std::vector<std::string> words;
  std::string tls;  // a folder; empty: plain
  std::optional<Duration> timeout;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) die("cannot read " + path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

// --- TLS, with an authority that lives as long as the server

class MutualTls final : public http::Handshake {
 public:
  explicit MutualTls(std::shared_ptr<const tls::ServerContext> context) : context_(std::move(context)) {}
  net::Task<Result<http::Incoming>> run(http::Incoming incoming) override {
    auto secured = co_await tls::TlsStream::accept(std::move(incoming.stream), context_, {}, 10s);
    if (!secured) co_return fail(secured.error());
    auto info = std::make_shared<http::TlsInfo>();
    info->protocol = (*secured)->details().protocol;
    incoming.tls = std::move(info);
    incoming.stream = *std::move(secured);
    co_return incoming;
  }

 private:
  std::shared_ptr<const tls::ServerContext> context_;
};

std::shared_ptr<http::Handshake> make_handshake(const Options& options, WallTime now) {
  if (options.tls.empty()) return std::make_shared<h2::PriorKnowledge>();
  const auto authority = value_of(tls::Authority::load(value_of(tls::Authority::create("grpc_peer", now))));
  const auto issue = [&](std::vector<std::string> names, tls::Usage usage) {
    return value_of(authority.issue(names, usage, now));
  };
  const tls::PemPair mine = issue({"localhost", "127.0.0.1"}, tls::Usage::kServer);
  const tls::PemPair client = issue({"client.test"}, tls::Usage::kClient);
  std::ofstream(options.tls + "/ca.pem") << authority.root_pem();
  std::ofstream(options.tls + "/client.pem") << client.certificate;
  std::ofstream(options.tls + "/client.key") << client.private_key;
  return std::make_shared<MutualTls>(value_of(tls::ServerContext::create(
      {.protocols = {"h2"},
       .client_certificates = tls::ClientCertificates::kRequired,
       .client_authorities = value_of(tls::TrustStore::parse(authority.root_pem()))},
      std::make_shared<const tls::CertificateSet>(
          std::vector{value_of(tls::Certificate::load(mine.certificate, mine.private_key))}),
      std::make_shared<tls::TicketKeys>())));
}

grpc::Dialler::Target target_of(const Options& options, std::string_view port) {
  grpc::Dialler::Target target{.host = "127.0.0.1",
                               .port = static_cast<std::uint16_t>(number_of<std::uint64_t>(port))};
  if (options.tls.empty()) return target;
  std::shared_ptr<const tls::Certificate> certificate;
  if (std::ifstream(options.tls + "/client.pem")) {
    certificate = value_of(tls::Certificate::load(read_file(options.tls + "/client.pem"),
                                                  read_file(options.tls + "/client.key")));
  }
  target.tls = value_of(tls::ClientContext::create(
      {.authorities = value_of(tls::TrustStore::parse(read_file(options.tls + "/ca.pem"))),
       .protocols = {"h2"},
       .certificate = certificate}));
  return target;
}

// --- the server

net::Task<grpc::Status> unary(grpc::ServerCall& call) {
  auto message = co_await call.read();
  if (!message) co_return grpc::status_of(message.error());
  if (*message) (void)co_await call.write(*std::move(*message));
  co_return grpc::Status{};
}

net::Task<grpc::Status> chat(grpc::ServerCall& call) {
  for (;;) {
    auto message = co_await call.read();
    if (!message) co_return grpc::status_of(message.error());
    if (!*message) break;
    std::string answer = *std::move(*message);
    std::ranges::transform(answer, answer.begin(), [](char character) {
      return character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A') : character;
    });
    if (!co_await call.write(std::move(answer))) co_return grpc::Status{};
  }
  (void)co_await call.write("bye");
  co_return grpc::Status{};
}

net::Task<grpc::Status> count(grpc::ServerCall& call) {
  auto message = co_await call.read();
  if (!message || !*message) co_return grpc::Status{grpc::StatusCode::kInvalidArgument, "no number"};
  const std::uint64_t end = number_of<std::uint64_t>(**message);
  for (std::uint64_t i = 0; i < end; ++i) {
    if (!co_await call.write(std::to_string(i))) break;
  }
  co_return grpc::Status{};
}

net::Task<grpc::Status> refuse(grpc::ServerCall& /*call*/) {
  co_return grpc::Status{grpc::StatusCode::kFailedPrecondition, "not ready: 100 % \xc3\xa4"};
}

net::Task<grpc::Status> hang(grpc::ServerCall& call, int& cancelled) {
  (void)co_await call.write("first");
  if (!co_await call.loop().sleep(1h)) ++cancelled;
  co_return grpc::Status{};
}

net::Task<void> end(http::Server& server, grpc::Server& calls, net::Loop& loop) {
  server.drain();
  calls.end_calls();
  co_await server.join();
  loop.stop();
}

void serve(const Options& options, net::Core& core) {
  int cancelled = 0;
  grpc::Server calls(core.loop(), {});
  calls.add("/lab.Echo/Unary", unary);
  calls.add("/lab.Echo/Chat", chat);
  calls.add("/lab.Echo/Count", count);
  calls.add("/lab.Echo/Refuse", refuse);
  calls.add("/lab.Echo/Hang", [&cancelled](grpc::ServerCall& call) { return hang(call, cancelled); });
  http::Server server(core.env(), calls,
                      {.drain_grace = 10ms,
                       .keepalive_interval = grpc::kKeepaliveInterval,
                       .keepalive_timeout = grpc::kKeepaliveTimeout,
                       .h2 = h2::make_connection});
  auto listener = value_of(core.env().network.listen(value_of(net::Address::parse("127.0.0.1:0"))));
  const std::uint16_t port = listener->address().port();
  server.listen(std::move(listener), make_handshake(options, core.loop().clock().wall_now()));
  net::TaskGroup ending(core.loop());
  const auto signals = value_of(role::Signals::create(
      core.poller(), {SIGTERM, SIGINT}, [&](int) { ending.spawn(end(server, calls, core.loop())); }));
  say("listening " + std::to_string(port));
  core.loop().run();
  say("cancelled " + std::to_string(cancelled));
}

// --- the client

net::Task<bool> receive(grpc::ClientCall& call, std::uint64_t& messages, bool prints) {
  for (;;) {
    auto message = co_await call.read();
    if (!message) co_return false;
    if (!*message) co_return true;
    ++messages;
    if (prints) say(**message);
  }
}

net::Task<void> send_lines(grpc::ClientCall& call, std::vector<std::string> lines) {
  for (std::string& line : lines) {
    if (!co_await call.write(std::move(line))) co_return;
  }
  call.half_close();
}

net::Task<void> call_once(const Options& options, grpc::Channel& channel, net::Loop& loop) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) lines.push_back(std::move(line));
  auto call = co_await channel.call(options.words[2], {{"x-peer", "weir"}}, options.timeout);
  if (call) {
    net::TaskGroup sending(loop);
    sending.spawn(send_lines(**call, std::move(lines)));
    std::uint64_t messages = 0;
    (void)co_await receive(**call, messages, true);
    co_await sending.stop();
    const grpc::Status& status = (*call)->status();
    say("status " + std::string(grpc::name_of(status.code)) + " " + status.message);
    call->reset();
  } else {
    say("error " + sentence_of(call.error()));
  }
  co_await channel.close();
  loop.stop();
}

net::Task<void> send_always(grpc::ClientCall& call, std::size_t bytes) {
  while (co_await call.write(std::string(bytes, 'x'))) {
  }
}

net::Task<void> count_messages(grpc::ClientCall& call, std::uint64_t& messages) {
  (void)co_await receive(call, messages, false);
}

net::Task<void> load(const Options& options, grpc::Channel& channel, net::Loop& loop) {
  auto call = value_of(co_await channel.call("/lab.Echo/Chat", {}, std::nullopt));
  net::TaskGroup moving(loop);
  std::uint64_t messages = 0;
  moving.spawn(send_always(*call, number_of<std::uint64_t>(options.words[3])));
  moving.spawn(count_messages(*call, messages));
  (void)co_await loop.sleep(std::chrono::seconds(number_of<std::uint64_t>(options.words[2])));
  say("messages " + std::to_string(messages));
  co_await moving.stop();
  call.reset();
  co_await channel.close();
  loop.stop();
}

struct Held {
  Held(net::Core& core, const grpc::Dialler::Target& target)
      : dialler(core.env(), target), channel(core.loop(), dialler, {.authority = "localhost"}) {}
  grpc::Dialler dialler;
  grpc::Channel channel;
  std::unique_ptr<grpc::ClientCall> call;
};

net::Task<void> hold(const Options& options, std::vector<std::unique_ptr<Held>>& all, net::Core& core) {
  const auto target = target_of(options, options.words[1]);
  const std::uint64_t wanted = number_of<std::uint64_t>(options.words[2]);
  while (all.size() < wanted) {
    Held& held = *all.emplace_back(std::make_unique<Held>(core, target));
    held.call = value_of(co_await held.channel.call("/lab.Echo/Chat", {}, std::nullopt));
    if (!co_await held.call->write("hello")) die("a message was not taken");
    if (!co_await held.call->read()) die("no answer");
  }
  say("held " + std::to_string(all.size()));
}

void run_client(const Options& options, net::Core& core) {
  net::TaskGroup running(core.loop());
  if (options.words[0] == "hold") {
    auto* all = new std::vector<std::unique_ptr<Held>>();  // until the process is ended from outside
    running.spawn(hold(options, *all, core));
    core.loop().run();
    return;
  }
  grpc::Dialler dialler(core.env(), target_of(options, options.words[1]));
  grpc::Channel channel(
      core.loop(), dialler,
      {.authority = "localhost:" + options.words[1], .scheme = options.tls.empty() ? "http" : "https"});
  running.spawn(options.words[0] == "call" ? call_once(options, channel, core.loop())
                                           : load(options, channel, core.loop()));
  core.loop().run();
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--tls" && i + 1 < argc) {
      options.tls = argv[++i];
    } else if (word == "--timeout-ms" && i + 1 < argc) {
      options.timeout = std::chrono::milliseconds(number_of<std::uint64_t>(argv[++i]));
    } else {
      options.words.emplace_back(word);
    }
  }
  const std::string verb = options.words.empty() ? "" : options.words[0];
  const std::size_t wanted = verb == "serve"  ? 1
                             : verb == "call" ? 3
                             : verb == "hold" ? 3
                             : verb == "load" ? 4
                                              : 0;
  if (wanted == 0 || options.words.size() != wanted) die("see the head of grpc_peer.cc");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  ::signal(SIGPIPE, SIG_IGN);
  Silence silence;
  const auto core = value_of(net::Core::create(silence));
  if (options.words[0] == "serve") {
    serve(options, *core);
  } else {
    run_client(options, *core);
  }
  return 0;
}
