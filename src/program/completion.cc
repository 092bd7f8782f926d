// weir completion: what bash, zsh and fish need to complete a command line, made of the tables of commands,
// flags and kinds. Names of objects are asked for with `weir get`, for two seconds at most; what is no name
// is dropped, so that nothing of a server is ever run by a shell.
#include "program/completion.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "config/kinds.h"
#include "program/commands.h"

namespace weir::program {
namespace {

using cli::Arguments;
using cli::Command;
using cli::Flag;
using Words = std::vector<std::string>;

// What can stand at a place of the command line.
struct Choice {
  enum class Of : std::uint8_t {
    kNothing,  // that is known here
    kWords,
    kKinds,
    kTopics,   // commands and kinds
    kNamed,    // objects of the kind that was named before
    kObjects,  // of one kind
    kFiles,
  };
  Of of = Of::kNothing;
  Words words;  // of kObjects: the kind
};

// --- what the tables say

// Words that setters know. Of each flag, those are offered that its own setter takes.
constexpr std::array kVocabulary{"table", "text", "json",  "yaml",   "env", "debug",  "info", "warning",
                                 "error", "open", "up",    "closed", "off", "system", "edge", "controller",
                                 "dns",   "node", "agent", "bash",   "zsh", "fish"};

bool takes(const Flag& flag, std::string_view value) {
  Arguments arguments;
  return flag.set(arguments, value).empty();
}

Words words_that_fit(const Flag& flag) {
  Words fit;
  if (takes(flag, "no-such-word")) return fit;  // it takes any, and the command judges it
  for (const std::string_view word : kVocabulary) {
    if (takes(flag, word)) fit.emplace_back(word);
  }
  return fit;
}

// "push, list or delete": the actions of a command.
Words words_of_doc(std::string_view doc) {
  Words words;
  doc = doc.substr(0, doc.find(';'));
  while (!doc.empty()) {
    const std::string_view word = doc.substr(0, doc.find_first_of(" ,"));
    if (!word.empty() && word != "or") words.emplace_back(word);
    doc.remove_prefix(std::min(doc.size(), word.size() + 1));
  }
  return words;
}

// The kind whose objects a place names, by the command and what the place is called; empty: none.
std::string_view kind_at(std::string_view command, std::string_view place) {
  if (place == "SERVICE") return "services";
  if (place == "WORKLOAD" || (command == "logs" && place == "NAME")) return "workloads";
  if (place == "INSTANCE" && command == "exec") return "instances";
  if (place == "NAME" && command == "provider") return "dnsproviders";
  return {};
}

Choice choice_of(const Command& command, const Flag& flag) {
  using enum Choice::Of;
  const auto is_kind = [](const Flag& one) { return one.names == "KIND"; };
  if (is_kind(flag)) return {kKinds, {}};
  if (flag.names == "TOPIC") return {kTopics, {}};
  if (flag.names == "ACTION") return {kWords, words_of_doc(flag.doc)};
  if (flag.positional()) {
    if (const auto kind = kind_at(command.word, flag.names); !kind.empty())
      return {kObjects, {std::string(kind)}};
    if (flag.names == "NAME" && std::ranges::any_of(command.flags, is_kind)) return {kNamed, {}};
  }
  if (Words words = words_that_fit(flag); !words.empty()) return {kWords, std::move(words)};
  for (const std::string_view value : {"FILE", "ARCHIVE", "DIR"}) {
    if (flag.value == value) return {kFiles, {}};
  }
  return {};
}

struct Offer {
  Words names;  // of a flag: -o and --output; none: it goes by its place
  bool valued = false;
  bool repeatable = false;
  std::string_view value;
  std::string_view doc;
  Choice choice;
};

Offer offer_of(const Command& command, const Flag& flag) {
  Offer offer{{}, !flag.value.empty(), flag.repeatable(), flag.value, flag.doc, {}};
  if (!flag.positional()) {
    const std::size_t comma = flag.names.find(',');
    if (comma != std::string_view::npos) offer.names.emplace_back(flag.names.substr(0, comma));
    offer.names.emplace_back(flag.long_name());
  }
  if (offer.valued) offer.choice = choice_of(command, flag);
  return offer;
}

std::vector<Offer> offers_of(const Command& command) {
  std::vector<Offer> offers;
  for (const Flag& flag : command.flags) offers.push_back(offer_of(command, flag));
  if (command.with_api == nullptr) return offers;
  for (const Flag& flag : cli::kApiFlags) offers.push_back(offer_of(command, flag));
  return offers;
}

Words kinds() {
  Words words;
  for (const config::KindInfo& kind : config::kKinds) words.emplace_back(kind.plural);
  return words;
}

Words commands() {
  Words words;
  for (const Command& command : cli::kCommands) words.emplace_back(command.word);
  return words;
}

Words words_of(const Choice& choice) {
  if (choice.of == Choice::Of::kKinds) return kinds();
  if (choice.of != Choice::Of::kTopics) return choice.words;
  Words all = commands();
  for (std::string& kind : kinds()) all.push_back(std::move(kind));
  return all;
}

std::string joined(const Words& words, std::string_view between = " ") {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : between).append(word);
  return text;
}

// Its single quotes and backslashes as a shell has them within single quotes.
std::string quoted(std::string_view text, std::string_view quote, std::string_view also = {}) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += quote;
    } else {
      if (also.find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

// --- bash

constexpr std::string_view kBashHead = R"bash(# Completion of weir for bash: source <(weir completion bash)

_weir_offer() { # WORD...
  local word
  for word; do
    if [[ $word == "$current"* ]]; then COMPREPLY+=("$word"); fi
  done
}

_weir_objects() { # KIND
  local name
  while read -r name; do _weir_offer "$name"; done < <(timeout 2 "${COMP_WORDS[0]}" get "$1" 2>/dev/null \
    </dev/null | awk 'NR > 1 && $1 ~ /^[A-Za-z0-9._-]+$/ { print $1 }')
}

_weir_files() {
  local IFS=$'\n'
  COMPREPLY=($(compgen -f -- "$current"))
  compopt -o filenames 2>/dev/null
}

)bash";

constexpr std::string_view kBashTail = R"bash(
_weir() {
  local current=${COMP_WORDS[COMP_CWORD]} command='' flag='' kind='' flags='' valued='' place=0 i word
  COMPREPLY=()
  if [[ $current == '=' ]]; then current=''; fi # --output=json is three words to bash
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == -- ]]; then return; fi # what follows is a command of somebody else
    if [[ $word == '=' ]]; then continue; fi
    if [[ $word == ':' ]]; then flag=':'; continue; fi
    if [[ $flag ]]; then
      flag=''
    elif [[ $word == -?* ]]; then
      if [[ " --api --token $valued " == *" $word "* ]]; then flag=$word; fi
    elif [[ -z $command ]]; then
      command=$word
      _weir_flags
    else
      if [[ $place == 0 ]]; then kind=$word; fi
      place=$((place + 1))
    fi
  done
  if [[ $flag ]]; then
    _weir_values "$command $flag"
  elif [[ -z $command && $current == -* ]]; then
    _weir_offer --api --token --help --version
  elif [[ -z $command ]]; then
    _weir_commands
  elif [[ $current == -* ]]; then
    _weir_offer $flags
  else
    _weir_values "$command $place"
  fi
}
complete -F _weir weir
)bash";

