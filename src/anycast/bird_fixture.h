// FakeBird: what listens on BIRD's control socket in tests: answers each command as it is told to, on a
// thread of its own, and keeps what it was asked. A command that it was not told of fails the test.
#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/epoll.h"

namespace weir::anycast {

// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-bird-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string at(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class FakeBird {
 public:
  static constexpr std::chrono::seconds kPatience{20};

  explicit FakeBird(std::string path) : path_(std::move(path)) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    wake_ = net::Descriptor(ends[0]);
    waker_ = net::Descriptor(ends[1]);
    listener_ = net::Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path_.size() < sizeof address.sun_path);
    std::ranges::copy(path_, address.sun_path);
    ::unlink(path_.c_str());
    REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_.get(), 4) == 0);
    thread_ = std::thread([this] { run(); });
  }
  FakeBird(const FakeBird&) = delete;
  FakeBird& operator=(const FakeBird&) = delete;
  ~FakeBird() {
    waker_ = {};
    thread_.join();
    ::unlink(path_.c_str());
    CHECK(unexpected_.empty());
  }

  // From now on. An empty answer: none comes.
  void answer(const std::string& command, std::string answer) {
    const std::lock_guard lock(mutex_);
    answers_[command] = std::move(answer);
  }
  void greet(std::string greeting) {
    const std::lock_guard lock(mutex_);
    greeting_ = std::move(greeting);
  }
  // What was asked, when there are so many.
  std::vector<std::string> asked(std::size_t count) {
    std::unique_lock lock(mutex_);
    CHECK(more_.wait_for(lock, kPatience, [&] { return asked_.size() >= count; }));
    return asked_;
  }

 private:
  void run() {
    net::Descriptor client;
    std::string line;
    for (;;) {
      std::array<pollfd, 3> all{pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = client ? -1 : listener_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = client.get(), .events = POLLIN, .revents = 0}};
      (void)::poll(all.data(), all.size(), -1);
      if (all[0].revents != 0) return;
      if (all[1].revents != 0) {
        client = net::Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const std::lock_guard lock(mutex_);
        send(client, greeting_);
      }
      if (all[2].revents == 0) continue;
      char byte = 0;
      if (::read(client.get(), &byte, 1) <= 0) {
        client = {};
        line.clear();
      } else if (byte != '\n') {
        line += byte;
      } else {
        take(client, std::exchange(line, {}));
      }
    }
  }
  void take(const net::Descriptor& client, std::string command) {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(command);
    if (found == answers_.end()) unexpected_ += command + "\n";
    send(client, found == answers_.end() ? "9001 what?\n" : found->second);
    asked_.push_back(std::move(command));
    more_.notify_all();
  }
  static void send(const net::Descriptor& client, const std::string& text) {
    (void)::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }

  std::string path_;
  net::Descriptor wake_;
  net::Descriptor waker_;
  net::Descriptor listener_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::string greeting_ = "0001 BIRD 2.0.12 ready.\n";
  std::map<std::string, std::string> answers_{
      {"configure soft", "0002-Reading configuration from bird.conf\n0003 Reconfigured\n"},
      {"show status", "1000-BIRD 2.0.12\n1011-Router ID is 10.0.0.1\n Hostname is vm\n0013 Daemon is up\n"}};
  std::vector<std::string> asked_;
  std::string unexpected_;
  std::thread thread_;
};

}  // namespace weir::anycast
