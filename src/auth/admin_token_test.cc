#include "auth/admin_token.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "auth/token.h"

namespace weir::auth {
namespace {

namespace fs = std::filesystem;

class Directory {
 public:
  Directory() : path_((fs::temp_directory_path() / "weir-auth-XXXXXX").string()) {
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string token_path() const { return path_ + "/admin.token"; }
  void write(const std::string& content, mode_t mode) const {
    fs::remove(token_path());
    std::ofstream(token_path(), std::ios::binary) << content;
    REQUIRE(::chmod(token_path().c_str(), mode) == 0);
  }

 private:
  std::string path_;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("the admin token is made once, private, and read back") {
  const Directory directory;
  const auto made = read_or_make_admin_token(directory.path());
  REQUIRE(made);
  CHECK(made->made);
  CHECK(token_id(made->text));
  CHECK(read_file(directory.token_path()) == made->text + "\n");
  struct stat status{};
  REQUIRE(::stat(directory.token_path().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0600);
  CHECK(status.st_nlink == 1);
  CHECK(std::distance(fs::directory_iterator(directory.path()), {}) == 1);  // nothing is left beside it

  const auto read = read_or_make_admin_token(directory.path());
  REQUIRE(read);
  CHECK_FALSE(read->made);
  CHECK(read->text == made->text);
  const Directory other;
  CHECK(read_or_make_admin_token(other.path())->text != made->text);
}

TEST_CASE("what an editor leaves around a token does no harm") {
  const Directory directory;
  const std::string token = issue_token()->text;
  for (const std::string& content : {token, token + "\n", "  " + token + " \r\n\n"}) {
    directory.write(content, 0400);
    const auto read = read_or_make_admin_token(directory.path());
    REQUIRE(read);
    CHECK(read->text == token);
  }
}

TEST_CASE("a file that is not private or holds no token is refused, and stays as it is") {
  const Directory directory;
  const std::string token = issue_token()->text;
  struct Case {
    std::string content;
    mode_t mode;
    const char* want;
  };
  for (const Case& expected : {
           Case{token, 0640, "may be read or written by others"},
           Case{token, 0604, "may be read or written by others"},
           Case{token, 0620, "may be read or written by others"},
           Case{"", 0600, "does not hold a token"},
           Case{"\n", 0600, "does not hold a token"},
           Case{token.substr(0, 30), 0600, "does not hold a token"},
           Case{token + token, 0600, "does not hold a token"},
           Case{std::string(100'000, 'x'), 0600, "does not hold a token"},
       }) {
    directory.write(expected.content, expected.mode);
    const auto refused = read_or_make_admin_token(directory.path());
    REQUIRE_FALSE(refused);
    const std::string& sentence = refused.error().sentence;
    CHECK_MESSAGE(sentence.find(expected.want) != std::string::npos, sentence);
    CHECK(sentence.starts_with(directory.token_path()));
    CHECK(sentence.find(token) == std::string::npos);
    CHECK(read_file(directory.token_path()) == expected.content);
  }
}

TEST_CASE("what is no file, or cannot be made, is refused with the reason") {
  const Directory directory;
  const auto sentence = [](const std::string& path) {
    const auto refused = read_or_make_admin_token(path);
    return refused ? std::string("accepted") : refused.error().sentence;
  };
  CHECK(sentence(directory.path() + "/none").find("No such file or directory") != std::string::npos);
  fs::create_directory(directory.token_path());
  CHECK(sentence(directory.path()) == directory.token_path() + " is not a file");
  fs::remove(directory.token_path());
  fs::create_symlink("/dev/null", directory.token_path());
  CHECK(sentence(directory.path()) == directory.token_path() + " is a symbolic link");
  fs::remove(directory.token_path());
  REQUIRE(::mkfifo(directory.token_path().c_str(), 0600) == 0);
  CHECK(sentence(directory.path()) == directory.token_path() + " is not a file");
}

}  // namespace
}  // namespace weir::auth