std::string bash_action(const Choice& choice) {
  using enum Choice::Of;
  switch (choice.of) {
    case kNothing: return {};
    case kNamed: return "_weir_objects \"$kind\"";
    case kObjects: return "_weir_objects " + choice.words.front();
    case kFiles: return "_weir_files";
    case kWords:
    case kKinds:
    case kTopics: break;
  }
  return "_weir_offer " + joined(words_of(choice));
}

std::string bash_script() {
  std::string flags = "_weir_flags() {\n  case $command in\n";
  std::string values =
      "_weir_values() { # COMMAND FLAG, or COMMAND and how many words are before\n  case $1 in\n";
  for (const Command& command : cli::kCommands) {
    const std::string word(command.word);
    Words all{"--help"};
    Words valued;
    int place = 0;
    for (const Offer& offer : offers_of(command)) {
      Words keys;
      for (const std::string& name : offer.names) {
        all.push_back(name);
        if (offer.valued) valued.push_back(name);
        keys.push_back("'" + word + " " + name + "'");
      }
      if (offer.names.empty()) keys.push_back("'" + word + " " + std::to_string(place++) + "'");
      const std::string action = bash_action(offer.choice);
      if (!action.empty()) values += "  " + joined(keys, " | ") + ") " + action + " ;;\n";
    }
    flags +=
        "  " + word + ")\n    flags='" + joined(all) + "'\n    valued='" + joined(valued) + "'\n    ;;\n";
  }
  return std::string(kBashHead) + "_weir_commands() { _weir_offer " + joined(commands()) + "; }\n\n" + flags +
         "  esac\n}\n\n" + values + "  esac\n}\n" + std::string(kBashTail);
}

