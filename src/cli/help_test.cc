// Help and docs/cli.md tell of everything that there is. WEIR_WRITE_DOCS=1 writes the file anew.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "cli/commands.h"

namespace weir::cli {
namespace {

std::filesystem::path docs_folder() {
  for (auto folder = std::filesystem::current_path(); folder != folder.root_path();
       folder = folder.parent_path()) {
    if (std::filesystem::exists(folder / "src" / "LAYERS")) return folder / "docs";
  }
  return {};
}

TEST_CASE("docs/cli.md is what the tables say") {
  const std::filesystem::path folder = docs_folder();
  REQUIRE_MESSAGE(!folder.empty(), "run it from within the repository");
  const std::string wanted = cli_reference();
  if (std::getenv("WEIR_WRITE_DOCS") != nullptr) std::ofstream(folder / "cli.md", std::ios::binary) << wanted;
  std::ifstream file(folder / "cli.md", std::ios::binary);
  const std::string found((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const bool current = found == wanted;
  CHECK_MESSAGE(current, "docs/cli.md is stale; write it with WEIR_WRITE_DOCS=1 cli_test");
}

TEST_CASE("the reference names every command and every flag") {
  const std::string text = cli_reference();
  const auto has = [&text](std::string_view part) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  };
  for (const Command& command : kCommands) {
    has("\n## weir " + std::string(command.word) + "\n");
    has(command.doc);
    for (const Flag& flag : command.flags) has(flag.long_name());
  }
  for (const Flag& flag : kApiFlags) has("`" + std::string(flag.names) + " ");
}

// What a command writes to stdout; its exit code.
std::string printed(std::string_view topic, int wanted_exit) {
  char* text = nullptr;
  std::size_t bytes = 0;
  std::FILE* file = ::open_memstream(&text, &bytes);
  Terminal terminal(file, file, false);
  Arguments arguments;
  arguments.topic = topic;
  CHECK(help_command(arguments, terminal) == wanted_exit);
  std::fclose(file);
  std::string out(text, bytes);
  std::free(text);
  return out;
}

TEST_CASE("weir help knows commands, kinds and fields") {
  const std::string overview = printed("", kDone);
  for (const Command& command : kCommands) {
    CHECK(overview.find("weir " + std::string(command.word)) != std::string::npos);
    const std::string help = printed(command.word, kDone);
    CHECK(help.starts_with("weir " + std::string(command.word)));
    for (const Flag& flag : command.flags) CHECK(help.find(flag.long_name()) != std::string::npos);
  }
  CHECK(overview.find("loadbalancers") != std::string::npos);
  CHECK(printed("services", kDone).find("spec.balance") != std::string::npos);
  CHECK(printed("service.spec.health_check", kDone).find("interval") != std::string::npos);
  CHECK(printed("servise", kBadUsage).find("did you mean Service?") != std::string::npos);
}

TEST_CASE("data that stdout does not take is said once, and remembered") {
  char* text = nullptr;
  std::size_t bytes = 0;
  std::FILE* full = std::fopen("/dev/full", "w");
  REQUIRE(full != nullptr);
  std::FILE* err = ::open_memstream(&text, &bytes);
  Terminal terminal(full, err, false);
  terminal.print("data");
  CHECK(!terminal.flush());
  CHECK(!terminal.flush());
  std::fclose(full);
  std::fclose(err);
  CHECK(std::string(text, bytes) == "weir: can't write to stdout: No space left on device\n");
  std::free(text);
}

TEST_CASE("messages are one line, whatever they quote") {
  CHECK(printable("a\nb\x1b[31m\x7f\xc2\x85"
                  "c") == "a?b?[31m??c");
  CHECK(printable("Zürich, 東京") == "Zürich, 東京");
}

}  // namespace
}  // namespace weir::cli
