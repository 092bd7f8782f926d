#include "podman/client.h"

#include <memory>

#include "base/uri_path.h"
#include "http/client.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "http/request_body.h"
#include "net/buffer.h"

namespace weir::podman {
namespace {

using http::Known;
using http::Method;

constexpr std::string_view kBase = "/v4.0.0/libpod";
constexpr Duration kWriteTimeout = std::chrono::seconds(60);  // of an image: podman takes some bytes
constexpr std::size_t kLineBytesMax = std::size_t{64} << 10U;
constexpr std::string_view kKeptOfImages = "/:@";  // they are parts of a name, and podman's paths have them

std::string of_container(const std::string& container, std::string_view verb = {}) {
  return "/containers/" + encoded(container) + std::string(verb);
}

std::string program_of(const ContainerSpec& spec) {
  if (!spec.entrypoint.empty()) return spec.entrypoint.front();
  return spec.command.empty() ? std::string() : spec.command.front();
}

bool is_success(int status) { return status >= 200 && status < 400; }

std::unexpected<Trouble> refused(int status, std::string_view content, std::string_view image = {},
                                 std::string_view command = {}) {
  return std::unexpected(Trouble{status == 404 ? Trouble::Kind::kNotThere : Trouble::Kind::kRefused,
                                 sentence_of(read_refusal(content), image, command)});
}

std::string logs_query(const LogQuery& query) {
  std::string written = "stdout=true&stderr=true";
  if (query.follow) written += "&follow=true";
  if (query.timestamps) written += "&timestamps=true";
  if (query.since_seconds) written += "&since=" + std::to_string(*query.since_seconds);
  if (query.tail) written += "&tail=" + std::to_string(*query.tail);
  return written;
}

// All that is left of an answer, as long as it is one.
net::Task<std::string> rest_of(http::H1Body& body) {
  std::string content;
  while (!body.at_end() && content.size() < kLineBytesMax) {
    const auto piece = co_await body.read();
    if (!piece || piece->empty()) break;
    content += net::as_text(*piece);
  }
  co_return content;
}

}  // namespace

namespace {

struct Beginning {
  http::Method method;
  const std::string& path;
  const std::string& query;
  const std::string& auth;
  std::string_view content_type;  // empty: there is no content
  std::uint64_t content_bytes;
};

Result<std::size_t> write_head(http::HeadWriter& writer, const Beginning& what) {
  const std::string path = std::string(kBase) + what.path;
  writer.request_line(http::name_of(what.method), path,
                      what.query.empty() ? std::string_view() : std::string_view(what.query));
  writer.field(Known::kHost, "podman");
  writer.field(Known::kUserAgent, "weir/" WEIR_VERSION);
  if (!what.auth.empty()) writer.field("X-Registry-Auth", what.auth);
  if (!what.content_type.empty()) writer.field(Known::kContentType, what.content_type);
  if (!http::is_safe(what.method)) writer.field(Known::kContentLength, what.content_bytes);
  return writer.finish();
}

}  // namespace

net::Task<Result<http::ResponsePtr>> Client::begin(Call& call) {
  auto stream = co_await way_.connect(at_, kConnectTimeout);
  if (!stream) co_return fail(stream.error());
  const net::Buffer room = net::Buffer::acquire();
  http::HeadWriter writer(room.span());
  http::TextBody text(call.content);
  http::RequestHead head;
  head.method = call.method;
  http::Request request{.head = head};
  std::string_view content_type;
  if (call.body != nullptr || !call.content.empty()) {
    request.body = call.body != nullptr ? call.body : &text;
    head.framing = http::Framing::kLength;
    head.content_length = call.body != nullptr ? call.body_bytes : call.content.size();
    content_type = call.body != nullptr ? "application/x-tar" : "application/json";
  }
  const auto bytes = write_head(writer, {.method = call.method,
                                         .path = call.path,
                                         .query = call.query,
                                         .auth = call.auth,
                                         .content_type = content_type,
                                         .content_bytes = head.content_length});
  if (!bytes) co_return fail(bytes.error());
  auto home = std::make_shared<http::ClientPool>(nullptr);
  home->retire();
  auto response = co_await http::exchange(
      std::make_unique<http::ClientConnection>(std::move(*stream)), std::move(home),
      room.span().first(*bytes), request,
      {.response_timeout = call.timeout, .read_timeout = call.timeout, .write_timeout = kWriteTimeout});
  // What the request has ends here, and the sending of it before.
  if (response && !(*response)->settled()) co_await (*response)->settle();
  co_return response;
}

net::Task<Result<Client::Answer>> Client::exchange(Call& call, Piece& tell) {
  auto response = co_await begin(call);
  if (!response) co_return fail(response.error());
  Answer answer{.status = (*response)->head.status, .content = {}};
  Result<void> taken;
  while (taken && !(*response)->at_end()) {
    const auto piece = co_await (*response)->read();
    if (!piece) {
      taken = fail(piece.error());
    } else if (tell && is_success(answer.status)) {
      if (!piece->empty()) taken = tell(net::as_text(*piece));
    } else if (answer.content.size() + piece->size() > kAnswerBytesMax) {
      taken = fail(Code::kBodyTooLarge, "the answer is too large", Side::kUpstream);
    } else {
      answer.content += net::as_text(*piece);
    }
  }
  if (!taken) co_return fail(taken.error());
  co_return answer;
}

net::Task<Told<Client::Answer>> Client::ask(Call call, Piece tell) {
  auto answer = co_await exchange(call, tell);
  if (!answer) co_return std::unexpected(trouble_of(answer.error()));
  if (is_success(answer->status)) co_return std::move(*answer);
  co_return refused(answer->status, answer->content, call.image, call.command);
}

net::Task<Told<Client::Answer>> Client::ask(Call call) { return ask(std::move(call), nullptr); }

net::Task<Told<void>> Client::act(Call call) {
  auto answer = co_await ask(std::move(call));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return Told<void>{};
}

net::Task<Told<std::string>> Client::version() {
  auto answer = co_await ask({.path = "/version"});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return told(read_version(answer->content));
}

// --- images

net::Task<Told<bool>> Client::has_image(std::string image) {
  auto answer = co_await ask({.path = "/images/" + encoded(image, kKeptOfImages) + "/exists"});
  if (answer) co_return true;
  if (answer.error().kind == Trouble::Kind::kNotThere) co_return false;
  co_return std::unexpected(std::move(answer.error()));
}

net::Task<Told<std::vector<std::string>>> Client::load_image(http::Body& archive, std::uint64_t bytes) {
  auto answer = co_await ask({.method = Method::kPost,
                              .path = "/images/load",
                              .body = &archive,
                              .body_bytes = bytes,
                              .timeout = kPullTimeout});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return told(read_names(answer->content));
}

// Podman says 200 first and what went wrong later, as a line of JSON.
net::Task<Told<void>> Client::pull_image(std::string image, std::optional<Credentials> credentials) {
  std::string line;
  std::string wrong;
  const auto end_line = [&] {
    if (std::string error = read_pull_error(line); !error.empty()) wrong = std::move(error);
    line.clear();
  };
  Piece tell = [&](std::string_view piece) -> Result<void> {
    for (const char c : piece) {
      if (c == '\n') {
        end_line();
      } else if (line.size() < kLineBytesMax) {
        line += c;
      }
    }
    return {};
  };
  auto answer = co_await ask({.method = Method::kPost,
                              .path = "/images/pull",
                              .query = "policy=missing&quiet=true&reference=" + encoded(image),
                              .auth = credentials ? auth_field(*credentials) : std::string(),
                              .timeout = kPullTimeout,
                              .image = image},
                             std::move(tell));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  end_line();
  if (wrong.empty()) co_return Told<void>{};
  const std::string why = sentence_of({.cause = {}, .message = wrong}, image, {});
  co_return std::unexpected(
      Trouble{Trouble::Kind::kNotThere, "the image " + image + " is not there, and can't be pulled: " + why});
}

net::Task<Told<void>> Client::tag_image(std::string image, std::string repository, std::string tag) {
  return act({.method = Method::kPost,
              .path = "/images/" + encoded(image, kKeptOfImages) + "/tag",
              .query = "repo=" + encoded(repository) + "&tag=" + encoded(tag),
              .image = image});
}

net::Task<Told<void>> Client::untag_image(std::string image, std::string repository, std::string tag) {
  return act({.method = Method::kPost,
              .path = "/images/" + encoded(image, kKeptOfImages) + "/untag",
              .query = "repo=" + encoded(repository) + "&tag=" + encoded(tag),
              .image = image});
}

net::Task<Told<std::vector<Image>>> Client::list_images(std::string repository) {
  auto answer = co_await ask({.path = "/images/json", .query = reference_filter(repository)});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return told(read_images(answer->content));
}

net::Task<Told<void>> Client::remove_image(std::string image) {
  return act({.method = Method::kDelete, .path = "/images/" + encoded(image, kKeptOfImages)});
}

// --- containers

net::Task<Told<std::vector<Container>>> Client::list(Labels labels) {
  auto answer = co_await ask({.path = "/containers/json", .query = "all=true&" + label_filter(labels)});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return told(read_containers(answer->content));
}

net::Task<Told<std::string>> Client::create(ContainerSpec spec) {
  auto answer = co_await ask({.method = Method::kPost,
                              .path = "/containers/create",
                              .content = to_json(spec),
                              .image = spec.image,
                              .command = program_of(spec)});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return told(read_id(answer->content));
}

net::Task<Told<void>> Client::start(std::string container, const ContainerSpec& spec) {
  return act({.method = Method::kPost,
              .path = of_container(container, "/start"),
              .image = spec.image,
              .command = program_of(spec)});
}

net::Task<Told<void>> Client::stop(std::string container, std::uint32_t seconds) {
  return act({.method = Method::kPost,
              .path = of_container(container, "/stop"),
              .query = "timeout=" + std::to_string(seconds),
              .timeout = std::chrono::seconds(seconds) + kAnswerTimeout});
}

net::Task<Told<void>> Client::kill(std::string container, std::string signal) {
  return act({.method = Method::kPost,
              .path = of_container(container, "/kill"),
              .query = "signal=" + encoded(signal)});
}

net::Task<Told<void>> Client::remove(std::string container) {
  auto done = co_await act(
      {.method = Method::kDelete, .path = of_container(container), .query = "force=true&timeout=0"});
  if (!done && done.error().kind == Trouble::Kind::kNotThere) co_return Told<void>{};
  co_return done;
}

net::Task<Told<Inspected>> Client::inspect(std::string container) {
  auto answer = co_await ask({.path = of_container(container, "/json")});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return told(read_inspected(answer->content));
}

net::Task<Told<int>> Client::wait(std::string container, Duration timeout) {
  auto waited = co_await act({.method = Method::kPost,
                              .path = of_container(container, "/wait"),
                              .query = "condition=exited&condition=stopped",
                              .timeout = timeout});
  if (!waited) co_return std::unexpected(std::move(waited.error()));
  auto seen = co_await inspect(container);
  if (!seen) co_return std::unexpected(std::move(seen.error()));
  co_return seen->exit_code;
}

net::Task<Told<std::vector<Usage>>> Client::usage() {
  auto answer = co_await ask({.path = "/containers/stats", .query = "stream=false"});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return told(read_usage(answer->content));
}

net::Task<Told<void>> Client::logs(std::string container, LogQuery query, LogFrames::Tell tell) {
  LogFrames frames;
  Piece piece = [&](std::string_view bytes) { return frames.take(bytes, tell); };
  auto answer = co_await ask({.path = of_container(container, "/logs"),
                              .query = logs_query(query),
                              .timeout = query.follow ? kForever : kAnswerTimeout},
                             std::move(piece));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return Told<void>{};
}

net::Task<Told<std::unique_ptr<LogReading>>> Client::read_logs(std::string container, LogQuery query) {
  Call call{.path = of_container(container, "/logs"),
            .query = logs_query(query),
            .timeout = query.follow ? kForever : kAnswerTimeout};
  auto response = co_await begin(call);
  if (!response) co_return std::unexpected(trouble_of(response.error()));
  if (is_success((*response)->head.status)) co_return std::make_unique<LogReading>(std::move(*response));
  const int status = (*response)->head.status;
  const auto piece = co_await (*response)->read();  // a refusal is short
  co_return refused(status, piece ? net::as_text(*piece) : std::string_view());
}

net::Task<Told<Client::Executed>> Client::exec(std::string container, std::vector<std::string> command,
                                               Duration timeout) {
  auto made = co_await ask({.method = Method::kPost,
                            .path = of_container(container, "/exec"),
                            .content = exec_json({.command = std::move(command)})});
  if (!made) co_return std::unexpected(std::move(made.error()));
  auto id = told(read_id(made->content));
  if (!id) co_return std::unexpected(std::move(id.error()));
  Executed executed;
  LogFrames frames;
  Piece tell = [&](std::string_view bytes) {
    return frames.take(bytes, [&](LogStream /*stream*/, std::string_view text) {
      executed.output += text.substr(0, kExecBytesMax - executed.output.size());
    });
  };
  auto ran = co_await ask({.method = Method::kPost,
                           .path = "/exec/" + encoded(*id) + "/start",
                           .content = R"({"Detach":false,"Tty":false})",
                           .timeout = timeout},
                          std::move(tell));
  if (!ran) co_return std::unexpected(std::move(ran.error()));
  auto seen = co_await inspect_exec(*id);
  if (!seen) co_return std::unexpected(std::move(seen.error()));
  executed.exit_code = seen->exit_code;
  co_return executed;
}

// Podman's answer is a head, and then the streams of the command as they are, in both directions.
net::Task<Told<std::unique_ptr<Exec>>> Client::begin_exec(std::string container, ExecSpec spec) {
  auto made = co_await ask(
      {.method = Method::kPost, .path = of_container(container, "/exec"), .content = exec_json(spec)});
  if (!made) co_return std::unexpected(std::move(made.error()));
  auto id = told(read_id(made->content));
  if (!id) co_return std::unexpected(std::move(id.error()));
  auto stream = co_await way_.connect(at_, kConnectTimeout);
  if (!stream) co_return std::unexpected(trouble_of(stream.error()));
  const net::Buffer room = net::Buffer::acquire();
  http::HeadWriter writer(room.span());
  const std::string content = exec_start_json(spec);
  const auto bytes = write_head(writer, {.method = Method::kPost,
                                         .path = "/exec/" + encoded(*id) + "/start",
                                         .query = {},
                                         .auth = {},
                                         .content_type = "application/json",
                                         .content_bytes = content.size()});
  if (!bytes) co_return std::unexpected(trouble_of(bytes.error()));
  const net::Stream::Slices slices{room.span().first(*bytes), net::as_slice(content), {}};
  if (const auto written = co_await (*stream)->write(slices, kWriteTimeout); !written) {
    co_return std::unexpected(trouble_of(written.error()));
  }
  http::ResponseHead head;
  for (std::size_t end = 0;;) {
    const auto got = co_await (*stream)->read(room.span().subspan(end), kAnswerTimeout);
    if (!got) co_return std::unexpected(trouble_of(got.error()));
    if (*got == 0) co_return std::unexpected(trouble_of({.code = Code::kClosed, .text = "it closed"}));
    end += *got;
    const net::Slice received = room.span().first(end);
    const auto parsed = http::parse_response_head(net::as_text(received), Method::kPost, head);
    if (!parsed) co_return std::unexpected(trouble_of(parsed.error()));
    if (*parsed == 0) continue;
    const net::Slice early = received.subspan(*parsed);
    if (is_success(head.status)) {
      co_return std::make_unique<Exec>(std::move(*id), std::move(*stream), std::string(net::as_text(early)),
                                       spec.terminal);
    }
    http::H1Body body(**stream, Side::kUpstream, head.framing, head.content_length, early,
                      net::Patience(kAnswerTimeout));
    co_return refused(head.status, co_await rest_of(body));
  }
}

net::Task<Told<void>> Client::resize_exec(std::string id, std::uint16_t rows, std::uint16_t columns) {
  return act({.method = Method::kPost,
              .path = "/exec/" + encoded(id) + "/resize",
              .query = "h=" + std::to_string(rows) + "&w=" + std::to_string(columns)});
}

net::Task<Told<ExecSeen>> Client::inspect_exec(std::string id) {
  auto answer = co_await ask({.path = "/exec/" + encoded(id) + "/json"});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return told(read_exec(answer->content));
}

// --- volumes

net::Task<Told<void>> Client::create_volume(std::string name, Labels labels) {
  auto seen = co_await act({.path = "/volumes/" + encoded(name) + "/exists"});
  if (seen || seen.error().kind != Trouble::Kind::kNotThere) co_return seen;
  co_return co_await act(
      {.method = Method::kPost, .path = "/volumes/create", .content = volume_json(name, labels)});
}

net::Task<Told<std::vector<std::string>>> Client::list_volumes(Labels labels) {
  auto answer = co_await ask({.path = "/volumes/json", .query = label_filter(labels)});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return told(read_volumes(answer->content));
}

net::Task<Told<void>> Client::remove_volume(std::string name) {
  auto done =
      co_await act({.method = Method::kDelete, .path = "/volumes/" + encoded(name), .query = "force=true"});
  if (!done && done.error().kind == Trouble::Kind::kNotThere) co_return Told<void>{};
  co_return done;
}

// --- networks

net::Task<Told<std::vector<Network>>> Client::list_networks() {
  auto answer = co_await ask({.path = "/networks/json"});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return told(read_networks(answer->content));
}

net::Task<Told<void>> Client::create_network(NetworkSpec spec) {
  return act({.method = Method::kPost, .path = "/networks/create", .content = network_json(spec)});
}

net::Task<Told<void>> Client::remove_network(std::string name) {
  auto done = co_await act({.method = Method::kDelete, .path = "/networks/" + encoded(name)});
  if (!done && done.error().kind == Trouble::Kind::kNotThere) co_return Told<void>{};
  co_return done;
}

net::Task<Told<void>> Client::events(Labels labels, std::function<void()> tell) {
  Piece piece = [&](std::string_view /*bytes*/) -> Result<void> {
    tell();
    return {};
  };
  auto answer =
      co_await ask({.path = "/events", .query = "stream=true&" + label_filter(labels), .timeout = kForever},
                   std::move(piece));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return Told<void>{};
}

}  // namespace weir::podman
