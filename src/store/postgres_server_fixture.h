// PostgresServer: a private PostgreSQL from Debian's binaries, in a temporary directory and on a socket
// there. One for all tests of a program, gone with it. As root it runs as another user, since it refuses to
// be root.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "net/epoll.h"
#include "store/postgres.h"
#include "store/temporary_directory.h"

namespace weir::store {

class PostgresServer {
 public:
  // Null where there is no PostgreSQL, which is said once.
  static PostgresServer* shared();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  // The URL of a new, empty database.
  std::string new_database();
  std::string url_of(const std::string& database, const std::string& user = "weir",
                     const std::string& socket_directory = {}) const;
  std::string socket() const { return place_.path() + "/.s.PGSQL.5432"; }
  // SIGKILL to all of its processes, and a new start.
  void kill();
  void start();
  // One statement, as its owner.
  void execute(const std::string& database, const char* sql);

 private:
  std::string try_to_start();
  explicit PostgresServer(std::string binaries);
  pid_t spawn(const std::vector<std::string>& words, int error_to) const;

  std::string binaries_;
  TemporaryDirectory place_;
  net::Descriptor errors_;  // what the server says
  pid_t pid_ = 0;
  int databases_ = 0;
};

}  // namespace weir::store