// --- zsh

constexpr std::string_view kZshHead = R"zsh(#compdef weir
# Completion of weir for zsh: weir completion zsh > a folder of $fpath, as _weir

_weir_objects() { # KIND
  local -a names
  names=(${(f)"$(timeout 2 $program get "$1" 2>/dev/null </dev/null |
    awk 'NR > 1 && $1 ~ /^[A-Za-z0-9._-]+$/ { print $1 }')"})
  compadd -a names
}

_weir_named() { # of the kind that is the first word behind the command
  local word
  for word in ${words[2,CURRENT-1]}; do
    if [[ $word != -* ]]; then _weir_objects $word && return; fi
  done
}

)zsh";

std::string zsh_action(const Choice& choice) {
  using enum Choice::Of;
  switch (choice.of) {
    case kNothing: return " ";
    case kNamed: return "_weir_named";
    case kObjects: return "_weir_objects " + choice.words.front();
    case kFiles: return "_files";
    case kWords:
    case kKinds:
    case kTopics: break;
  }
  return "(" + joined(words_of(choice)) + ")";
}

// '(-o --output)'{-o+,--output=}'[its doc]:FORMAT:(table json)'
std::string zsh_spec(const Offer& offer, int place) {
  const std::string doc = quoted(offer.doc, R"('\'')", "[]\\");
  const std::string value = quoted(offer.value, R"('\'')", ":\\") + ":" + zsh_action(offer.choice) + "'";
  if (offer.names.empty()) return "'" + std::to_string(place) + "::" + value;
  const std::string behind = "[" + doc + "]" + (offer.valued ? ":" + value : "'");
  const std::string repeat = offer.repeatable ? "*" : "";
  const bool two = offer.names.size() == 2;
  const std::string long_name = offer.names.back() + (offer.valued ? "=" : "");
  if (!two) return "'" + repeat + long_name + behind;
  const std::string alone = offer.repeatable ? "'*'" : "'(" + joined(offer.names) + ")'";
  return alone + "{" + offer.names.front() + (offer.valued ? "+" : "") + "," + long_name + "}'" + behind;
}

std::string zsh_script() {
  std::string text(kZshHead);
  text += "_weir() {\n  local program=$words[1]\n  local -a commands\n  commands=(\n";
  for (const Command& command : cli::kCommands) {
    text += "    '" + std::string(command.word) + ":" + quoted(command.doc, R"('\'')") + "'\n";
  }
  text +=
      "  )\n  if ((CURRENT == 2)); then\n    _describe command commands\n    return\n  fi\n"
      "  shift words\n  ((CURRENT--))\n  case $words[1] in\n";
  for (const Command& command : cli::kCommands) {
    text += "  " + std::string(command.word) + ")\n    _arguments -s \\\n";
    int place = 1;
    for (const Offer& offer : offers_of(command)) {
      text += "      " + zsh_spec(offer, offer.names.empty() ? place++ : 0) + " \\\n";
    }
    text += "      '--help[explains it]'\n    ;;\n";
  }
  return text +
         "  esac\n}\n\nif [[ $funcstack[1] == _weir ]]; then _weir \"$@\"; else compdef _weir weir; fi\n";
}

