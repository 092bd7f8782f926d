#include "cloud/smartos.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "auth/crypto.h"
#include "base/error.h"
#include "base/text.h"
#include "cloud/json.h"
#include "net/core.h"
#include "net/epoll.h"
#include "net/network.h"

namespace weir::cloud {
namespace {

constexpr std::string_view kSerialPort = "/dev/ttyS1";
constexpr std::array kSockets{
    std::string_view("/.zonecontrol/metadata.sock"),         // of a zone of SmartOS itself
    std::string_view("/native/.zonecontrol/metadata.sock"),  // of a zone that looks like Linux (LX)
};
constexpr std::string_view kFirmware = "/sys/class/dmi/id/product_name";
constexpr std::string_view kProduct = "SmartDC";  // "SmartDC HVM"
constexpr std::size_t kHexDigits = 8;

// CRC-32 of IEEE 802.3, bit by bit: the lines are short and few.
std::uint32_t crc32_of(std::string_view text) {
  constexpr std::uint32_t kPolynomial = 0xedb88320U;
  std::uint32_t crc = UINT32_MAX;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
  }
  return ~crc;
}

std::string hex_of(std::uint32_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned shift = 32; shift > 0; shift -= 4) text += kDigits[(number >> (shift - 4)) & 15U];
  return text;
}

// Up to the next space, which is taken as well.
std::string_view next_word(std::string_view& text) {
  const std::size_t space = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, space);
  text.remove_prefix(std::min(space + 1, text.size()));
  return word;
}

std::unexpected<std::string> strange(const char* what) {
  return std::unexpected(std::string("SmartOS answers with ") + what);
}

// A private network's, or a link's own (RFC 1918, 3927, 4193, 4291, 6598).
bool is_private(const net::Address& address) {
  const auto& octets = address.bytes();
  if (address.is_v6()) {
    return (octets[0] & 0xfeU) == 0xfcU || (octets[0] == 0xfeU && (octets[1] & 0xc0U) == 0x80U);
  }
  return octets[0] == 10 || (octets[0] == 172 && (octets[1] & 0xf0U) == 16) ||
         (octets[0] == 192 && octets[1] == 168) || (octets[0] == 100 && (octets[1] & 0xc0U) == 64) ||
         (octets[0] == 169 && octets[1] == 254);
}

// "10.0.0.4/24", "10.0.0.4"; what is no address ("dhcp", "addrconf") is passed over.
void add_address(std::string_view text, std::vector<net::Address>& to) {
  const auto address = net::Address::parse_ip(text.substr(0, text.find('/')), 0);
  if (address && !address->is_any() && !address->is_loopback()) to.push_back(*address);
}

void add_addresses(const Tree& nic, std::vector<net::Address>& to) {
  if (const Tree* all = list_at(nic, "ips"); all != nullptr) {
    for (const Tree& one : *all) {
      if (one.is_string()) add_address(one.get_ref<const std::string&>(), to);
    }
  }
  add_address(text_at(nic, "ip"), to);
}

// The lines of a socket or a serial port, until it is too late.
class Lines {
 public:
  Lines(net::Descriptor port, Duration timeout)
      : port_(std::move(port)), is_serial_(::isatty(port_.get()) == 1), until_(clock_.now() + timeout) {}

