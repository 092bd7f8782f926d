// responder: answers each query by UDP with the same A record, whatever it asks for, and reads nothing but
// its length. It is the floor of `./dev bench dns`: what the kernel's UDP alone costs a name server on this
// machine. One thread, loopback only, queries without EDNS: a measuring tool, never a server.
//
//   responder --listen PORT
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "loopback.h"

namespace {

using namespace weir::bench;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kQueryMax = 512;  // RFC 1035, without EDNS
constexpr std::size_t kHeader = 12;
// The name of the question, A, IN, 300 seconds, 10.0.0.1.
constexpr std::array<unsigned char, 16> kRecord{0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 1, 0x2C, 0, 4, 10, 0, 0, 1};

struct Batch {
  std::array<std::array<unsigned char, kQueryMax + kRecord.size()>, kBatch> messages;
  std::array<sockaddr_in, kBatch> peers;
  std::array<iovec, kBatch> parts;
  std::array<mmsghdr, kBatch> heads;
};

void expect(Batch& batch) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    batch.parts[i] = {.iov_base = batch.messages[i].data(), .iov_len = kQueryMax};
    batch.heads[i] = {};
    batch.heads[i].msg_hdr = {.msg_name = &batch.peers[i],
                              .msg_namelen = sizeof(sockaddr_in),
                              .msg_iov = &batch.parts[i],
                              .msg_iovlen = 1};
  }
}

// The query becomes its reply where it is.
void reply(unsigned char* message, std::size_t bytes, iovec& part) {
  if (bytes < kHeader) std::abort();  // not a query
  message[2] |= 0x84;                 // QR, AA
  message[7] = 1;                     // ANCOUNT
  std::memcpy(message + bytes, kRecord.data(), kRecord.size());
  part.iov_len = bytes + kRecord.size();
}

[[noreturn]] void run(int fd) {
  static Batch batch;
  for (;;) {
    expect(batch);
    const int got = recvmmsg(fd, batch.heads.data(), kBatch, MSG_WAITFORONE, nullptr);
    if (got < 0) die("recvmmsg");
    for (int i = 0; i < got; ++i) reply(batch.messages[i].data(), batch.heads[i].msg_len, batch.parts[i]);
    for (int sent = 0; sent < got;) {
      const int now = sendmmsg(fd, batch.heads.data() + sent, static_cast<unsigned>(got - sent), 0);
      if (now < 0) die("sendmmsg");
      sent += now;
    }
  }
}

}  // namespace

int main(int count, char** values) {
  if (count != 3 || std::string_view(values[1]) != "--listen") {
    std::fprintf(stderr, "usage: responder --listen PORT\n");
    return 2;
  }
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(static_cast<std::uint16_t>(std::atoi(values[2])));
  if (fd < 0) die("socket");
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("bind");
  run(fd);
}