// --- fish

constexpr std::string_view kFishHead = R"fish(# Completion of weir for fish: weir completion fish | source

function __weir_objects # KIND
    timeout 2 (commandline -opc)[1] get $argv[1] 2>/dev/null </dev/null |
        awk 'NR > 1 && $1 ~ /^[A-Za-z0-9._-]+$/ { print $1 }'
end

# The command and the words behind it that are no flags and no values of flags.
function __weir_words
    set -l tokens (commandline -opc)
    set -l command
    set -l valued --api --token
    set -l skip 0
    for token in $tokens[2..-1]
        if test $skip = 1
            set skip 0
        else if string match -q -- '-?*' $token
            contains -- $token $valued; and set skip 1
        else if test -z "$command"
            set command $token
            set -a valued (__weir_valued $command)
            echo $command
        else
            echo $token
        end
    end
end

function __weir_named
    set -l words (__weir_words)
    test (count $words) -gt 1; and __weir_objects $words[2]
end

function __weir_at # COMMAND PLACE: whether the word that is being typed is there
    set -l words (__weir_words)
    test (count $words) -eq (math $argv[2] + 1); and test "$words[1]" = $argv[1]
end

function __weir_in # COMMAND
    set -l words (__weir_words)
    test "$words[1]" = $argv[1]
end

function __weir_begins
    test -z (__weir_words | string collect)
end

)fish";

std::string fish_action(const Choice& choice) {
  using enum Choice::Of;
  switch (choice.of) {
    case kNothing: return {};
    case kNamed: return " -a '(__weir_named)'";
    case kObjects: return " -a '(__weir_objects " + choice.words.front() + ")'";
    case kFiles: return " -F";
    case kWords:
    case kKinds:
    case kTopics: break;
  }
  return " -a '" + joined(words_of(choice)) + "'";
}

std::string fish_flag(std::string_view command, const Offer& offer) {
  std::string text = "complete -c weir -n '__weir_in " + std::string(command) + "'";
  for (const std::string& name : offer.names) {
    const bool is_long = name.starts_with("--");
    text += (is_long ? " -l " : " -s ") + name.substr(is_long ? 2 : 1);
  }
  if (offer.valued) text += offer.choice.of == Choice::Of::kFiles ? " -r" : " -x";
  return text + fish_action(offer.choice) + " -d '" + quoted(offer.doc, R"(\')", "\\") + "'\n";
}

std::string fish_script() {
  std::string valued = "function __weir_valued # COMMAND: its flags that take a value\n    switch $argv[1]\n";
  std::string lines = "complete -c weir -f\n";
  for (const Command& command : cli::kCommands) {
    const std::string word(command.word);
    lines +=
        "complete -c weir -n __weir_begins -a " + word + " -d '" + quoted(command.doc, R"(\')", "\\") + "'\n";
    Words names;
    int place = 0;
    for (const Offer& offer : offers_of(command)) {
      if (!offer.names.empty()) {
        lines += fish_flag(word, offer);
        if (offer.valued) names.insert(names.end(), offer.names.begin(), offer.names.end());
        continue;
      }
      const std::string at = std::to_string(place++);
      if (offer.choice.of == Choice::Of::kNothing) continue;
      lines += "complete -c weir -n '__weir_at " + word + " " + at + "'" + fish_action(offer.choice) + "\n";
    }
    if (!names.empty()) {
      valued += "        case " + word + "\n            printf '%s\\n' " + joined(names) + "\n";
    }
  }
  return std::string(kFishHead) + valued + "    end\nend\n\n" + lines;
}

}  // namespace

int completion_command(const Arguments& arguments, Terminal& terminal) {
  terminal.print(completion_script(arguments.topic));
  return kDone;
}

std::string completion_script(std::string_view shell) {
  if (shell == "zsh") return zsh_script();
  return shell == "fish" ? fish_script() : bash_script();
}

}  // namespace weir::program
