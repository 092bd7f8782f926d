#include "channel/messages.h"

#include <channel.pb.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace weir::channel {
namespace {

constexpr std::size_t kTextBytesMax = 1024;

constexpr Error kUnreadable{.code = Code::kInvalid, .text = "a message of a channel can't be read"};

std::int64_t to_ms(WallTime time) { return time.time_since_epoch().count(); }
// Beyond the years that can be written, a time is no time.
Result<WallTime> to_time(std::int64_t ms) {
  constexpr std::int64_t kFar = std::int64_t{253'402'300'800} * 1000;  // the year 10000
  if (ms < 0 || ms >= kFar) return fail(Code::kInvalid, "a time of a channel is none");
  return WallTime(std::chrono::milliseconds(ms));
}

template <class Message>
std::string bytes_of(const Message& message) {
  return message.SerializeAsString();
}

template <class Message>
bool parse(std::string_view bytes, Message& into) {
  return bytes.size() <= kChannelMessageBytesMax &&
         into.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void write(const TerminalSize& size, v1::ChannelSize& to) {
  to.set_rows(size.rows);
  to.set_columns(size.columns);
}
TerminalSize read(const v1::ChannelSize& size) {
  const auto bounded = [](std::uint32_t number) {
    return static_cast<std::uint16_t>(std::min<std::uint32_t>(number, kTerminalSizeMax));
  };
  return {bounded(size.rows()), bounded(size.columns())};
}

Result<ChannelLines> read(const v1::ChannelLines& lines) {
  if (static_cast<std::size_t>(lines.lines_size()) > kLinesMax) {
    return fail(Code::kInvalid, "a message of a channel has too many lines");
  }
  ChannelLines read;
  read.reserve(static_cast<std::size_t>(lines.lines_size()));
  for (const v1::ChannelLine& line : lines.lines()) {
    const auto time = to_time(line.time_ms());
    if (!time) return fail(time.error());
    if (line.container().size() > kTextBytesMax || line.text().size() > kLineBytesMax) {
      return fail(Code::kInvalid, "a line of a channel is too long");
    }
    read.push_back({.container = line.container(), .err = line.err(), .time = *time, .text = line.text()});
  }
  return read;
}

void write(const RequestsWanted& requests, v1::ChannelRequestsWanted& to) {
  to.set_service(requests.service);
  to.set_verb(static_cast<v1::ChannelRequestsWanted::Verb>(requests.verb));
  to.set_id(requests.id);
}
Result<RequestsWanted> read(const v1::ChannelRequestsWanted& requests) {
  if (requests.service().empty() || requests.service().size() > kTextBytesMax ||
      requests.id().size() > kTextBytesMax) {
    return fail(Code::kInvalid, "a channel is about requests of no service");
  }
  const auto verb = static_cast<RequestsVerb>(requests.verb());
  if (requests.verb() < 0 || verb > RequestsVerb::kReplay) {
    return fail(Code::kInvalid, "a channel wants something of requests that is not known here");
  }
  return RequestsWanted{.service = requests.service(), .verb = verb, .id = requests.id()};
}

Result<ChannelRequests> read(v1::ChannelRequests& requests) {
  std::size_t bytes = 0;
  for (const std::string& one : requests.requests()) bytes += one.size();
  if (static_cast<std::size_t>(requests.requests_size()) > kRequestsMax || bytes > kRequestBytesMax) {
    return fail(Code::kInvalid, "a message of a channel has too many requests");
  }
  return ChannelRequests{{requests.requests().begin(), requests.requests().end()}};
}

}  // namespace

std::string check_command(const std::vector<std::string>& command) {
  if (command.empty() || command.front().empty()) return "must name a command";
  if (command.size() > kCommandWordsMax) return "must have at most 256 words";
  std::size_t bytes = 0;
  for (const std::string& word : command) {
    if (word.find('\0') != std::string::npos) return "must have no word with a NUL in it";
    bytes += word.size();
  }
  return bytes > kCommandBytesMax ? "must have at most 32768 bytes" : "";
}

std::string serialize(const ChannelOpen& open) {
  v1::ChannelOpen to;
  to.set_instance(open.instance);
  to.set_container(open.container);
  if (const auto* logs = std::get_if<LogsWanted>(&open.what); logs != nullptr) {
    v1::ChannelLogs& wanted = *to.mutable_logs();
    wanted.set_follow(logs->follow);
    if (logs->since) wanted.set_since_ms(to_ms(*logs->since));
    if (logs->tail) wanted.set_tail(*logs->tail);
  } else if (const auto* requests = std::get_if<RequestsWanted>(&open.what); requests != nullptr) {
    write(*requests, *to.mutable_requests());
  } else {
    const auto& exec = std::get<ExecWanted>(open.what);
    v1::ChannelExec& wanted = *to.mutable_exec();
    for (const std::string& word : exec.command) wanted.add_command(word);
    wanted.set_terminal(exec.terminal);
    write(exec.size, *wanted.mutable_size());
  }
  return bytes_of(to);
}

Result<ChannelOpen> parse_channel_open(std::string_view message) {
  v1::ChannelOpen from;
  if (!parse(message, from)) return fail(kUnreadable);
  if (from.instance().empty() || from.instance().size() > kTextBytesMax ||
      from.container().size() > kTextBytesMax) {
    return fail(Code::kInvalid, "a channel is about no instance");
  }
  ChannelOpen open{.instance = from.instance(), .container = from.container(), .what = {}};
  if (from.has_logs()) {
    LogsWanted logs{.follow = from.logs().follow(), .since = {}, .tail = {}};
    if (from.logs().has_since_ms()) {
      const auto since = to_time(from.logs().since_ms());
      if (!since) return fail(since.error());
      logs.since = *since;
    }
    if (from.logs().has_tail()) logs.tail = std::min(from.logs().tail(), kTailMax);
    open.what = logs;
    return open;
  }
  if (from.has_requests()) {
    auto requests = read(from.requests());
    if (!requests) return fail(requests.error());
    open.what = std::move(*requests);
    return open;
  }
  if (!from.has_exec()) return fail(Code::kInvalid, "a channel is about nothing that is known here");
  ExecWanted exec{.command = {from.exec().command().begin(), from.exec().command().end()},
                  .terminal = from.exec().terminal(),
                  .size = read(from.exec().size())};
  if (!check_command(exec.command).empty()) return fail(Code::kInvalid, "the command of a channel is none");
  open.what = std::move(exec);
  return open;
}

std::string serialize(const FromMachine& said) {
  v1::ChannelFromMachine to;
  if (const auto* id = std::get_if<ChannelId>(&said); id != nullptr) {
    to.set_id(id->id);
  } else if (const auto* lines = std::get_if<ChannelLines>(&said); lines != nullptr) {
    v1::ChannelLines& all = *to.mutable_lines();
    for (const ChannelLine& line : *lines) {
      v1::ChannelLine& one = *all.add_lines();
      one.set_container(line.container);
      one.set_err(line.err);
      one.set_time_ms(to_ms(line.time));
      one.set_text(line.text);
    }
  } else if (const auto* output = std::get_if<ChannelOutput>(&said); output != nullptr) {
    (output->err ? to.mutable_err() : to.mutable_out())->assign(output->bytes);
  } else if (const auto* requests = std::get_if<ChannelRequests>(&said); requests != nullptr) {
    v1::ChannelRequests& all = *to.mutable_requests();
    for (const std::string& one : requests->requests) all.add_requests(one);
  } else {
    const auto& end = std::get<ChannelEnd>(said);
    to.mutable_end()->set_exit_code(end.exit_code);
    to.mutable_end()->set_reason(end.reason);
  }
  return bytes_of(to);
}

Result<FromMachine> parse_from_machine(std::string_view message) {
  v1::ChannelFromMachine from;
  if (!parse(message, from)) return fail(kUnreadable);
  switch (from.said_case()) {
    case v1::ChannelFromMachine::kId:
      if (from.id().empty() || from.id().size() > kTextBytesMax) break;
      return ChannelId{from.id()};
    case v1::ChannelFromMachine::kLines: {
      auto lines = read(from.lines());
      if (!lines) return fail(lines.error());
      return std::move(*lines);
    }
    case v1::ChannelFromMachine::kOut:
      if (from.out().size() > kChannelBytesMax) break;
      return ChannelOutput{.err = false, .bytes = std::move(*from.mutable_out())};
    case v1::ChannelFromMachine::kErr:
      if (from.err().size() > kChannelBytesMax) break;
      return ChannelOutput{.err = true, .bytes = std::move(*from.mutable_err())};
    case v1::ChannelFromMachine::kRequests: {
      auto requests = read(*from.mutable_requests());
      if (!requests) return fail(requests.error());
      return std::move(*requests);
    }
    case v1::ChannelFromMachine::kEnd:
      if (from.end().reason().size() > kTextBytesMax) break;
      return ChannelEnd{.exit_code = from.end().exit_code(), .reason = from.end().reason()};
    case v1::ChannelFromMachine::SAID_NOT_SET: break;
  }
  return fail(kUnreadable);
}

std::string serialize(const ToMachine& said) {
  v1::ChannelToMachine to;
  if (const auto* input = std::get_if<ChannelInput>(&said); input != nullptr) {
    to.set_in(input->bytes);
  } else if (const auto* size = std::get_if<TerminalSize>(&said); size != nullptr) {
    write(*size, *to.mutable_size());
  } else {
    to.set_end_of_in(true);
  }
  return bytes_of(to);
}

Result<ToMachine> parse_to_machine(std::string_view message) {
  v1::ChannelToMachine from;
  if (!parse(message, from)) return fail(kUnreadable);
  if (from.has_size()) return read(from.size());
  if (from.end_of_in()) return ChannelInputEnd{};
  if (from.said_case() != v1::ChannelToMachine::kIn || from.in().size() > kChannelBytesMax) {
    return fail(kUnreadable);
  }
  return ChannelInput{std::move(*from.mutable_in())};
}

}  // namespace weir::channel
