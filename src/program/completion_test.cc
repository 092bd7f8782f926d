// Scripts for shells and pages of the manual tell of everything that there is. That shells take them:
// lab/black_box/test_completion.py.
#include "program/completion.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/commands.h"
#include "config/kinds.h"
#include "program/commands.h"

namespace weir::program {
namespace {

void has(std::string_view text, std::string_view part) {
  CAPTURE(part);
  CHECK(text.find(part) != std::string_view::npos);
}

TEST_CASE("each script has all commands, flags and kinds") {
  for (const std::string_view shell : {"bash", "zsh", "fish"}) {
    CAPTURE(shell);
    const std::string script = completion_script(shell);
    for (const cli::Command& command : cli::kCommands) {
      has(script, command.word);
      for (const cli::Flag& flag : command.flags) {
        if (!flag.positional()) has(script, flag.long_name().substr(2));
      }
    }
    for (const config::KindInfo& kind : config::kKinds) has(script, kind.plural);
    // What a server gives for a name and is none is never offered, and no shell sees it.
    has(script, "awk 'NR > 1 && $1 ~ /^[A-Za-z0-9._-]+$/ { print $1 }'");
    has(script, "timeout 2 ");
  }
}

TEST_CASE("values are those that the flag's own setter takes, and places those of the command") {
  const std::string bash = completion_script("bash");
  has(bash, "'get -o' | 'get --output') _weir_offer table json yaml ;;");
  has(bash, "'resolve -o' | 'resolve --output') _weir_offer text json env ;;");
  has(bash, "'up --log-level') _weir_offer debug info warning error ;;");
  has(bash, "'up --sign-up') _weir_offer open closed ;;");
  has(bash, "'cloud-init 0') _weir_offer up edge controller dns node agent ;;");
  has(bash, "'completion 0') _weir_offer bash zsh fish ;;");
  has(bash, "'image 0') _weir_offer push list delete ;;");
  has(bash, "'node 0') _weir_offer logs ;;");
  has(bash, "'get 1') _weir_objects \"$kind\" ;;");
  has(bash, "'join 0') _weir_objects services ;;");
  has(bash, "'provider 1') _weir_objects dnsproviders ;;");
  has(bash, "'apply -f' | 'apply --file') _weir_files ;;");
  CHECK(bash.find("'get -l'") == std::string::npos);  // nobody knows labels
  CHECK(bash.find("'edge --name'") == std::string::npos);
}

TEST_CASE("a shell's quotes are not ended by a text") {
  has(completion_script("zsh"), R"(weir'\''s own authority)");
  has(completion_script("zsh"), R"(--follow}'[go on with what is written from now on]')");
  has(completion_script("zsh"), R"('*'{-f+,--file=}'[YAML or JSON;)");
  has(completion_script("fish"), R"(weir\'s own authority)");
}

TEST_CASE("each command has a page of the manual with all its flags, and weir(1) has all commands") {
  const std::string all = manual_page(nullptr);
  has(all, ".TH WEIR 1 \"\" \"weir " WEIR_VERSION "\" \"User Commands\"\n");
  has(all, "\n.B weir cloud\\-init\n");
  for (const config::KindInfo& kind : config::kKinds) has(all, "\n.B " + std::string(kind.plural) + "\n");
  for (const cli::Command& command : cli::kCommands) {
    const std::string page = manual_page(&command);
    CHECK(page.starts_with(".TH WEIR\\-"));
    std::size_t paragraphs = 0;
    for (std::size_t at = page.find("\n.TP\n"); at != std::string::npos; at = page.find("\n.TP\n", at + 1)) {
      ++paragraphs;
    }
    const std::size_t of_api = command.with_api != nullptr ? cli::kApiFlags.size() + 1 : 0;
    CHECK(paragraphs == command.flags.size() + of_api);
    CHECK(page.find("\n'") == std::string::npos);  // would be a request
  }
  const std::string get = manual_page(cli::find_command("get"));
  has(get, "\n\\fB\\-o\\fR, \\fB\\-\\-output\\fR \\fIFORMAT\\fR\ntable, json or yaml (default table)\n");
  has(get, "; required\n");
  has(manual_page(cli::find_command("explain")), "\\-\\-request \\(aqGET http://HOST/PATH\\(aq");
}

struct Said {
  int exit;
  std::string out;
};

template <typename Run>
Said said(Run run, const Arguments& arguments) {
  char* text = nullptr;
  std::size_t bytes = 0;
  std::FILE* file = ::open_memstream(&text, &bytes);
  Terminal terminal(file, file, false);
  const int exit = run(arguments, terminal);
  std::fclose(file);
  Said done{exit, std::string(text, bytes)};
  std::free(text);
  return done;
}

TEST_CASE("weir completion and weir help --man print them, and help without it is as ever") {
  Arguments arguments;
  arguments.topic = "fish";
  CHECK(said(completion_command, arguments).out == completion_script("fish"));
  arguments.topic = "get";
  CHECK(said(help_command, arguments).out.starts_with("weir get KIND"));
  arguments.manual = true;
  CHECK(said(help_command, arguments).out == manual_page(cli::find_command("get")));
  arguments.topic = "";
  CHECK(said(help_command, arguments).out == manual_page(nullptr));
  arguments.topic = "services";
  const Said wrong = said(help_command, arguments);
  CHECK(wrong.exit == kBadUsage);
  has(wrong.out, "there is no page of the manual about \"services\"");
}

TEST_CASE("the shell is one of three") {
  const std::string word = "tcsh";
  const auto parsed = cli::parse_arguments(std::vector<std::string>{"completion", word}, 1);
  REQUIRE(!parsed);
  has(parsed.error(), "SHELL must be bash, zsh or fish");
  CHECK(!cli::parse_arguments(std::vector<std::string>{"completion"}, 1));
}

}  // namespace
}  // namespace weir::program