  std::expected<void, std::string> say(const std::string& line) {
    const std::string text = line + '\n';
    for (std::size_t done = 0; done < text.size();) {
      const std::string_view left = std::string_view(text).substr(done);
      const ssize_t wrote = is_serial_ ? ::write(port_.get(), left.data(), left.size())
                                       : ::send(port_.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (wrote > 0) {
        done += static_cast<std::size_t>(wrote);
      } else if (wrote < 0 && errno != EAGAIN && errno != EINTR) {
        return std::unexpected("SmartOS can't be asked: " + std::string(std::strerror(errno)));
      } else if (!wait_for(POLLOUT)) {
        return std::unexpected("SmartOS takes no questions");
      }
    }
    return {};
  }

  std::expected<std::string, std::string> hear() {
    for (;;) {
      if (const std::size_t end = heard_.find('\n'); end != std::string::npos) {
        std::string line = heard_.substr(0, end);
        heard_.erase(0, end + 1);
        return line;
      }
      if (heard_.size() > kSmartOsLineBytesMax) return strange("a line that is too long");
      std::array<char, 4096> piece{};
      const ssize_t got = ::read(port_.get(), piece.data(), piece.size());
      if (got > 0) {
        heard_.append(piece.data(), static_cast<std::size_t>(got));
      } else if (got == 0) {
        return std::unexpected("SmartOS has hung up");
      } else if (errno != EAGAIN && errno != EINTR) {
        return std::unexpected("SmartOS can't be heard: " + std::string(std::strerror(errno)));
      } else if (!wait_for(POLLIN)) {
        return std::unexpected("SmartOS does not answer");
      }
    }
  }

  // False: it is too late.
  bool wait_for(short events, Duration at_most = Duration::max()) {
    const Duration left = std::min(until_ - clock_.now(), at_most);
    if (left <= Duration::zero()) return false;
    pollfd one{.fd = port_.get(), .events = events, .revents = 0};
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    ::poll(&one, 1, static_cast<int>(milliseconds));
    return clock_.now() < until_;
  }
  int descriptor() const { return port_.get(); }
  bool is_serial() const { return is_serial_; }

 private:
  net::SystemClock clock_;
  net::Descriptor port_;
  bool is_serial_;
  Instant until_;
  std::string heard_;
};

std::string why_not(const std::string& path) { return path + ": " + std::strerror(errno); }

std::expected<net::Descriptor, std::string> open_port(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return std::unexpected(why_not(path));
  if (S_ISCHR(found.st_mode)) {
    net::Descriptor port(::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (!port) return std::unexpected(why_not(path));
    if (::isatty(port.get()) == 1) return port;
  }
  sockaddr_un address{};
  if (!S_ISSOCK(found.st_mode) || path.size() >= sizeof address.sun_path) {
    return std::unexpected(path + " is neither a socket nor a serial port");
  }
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  net::Descriptor port(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!port || ::connect(port.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return std::unexpected(why_not(path));
  }
  return port;
}

// A serial port is shared with other programs, which lock it as this does, and may be in the midst of what
// one of them left.
std::expected<void, std::string> take_serial_port(Lines& lines) {
  constexpr Duration kPause = std::chrono::milliseconds(20);
  while (::lockf(lines.descriptor(), F_TLOCK, 0) != 0) {
    if ((errno != EAGAIN && errno != EACCES) || !lines.wait_for(0, kPause)) {
      return std::unexpected("the serial port is locked by another program");
    }
  }
  termios settings{};
  const bool known = ::tcgetattr(lines.descriptor(), &settings) == 0;
  ::cfmakeraw(&settings);
  settings.c_cflag |= CLOCAL | CREAD;
  ::cfsetspeed(&settings, B115200);
  if (!known || ::tcsetattr(lines.descriptor(), TCSAFLUSH, &settings) != 0) {
    return std::unexpected("the serial port can't be set up");
  }
  if (auto said = lines.say(""); !said) return said;
  for (;;) {
    const auto line = lines.hear();
    if (!line) return std::unexpected(line.error());
    if (*line == "invalid command") return {};
    if (*line != "FAILURE") continue;  // of before
    if (auto said = lines.say(""); !said) return said;
  }
}

// Empty: there is no such value.
std::expected<std::string, std::string> ask_for(Lines& lines, std::uint32_t id, std::string_view key) {
  if (auto said = lines.say(smartos_request(id, key)); !said) return std::unexpected(said.error());
  const auto line = lines.hear();
  if (!line) return std::unexpected(line.error());
  auto value = read_smartos_answer(id, *line);
  if (!value) return std::unexpected(value.error());
  return std::move(*value).value_or("");
}

}  // namespace

std::string smartos_port(const std::string& root) {
  for (const std::string_view socket : kSockets) {
    struct stat found{};
    const std::string path = root + std::string(socket);
    if (::stat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) return path;
  }
  std::string product;
  std::ifstream firmware(root + std::string(kFirmware));
  std::getline(firmware, product);
  return product.starts_with(kProduct) ? root + std::string(kSerialPort) : std::string();
}

std::string smartos_request(std::uint32_t id, std::string_view key) {
  const std::string body = hex_of(id) + " GET " + auth::to_base64(auth::bytes_of(key));
  return "V2 " + std::to_string(body.size()) + ' ' + hex_of(crc32_of(body)) + ' ' + body;
}

std::expected<std::optional<std::string>, std::string> read_smartos_answer(std::uint32_t id,
                                                                           std::string_view line) {
  if (next_word(line) != "V2") return strange("something else than a frame of version 2");
  const auto size = parse_decimal(next_word(line));
  const std::string_view sum = next_word(line);
  if (!size || *size != line.size()) return strange("a frame of another length than it says");
  if (sum != hex_of(crc32_of(line))) return strange("a frame whose checksum is wrong");
  if (line.substr(0, kHexDigits + 1) != hex_of(id) + ' ') return strange("what was not asked for");
  line.remove_prefix(kHexDigits + 1);
  const std::string_view word = next_word(line);
  if (word == "NOTFOUND") return std::nullopt;
  if (word != "SUCCESS") return strange("neither a value nor that there is none");
  auto value = auth::from_base64(line);
  if (!value) return strange("a value that is not base64");
  return value;
}

void put_smartos_addresses(std::string_view nics, Machine& machine) {
  const Tree tree = parse_json(nics);
  if (!tree.is_array()) return;
  std::vector<net::Address> addresses;
  for (const bool primary : {true, false}) {
    for (const Tree& nic : tree) {
      const bool is_primary = flag_at(nic, "primary") || text_at(nic, "primary") == "true";
      if (is_primary == primary) add_addresses(nic, addresses);
    }
  }
  for (const bool v6 : {false, true}) {  // as of the other clouds
    for (const net::Address& address : addresses) {
      if (address.is_v6() != v6) continue;
      std::string& to = is_private(address) ? machine.private_address : machine.public_address;
      if (to.empty()) to = address.ip();
    }
  }
}

std::expected<Machine, std::string> ask_smartos(const std::string& path, Random& random, Duration timeout) {
  auto port = open_port(path);
  if (!port) return std::unexpected(port.error());
  Lines lines(std::move(*port), timeout);
  if (lines.is_serial()) {
    if (auto taken = take_serial_port(lines); !taken) return std::unexpected(taken.error());
  }
  if (auto said = lines.say("NEGOTIATE V2"); !said) return std::unexpected(said.error());
  const auto agreed = lines.hear();
  if (!agreed) return std::unexpected(agreed.error());
  if (*agreed != "V2_OK") return strange("another version of its protocol than 2");

  std::array<std::string, 3> values;
  constexpr std::array<std::string_view, values.size()> kKeys{"sdc:uuid", "sdc:datacenter_name", "sdc:nics"};
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto value = ask_for(lines, static_cast<std::uint32_t>(random.next()), kKeys[i]);
    if (!value) return std::unexpected(value.error());
    values[i] = std::move(*value);
  }
  Machine machine{.provider = "joyent",
                  .region = plain_word(values[1]),
                  .zone = {},
                  .city = {},
                  .instance = plain_word(values[0]),
                  .private_address = {},
                  .public_address = {}};
  if (machine.instance.empty()) return strange("no sdc:uuid");
  machine.city = city_of(machine.provider, machine.region);
  put_smartos_addresses(values[2], machine);
  return machine;
}

}  // namespace weir::cloud
