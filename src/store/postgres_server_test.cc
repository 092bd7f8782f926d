#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>

#include "store/postgres_server_fixture.h"

namespace weir::store {
namespace {

std::string binaries() {
  std::string newest;
  std::error_code none;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
    const std::string folder = version.path().string() + "/bin/";
    if (std::filesystem::exists(folder + "postgres") && folder > newest) newest = folder;
  }
  return newest;
}

// Who it runs as when the test is root; null: as who the test is.
const passwd* other_user() {
  if (::geteuid() != 0) return nullptr;
  const passwd* user = ::getpwnam("postgres");
  return user != nullptr ? user : ::getpwnam("nobody");
}

// All of it that follows from a process.
void kill_tree(pid_t pid) {
  std::ifstream children("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  ::kill(pid, SIGSTOP);  // so that it starts no others meanwhile
  for (pid_t child = 0; children >> child;) kill_tree(child);
  ::kill(pid, SIGKILL);
}

}  // namespace

PostgresServer* PostgresServer::shared() {
  static const std::unique_ptr<PostgresServer> server = []() -> std::unique_ptr<PostgresServer> {
    std::string folder = binaries();
    if (folder.empty()) {
      MESSAGE(
          "skipped on PostgreSQL: there is no /usr/lib/postgresql/*/bin/postgres (package postgresql-15)");
      return nullptr;
    }
    return std::unique_ptr<PostgresServer>(new PostgresServer(std::move(folder)));
  }();
  return server.get();
}

PostgresServer::PostgresServer(std::string binaries) : binaries_(std::move(binaries)) {
  if (const passwd* user = other_user()) {
    REQUIRE(::chown(place_.path().c_str(), user->pw_uid, user->pw_gid) == 0);
  }
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const pid_t maker = spawn({"initdb", "--no-sync", "--auth=trust", "--username=weir", "--encoding=UTF8",
                             "--no-locale", "--pgdata=" + place_.file("data")},
                            nowhere);
  ::close(nowhere);
  int status = 0;
  REQUIRE(::waitpid(maker, &status, 0) == maker);
  REQUIRE(status == 0);
  std::ofstream(place_.file("data/pg_hba.conf"))
      << "local all guarded scram-sha-256\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n";
  start();
}

PostgresServer::~PostgresServer() {
  kill_tree(pid_);
  ::waitpid(pid_, nullptr, 0);
}

pid_t PostgresServer::spawn(const std::vector<std::string>& words, int error_to) const {
  const passwd* user = other_user();
  const std::string program = binaries_ + words.front();
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid != 0) return pid;
  if (user != nullptr &&
      (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)) {
    ::_exit(126);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // its children see that it is gone
  ::dup2(error_to, STDOUT_FILENO);
  ::dup2(error_to, STDERR_FILENO);
  if (::chdir("/") == 0) ::execv(program.c_str(), arguments.data());
  ::_exit(127);
}

// Processes of a server that was killed may be there for a moment: until then the next one ends by itself.
void PostgresServer::start() {
  constexpr int kTriesMax = 200;
  std::string said;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    said = try_to_start();
    if (said.empty()) return;
    REQUIRE(::waitpid(pid_, nullptr, 0) == pid_);
    if (said.find("still in use") == std::string::npos) break;
  }
  FAIL("PostgreSQL does not start: ", said);
}

// What it said when it ended; empty: it accepts connections.
std::string PostgresServer::try_to_start() {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  // Nobody reads what it says later: a full pipe would stop it.
  REQUIRE(::fcntl(pipe[0], F_SETPIPE_SZ, 1 << 20) >= 0);
  errors_ = net::Descriptor(pipe[0]);
  pid_ = spawn({"postgres", "-D", place_.file("data"), "-k", place_.path(), "-h", "", "-F", "-c",
                "log_min_messages=log", "-c", "shared_buffers=16MB", "-c", "max_connections=60"},
               pipe[1]);
  ::close(pipe[1]);
  std::string said;
  std::array<char, 4096> buffer{};
  while (said.find("ready to accept connections") == std::string::npos) {
    const ssize_t count = ::read(errors_.get(), buffer.data(), buffer.size());
    if (count <= 0) return said.empty() ? "nothing" : said;
    said.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return {};
}

void PostgresServer::kill() {
  kill_tree(pid_);
  REQUIRE(::waitpid(pid_, nullptr, 0) == pid_);
}

std::string PostgresServer::url_of(const std::string& database, const std::string& user,
                                   const std::string& socket_directory) const {
  return "postgres://" + user + "@/" + database +
         "?host=" + (socket_directory.empty() ? place_.path() : socket_directory);
}

std::string PostgresServer::new_database() {
  const std::string name = "store" + std::to_string(++databases_);
  const std::string sql = "CREATE DATABASE " + name + " TEMPLATE template0";
  execute("postgres", sql.c_str());
  return url_of(name);
}

void PostgresServer::execute(const std::string& database, const char* sql) {
  auto session = PostgresSession::connect(*PostgresAddress::parse(url_of(database)));
  REQUIRE_MESSAGE(session, session.error().sentence);
  const std::array queries{PostgresQuery{sql}};
  const auto done = session->run(queries);
  REQUIRE_MESSAGE(done, session->message());
}

}  // namespace weir::store
