#include "cloud/smartos.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "auth/crypto.h"
#include "net/epoll.h"

namespace weir::cloud {
namespace {

using namespace std::chrono_literals;
using Values = std::map<std::string, std::string, std::less<>>;

class Place {
 public:
  Place() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return path_ + name; }
  void put(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(file(name)).parent_path());
    std::ofstream(file(name)) << text;
  }
  net::Descriptor listen(const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(file(name)).parent_path());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    file(name).copy(address.sun_path, sizeof address.sun_path - 1);
    net::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(socket.get(), 1) == 0);
    return socket;
  }

 private:
  std::string path_ = (std::filesystem::temp_directory_path() / "weir-smartos-XXXXXX").string();
};

// A frame is written as a request is, so that of an answer is made of it: with the same number, and what it
// says in place of what it asks.
std::string answer_to(std::uint32_t id, const std::string& words) {
  // V2 LENGTH SUM ID GET KEY: the sum of a body is found by asking for it.
  const std::string body = smartos_request(id, "").substr(15, 8) + ' ' + words;
  std::uint32_t sum = UINT32_MAX;
  for (const char c : body) {
    sum ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1U) ^ (0xedb88320U & (0U - (sum & 1U)));
  }
  std::string hex;
  for (int shift = 28; shift >= 0; shift -= 4) hex += "0123456789abcdef"[(~sum >> shift) & 15U];
  return "V2 " + std::to_string(body.size()) + ' ' + hex + ' ' + body;
}
std::string in_base64(const std::string& text) { return auth::to_base64(auth::bytes_of(text)); }

// Answers by lines what is asked by lines, until it is hung up on; hangs up where the answer is empty.
class Host {
 public:
  Host(net::Descriptor port, Values answers)
      : port_(std::move(port)), answers_(std::move(answers)), thread_([this] { serve(); }) {}
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() { thread_.join(); }

 private:
  void serve() {
    sockaddr_un from{};
    socklen_t size = sizeof from;
    if (const int accepted = ::accept(port_.get(), reinterpret_cast<sockaddr*>(&from), &size);
        accepted >= 0) {
      port_ = net::Descriptor(accepted);
    }
    std::string line;
    char c = 0;
    while (::read(port_.get(), &c, 1) == 1) {
      if (c != '\n') {
        line += c;
        continue;
      }
      const std::string answer = answer_of(line);
      line.clear();
      if (answer.empty()) break;
      if (::write(port_.get(), answer.data(), answer.size()) < 0) break;
    }
    port_ = net::Descriptor();
  }
  std::string answer_of(const std::string& line) {
    if (line.empty() && std::exchange(fails_, false)) return "half of a frame\nFAILURE\n";
    if (!line.starts_with("V2 ")) {
      const auto found = answers_.find(line);
      return found == answers_.end() ? "invalid command\n" : found->second;
    }
    const std::size_t at = line.rfind(" GET ");
    const auto id = static_cast<std::uint32_t>(std::stoul(line.substr(at - 8, 8), nullptr, 16));
    const auto key = auth::from_base64(line.substr(at + 5)).value_or("");
    if (line != smartos_request(id, key)) return "invalid command\n";
    const auto found = answers_.find(key);
    return answer_to(id, found == answers_.end() ? "NOTFOUND" : "SUCCESS " + in_base64(found->second)) + '\n';
  }

  net::Descriptor port_;
  Values answers_;
  bool fails_ = true;  // at the first line of nothing
  std::thread thread_;
};

const Values kValues{{"NEGOTIATE V2", "V2_OK\n"},
                     {"sdc:uuid", "7a3c1f60-0f0e"},
                     {"sdc:datacenter_name", "us-sw-1"},
                     {"sdc:nics", R"([{"ip":"10.88.88.7","ips":["10.88.88.7/24"]},
                     {"primary":true,"ip":"198.51.100.10","ips":["198.51.100.10/24","addrconf"]}])"}};
const Machine kMachine{.provider = "joyent",
                       .region = "us-sw-1",
                       .zone = "",
                       .city = "las-vegas",
                       .instance = "7a3c1f60-0f0e",
                       .private_address = "10.88.88.7",
                       .public_address = "198.51.100.10"};

std::expected<Machine, std::string> machine_of(Values values, Duration timeout = 5s) {
  const Place place;
  const Host host(place.listen("/metadata.sock"), std::move(values));
  Random random(1);
  return ask_smartos(place.file("/metadata.sock"), random, timeout);
}
Values with(const std::string& key, const std::string& value) {
  Values values = kValues;
  values[key] = value;
  return values;
}

TEST_CASE("a request is a frame with its length, its checksum and its number") {
  CHECK(smartos_request(0xdc4fae17, "sdc:uuid") == "V2 25 8cf8e622 dc4fae17 GET c2RjOnV1aWQ=");
}

TEST_CASE("an answer is taken when all of it is right") {
  const auto read = [](std::string_view line) { return read_smartos_answer(0xdc4fae17, line); };
  CHECK(read(answer_to(0xdc4fae17, "SUCCESS aGVsbG8=")).value() == "hello");
  CHECK(read(answer_to(0xdc4fae17, "SUCCESS")).value() == "");
  CHECK_FALSE(read(answer_to(0xdc4fae17, "NOTFOUND")).value());
  CHECK(read("invalid command").error() == "SmartOS answers with something else than a frame of version 2");
  CHECK(read("").error() == "SmartOS answers with something else than a frame of version 2");
  CHECK(read("V2 18 00000000 dc4fae17 NOTFOUND").error() ==
        "SmartOS answers with a frame of another length than it says");
  CHECK(read("V2 -1 00000000 dc4fae17 NOTFOUND").error() ==
        "SmartOS answers with a frame of another length than it says");
  CHECK(read("V2 17 00000000 dc4fae17 NOTFOUND").error() ==
        "SmartOS answers with a frame whose checksum is wrong");
  CHECK(read(answer_to(0xdc4fae18, "NOTFOUND")).error() == "SmartOS answers with what was not asked for");
  CHECK(read(answer_to(0xdc4fae17, "FAILURE")).error() ==
        "SmartOS answers with neither a value nor that there is none");
  CHECK(read(answer_to(0xdc4fae17, "SUCCESS ?")).error() ==
        "SmartOS answers with a value that is not base64");
}

