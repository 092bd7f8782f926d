#include "role/moved_connections.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "net/socket.h"

namespace weir::role {
namespace {

std::uint64_t microseconds(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

Duration duration_of(const handover::Letter& letter, std::string_view key) {
  return std::chrono::microseconds(letter.number(key).value_or(0));
}

void enclose_way(handover::Letter& letter, const std::string& name, net::HaltedWay way) {
  letter.set(name + "_over", std::uint64_t{way.over});
  letter.set(name + "_in_pipe", way.in_pipe);
  if (!way.pipe) return;
  letter.enclose(name + "_read", std::move(way.pipe->read_end));
  letter.enclose(name + "_write", std::move(way.pipe->write_end));
}

net::HaltedWay take_way(handover::Letter& letter, const std::string& name) {
  net::HaltedWay way{.over = letter.number(name + "_over") == 1,
                     .in_pipe = letter.number(name + "_in_pipe").value_or(0),
                     .pipe = {}};
  net::Descriptor read_end = letter.take(name + "_read");
  net::Descriptor write_end = letter.take(name + "_write");
  if (read_end && write_end) way.pipe = net::Pipe{std::move(read_end), std::move(write_end)};
  return way;
}

Result<std::unique_ptr<net::Stream>> take_socket(net::Core& core, handover::Letter& letter,
                                                 std::string_view name) {
  net::Descriptor descriptor = letter.take(name);
  if (!descriptor) return fail(Code::kMalformed, "a connection without its sockets");
  auto socket = net::Socket::create(core.loop(), core.poller(), std::move(descriptor), false);
  if (!socket) return fail(socket.error());
  return std::move(*socket);
}

}  // namespace

handover::Letter to_letter(edge::MovedConnection moved) {
  handover::Letter letter = handover::make_letter(std::string(kPairWord));
  letter.enclose("near", moved.near->plain_socket()->release());
  letter.enclose("far", moved.far->plain_socket()->release());
  enclose_way(letter, "to_far", std::move(moved.carried.halted.to_far));
  enclose_way(letter, "to_near", std::move(moved.carried.halted.to_near));
  letter.set("to_far_bytes", moved.carried.to_far_bytes);
  letter.set("to_near_bytes", moved.carried.to_near_bytes);
  letter.set("near_ended", std::uint64_t{moved.carried.near_ended});
  letter.set("peer", moved.peer.to_string());
  letter.set("local_port", std::uint64_t{moved.local_port});
  letter.set("id", std::move(moved.id));
  letter.set("listener", std::move(moved.listener));
  letter.set("server_name", std::move(moved.server_name));
  letter.set("service", std::move(moved.service));
  letter.set("endpoint", std::move(moved.endpoint));
  letter.set("tries", std::uint64_t{moved.tries});
  letter.set("age_us", microseconds(moved.age));
  letter.set("connect_us", microseconds(moved.connect_took));
  return letter;
}

handover::Letter to_letter(http::Incoming idle) {
  handover::Letter letter = handover::make_letter(std::string(kIdleWord));
  letter.enclose("near", idle.stream->plain_socket()->release());
  letter.set("peer", idle.peer.to_string());
  letter.set("local_port", std::uint64_t{idle.local_port});
  letter.set("may_begin_h2", std::uint64_t{idle.may_begin_h2});
  return letter;
}

Result<edge::MovedConnection> read_moved(net::Core& core, handover::Letter letter) {
  edge::MovedConnection moved;
  auto near = take_socket(core, letter, "near");
  if (!near) return fail(near.error());
  auto far = take_socket(core, letter, "far");
  if (!far) return fail(far.error());
  moved.near = std::move(*near);
  moved.far = std::move(*far);
  const auto peer = net::Address::parse(letter.get("peer"));
  if (!peer) return fail(peer.error());
  moved.peer = *peer;
  moved.carried.halted = {take_way(letter, "to_far"), take_way(letter, "to_near")};
  moved.carried.to_far_bytes = letter.number("to_far_bytes").value_or(0);
  moved.carried.to_near_bytes = letter.number("to_near_bytes").value_or(0);
  moved.carried.near_ended = letter.number("near_ended") == 1;
  moved.local_port = static_cast<std::uint16_t>(letter.number("local_port").value_or(0));
  moved.id = letter.get("id");
  moved.listener = letter.get("listener");
  moved.server_name = letter.get("server_name");
  moved.service = letter.get("service");
  moved.endpoint = letter.get("endpoint");
  moved.tries = static_cast<std::uint32_t>(letter.number("tries").value_or(0));
  moved.age = duration_of(letter, "age_us");
  moved.connect_took = duration_of(letter, "connect_us");
  return moved;
}

Result<http::Incoming> read_idle(net::Core& core, handover::Letter letter) {
  auto near = take_socket(core, letter, "near");
  if (!near) return fail(near.error());
  const auto peer = net::Address::parse(letter.get("peer"));
  if (!peer) return fail(peer.error());
  return http::Incoming{.stream = std::move(*near),
                        .peer = *peer,
                        .local_port = static_cast<std::uint16_t>(letter.number("local_port").value_or(0)),
                        .may_begin_h2 = letter.number("may_begin_h2") == 1};
}

}  // namespace weir::role