TEST_CASE("of the networks, the public and the private address of the primary first, IPv4 before IPv6") {
  const auto addresses = [](std::string_view nics) {
    Machine machine;
    put_smartos_addresses(nics, machine);
    return machine.public_address + ' ' + machine.private_address;
  };
  CHECK(addresses(R"([{"ip":"198.51.100.1"},{"primary":"true","ip":"198.51.100.2"}])") == "198.51.100.2 ");
  CHECK(addresses(R"([{"ips":["2001:db8::1/64","198.51.100.1/24"]}])") == "198.51.100.1 ");
  CHECK(addresses(R"([{"ips":["fd00::1/64","2001:db8::1/64","fe80::1"]}])") == "2001:db8::1 fd00::1");
  for (const char* one : {"10.0.0.1", "172.31.0.1", "192.168.0.1", "100.64.0.1", "169.254.0.1"}) {
    CHECK(addresses(R"([{"ip":")" + std::string(one) + R"("}])") == " " + std::string(one));
  }
  for (const char* one : {"172.32.0.1", "192.169.0.1", "100.128.0.1", "11.0.0.1"}) {
    CHECK(addresses(R"([{"ip":")" + std::string(one) + R"("}])") == std::string(one) + ' ');
  }
  for (const char* none : {"", "{}", "[1]", R"([{"ip":"dhcp"}])", R"([{"ips":[1,"$(reboot)/1"]}])",
                           R"([{"ip":"0.0.0.0"},{"ip":"127.0.0.1"}])"}) {
    CHECK(addresses(none) == " ");
  }
}

TEST_CASE("a zone asks by a Unix socket") {
  CHECK(machine_of(kValues) == kMachine);
  Values few = kValues;
  few.erase("sdc:nics");
  few.erase("sdc:datacenter_name");
  CHECK(machine_of(few) == Machine{"joyent", "", "", "", "7a3c1f60-0f0e", "", ""});
}

TEST_CASE("a virtual machine asks by a serial port, whatever was left there") {
  net::Descriptor host_side(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(::grantpt(host_side.get()) == 0);
  REQUIRE(::unlockpt(host_side.get()) == 0);
  const std::string path = ::ptsname(host_side.get());
  // As long as it is open somewhere, the host's side has no end.
  const net::Descriptor kept(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  Values values = kValues;
  values["hang up"] = "";
  const Host host(std::move(host_side), values);
  Random random(1);
  CHECK(ask_smartos(path, random) == kMachine);
  CHECK(::write(kept.get(), "hang up\n", 8) == 8);
}

TEST_CASE("what is no answer is told, and nobody is waited for forever") {
  CHECK(machine_of(with("NEGOTIATE V2", "invalid command\n")).error() ==
        "SmartOS answers with another version of its protocol than 2");
  CHECK(machine_of(with("NEGOTIATE V2", "")).error() == "SmartOS has hung up");
  CHECK(machine_of(with("NEGOTIATE V2", "V2_OK"), 50ms).error() == "SmartOS does not answer");
  CHECK(machine_of(with("NEGOTIATE V2", std::string(kSmartOsLineBytesMax + 1, 'x'))).error() ==
        "SmartOS answers with a line that is too long");
  CHECK(machine_of(with("sdc:uuid", "two words")).error() == "SmartOS answers with no sdc:uuid");
  CHECK(machine_of(with("sdc:datacenter_name", "a b"))->region.empty());
  const Place place;
  place.put("/file", "text");
  Random random(1);
  CHECK(ask_smartos(place.file("/file"), random)
            .error()
            .ends_with("/file is neither a socket nor a serial port"));
  CHECK(ask_smartos("/dev/null", random).error() == "/dev/null is neither a socket nor a serial port");
  CHECK(ask_smartos(place.file("/none"), random).error().ends_with("/none: No such file or directory"));
  {
    const net::Descriptor gone = place.listen("/gone");
  }
  CHECK(ask_smartos(place.file("/gone"), random).error().ends_with("/gone: Connection refused"));
}

TEST_CASE("where SmartOS is asked, and that nothing is written to the serial port of others") {
  const Place place;
  CHECK(smartos_port(place.file("")).empty());
  place.put("/sys/class/dmi/id/product_name", "KVM\n");
  CHECK(smartos_port(place.file("")).empty());
  place.put("/sys/class/dmi/id/product_name", "SmartDC HVM\n");
  CHECK(smartos_port(place.file("")) == place.file("/dev/ttyS1"));
  const net::Descriptor linux_like = place.listen("/native/.zonecontrol/metadata.sock");
  CHECK(smartos_port(place.file("")) == place.file("/native/.zonecontrol/metadata.sock"));
  const net::Descriptor own = place.listen("/.zonecontrol/metadata.sock");
  CHECK(smartos_port(place.file("")) == place.file("/.zonecontrol/metadata.sock"));
}

}  // namespace
}  // namespace weir::cloud
