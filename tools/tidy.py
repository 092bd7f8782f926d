#!/usr/bin/env python3
"""tidy: the rules of the house as a test. Prints `path:line: sentence [rule]` per breach; exit 1 if any.

A rule is a function of the tree that yields breaches, and a line in RULES. What a rule has to let pass
stands, with its reason, in tools/tidy_exceptions.txt; an exception that excuses nothing is itself a breach.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

from tidy_std import BROUGHT, HEADER_OF, USE
from tidy_tree import Source, Tree, find_cycle, functions

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70  # from the opening brace to the closing one
LINE_COLUMNS_MAX = 110
ROOM_FILES_MAX = 30  # .h and .cc, without tests and fuzzers
README_LINES_MAX = 40
FILE_BYTES_MAX = 1_000_000

COMPILER = "clang++-19"
HEADER_FLAGS = [
    "-std=c++23",
    "-fsyntax-only",
    "-Wall",
    "-Wextra",
    "-Wno-missing-field-initializers",
    "-Werror",
]
HEADER_FLAGS += ["-x", "c++-header"]

# Third-party headers: who may include them, always in a .cc. What is neither here nor standard is a breach.
LIBRARIES = [
    (r"console_archive\.inc", {"console"}),  # made while building, of console/
    (
        r"nlohmann/",
        {
            "agent",
            "cloud",
            "config",
            "reference",
            "enroll",
            "handover",
            "xds",
            "translation",
            "api",
            "mysocket",
            "oidc",
            "session",
            "insight",
            "podman",
            "images",
            "node",
            "controller",
            "providers",
            "client",
            "cli",
            "program",
        },
    ),
    (
        r"(envoy|google)/|(weir|channel)\.pb\.h",
        {"xds", "translation", "report", "wire", "channel", "nodelink"},
    ),
    (r"sqlite3\.h", {"store"}),
    (r"libpq-fe\.h", {"store"}),
    (r"openssl/", {"auth", "tls"}),
    (r"argon2\.h", {"auth"}),
    (r"crypt\.h", {"auth"}),
    (r"nghttp2/", {"h2"}),
    (r"wslay/", {"websocket"}),
    (r"libssh/", {"ssh"}),
    (r"ares\w*\.h", {"net"}),
    (r"liburing\.h", {"net"}),
    (r"maxminddb\.h", {"nameserver"}),
    (r"yaml-cpp/", {"config"}),
    (r"re2/", {"config"}),
    (r"pugixml\.hpp", {"cloud"}),
    (r"CLI/", {"cli"}),
    (r"spdlog/", {"program"}),
    (r"fmt/", None),  # every room
]
SYSTEM_HEADER = re.compile(
    r"[a-z0-9_]+$"  # C++ standard library
    r"|(sys|netinet|arpa|linux|net|asm|sanitizer)/[a-z0-9_/-]+\.h$"
    r"|(unistd|fcntl|signal|poll|pthread|netdb|dlfcn|sched|pwd|grp|termios|getopt|spawn|glob|syslog|unwind"
    r"|malloc|stdio|stdlib|string|errno|time|ifaddrs|dirent|[a-z]*intrin|arm_neon|cxxabi|execinfo|wait)\.h$"
)


class Breach(NamedTuple):
    path: str
    line: int
    text: str


class Ban(NamedTuple):
    name: str
    pattern: str
    instead: str
    rooms: frozenset[str] = frozenset()  # where it is allowed
    in_tests: bool = False  # whether tests, fuzzers and testing/ may use it
    only_tests: bool = False


BANNED = [
    Ban("format", r"std::(v?format|print(ln)?)\b", "libstdc++ 12 has none; use fmt::format in a .cc"),
    Ban("throw", r"\bthrow\b", "errors are values: return fail(...)"),
    Ban(
        "thread",
        r"std::(j?thread|async)\b|\bpthread_create\b",
        "threads are made in net/, and in store/, metrics/, record/, images/ and client/, because SQLite, "
        "readers of logs, disks and a stdin that is a file block; post() work to a Loop",
        frozenset({"net", "store", "metrics", "record", "images", "client"}),
        in_tests=True,
    ),
    Ban(
        "clock",
        r"\b(system|steady|high_resolution|utc|file)_clock::now\b|\b(gettimeofday|clock_gettime)\s*\("
        r"|std::time\s*\(",
        "time comes in from net::Clock",
        frozenset({"net"}),
    ),
    Ban(
        "random",
        r"std::(random_device|mt19937|default_random_engine|rand)\b|\bgetrandom\s*\(|\bs?rand\s*\(",
        "randomness comes in: base/random.h, or net's entropy for secrets",
        frozenset({"net"}),
    ),
    Ban(
        "sleep",
        r"\b(sleep_for|sleep_until|usleep|nanosleep)\b|(?<!\w)::sleep\s*\(|(?<![\w.:>])sleep\s*\(\d+\)",
        "advance the manual clock or wait for an event",
        only_tests=True,
    ),
    Ban(
        "printf",
        r"(?<!\w)(std::)?(v?f?printf|f?puts|putchar|perror)\s*\(|std::(cout|cerr|clog)\b",
        "events go to Log, data is returned",
        frozenset({"program"}),
        in_tests=True,
    ),
    Ban("assert", r"(?<![\w.])assert\s*\(|<cassert>", "WEIR_CHECK holds in release builds too"),
    Ban(
        "getenv",
        r"\b(secure_)?getenv\b",
        "the environment is read in program/ and passed in",
        frozenset({"program"}),
        in_tests=True,
    ),
    Ban("regex", r"std::regex\b", "std::regex recurses on its input; write the few lines of the parser"),
    Ban("endl", r"std::endl\b", "write '\\n'"),
    Ban("using", r"\busing\s+namespace\s+std\s*;", "name what is used"),
]

# --- arrows


def layers(tree: Tree) -> Iterator[Breach]:
    """Every #include of another room is an arrow of src/LAYERS."""
    folders = {
        source.path.split("/")[1] for source in tree.sources if source.path.startswith("src/") and source.room
    }
    for room in sorted(folders - tree.arrows.keys()):
        yield Breach("src/LAYERS", 1, f"the room {room}/ is not listed")
    for source in tree.cxx:
        allowed = {source.room, *tree.arrows.get(source.room, [])}
        if source.is_test and "testing" in tree.arrows:
            allowed |= {"testing", *tree.arrows["testing"]}
        for line, bracket, name in source.includes:
            target = name.split("/")[0]
            if tree.resolve(name) is None:
                if bracket == '"':
                    yield Breach(
                        source.path,
                        line,
                        f'no file src/{name}; includes are written from src/, "room/file.h"',
                    )
            elif bracket == "<":
                yield Breach(source.path, line, f'the project\'s own header is written "{name}", in quotes')
            elif not name.endswith(".h"):
                yield Breach(source.path, line, f"only headers are included, {name} is not one")
            elif name.endswith("_fixture.h") and not source.is_test:
                yield Breach(source.path, line, f"{name} is for tests only")
            elif target not in allowed:
                yield Breach(
                    source.path,
                    line,
                    f"{source.room}/ may not include {target}/: src/LAYERS has no such arrow",
                )


def cycles(tree: Tree) -> Iterator[Breach]:
    """Neither the arrows between rooms nor the headers go round in a circle."""
    if cycle := find_cycle(tree.arrows):
        yield Breach("src/LAYERS", 1, "the arrows go in a circle: " + " -> ".join(cycle))
    for room, arrows in tree.arrows.items():
        for arrow in arrows:
            if arrow not in tree.arrows:
                yield Breach("src/LAYERS", 1, f"{room} points to {arrow}, which is not listed")
    headers = {
        s.path: [h.path for _, _, n in s.includes if (h := tree.resolve(n))] for s in tree.cxx if s.is_header
    }
    if cycle := find_cycle(headers):
        yield Breach(cycle[0], 1, "headers include each other: " + " -> ".join(cycle))


# --- budgets


def file_lines(tree: Tree) -> Iterator[Breach]:
    """A file has at most 600 lines."""
    for source in tree.sources:
        if source.name.endswith((".h", ".cc", ".py", ".sh")) and len(source.lines) > FILE_LINES_MAX:
            yield Breach(
                source.path,
                FILE_LINES_MAX + 1,
                f"{len(source.lines)} lines; a file has at most {FILE_LINES_MAX}",
            )


def line_columns(tree: Tree) -> Iterator[Breach]:
    """A line of code has at most 110 columns."""
    for source in tree.sources:
        if source.name.endswith((".h", ".cc", ".py", ".sh", ".txt")) or source.path == "dev":
            for number, line in enumerate(source.lines, 1):
                if len(line) > LINE_COLUMNS_MAX:
                    yield Breach(
                        source.path, number, f"{len(line)} columns; a line has at most {LINE_COLUMNS_MAX}"
                    )


def function_lines(tree: Tree) -> Iterator[Breach]:
    """A function has at most 70 lines."""
    for source in tree.sources:
        if source.is_cxx:
            found = functions(source.code)
        elif source.name.endswith(".py"):
            found = (
                (node.name, node.lineno, (node.end_lineno or 0) - node.lineno)
                for node in ast.walk(ast.parse(source.text))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            )
        else:
            continue
        for name, line, count in found:
            if count > FUNCTION_LINES_MAX:
                yield Breach(
                    source.path,
                    line,
                    f"{name} has {count} lines; a function has at most {FUNCTION_LINES_MAX}",
                )


def room_files(tree: Tree) -> Iterator[Breach]:
    """A room has at most 30 source files, tests and fuzzers not counted."""
    for room in tree.arrows:
        count = sum(source.room == room and not source.is_test for source in tree.cxx)
        if count > ROOM_FILES_MAX:
            yield Breach(
                f"src/{room}",
                1,
                f"{count} source files; a room has at most {ROOM_FILES_MAX}: split it by noun",
            )


def file_bytes(tree: Tree) -> Iterator[Breach]:
    """No file is larger than 1 MB."""
    for source in tree.sources:
        if source.full.stat().st_size > FILE_BYTES_MAX:
            yield Breach(source.path, 1, f"over {FILE_BYTES_MAX} bytes; large data is made when it is needed")


# --- files


def dead_files(tree: Tree) -> Iterator[Breach]:
    """Every header is used, every .cc is built, every fuzzer has a corpus and every corpus a fuzzer."""
    used: dict[str, set[str]] = {}
    for source in tree.cxx:
        for _, _, name in source.includes:
            used.setdefault("src/" + name, set()).add(source.path)
    for source in tree.cxx:
        stem = source.path.rsplit(".", 1)[0]
        if source.is_header:
            if not used.get(source.path, set()) - {stem + ".cc", stem + "_test.cc", stem + "_fuzz.cc"}:
                yield Breach(source.path, 1, "nobody includes this header but its own .cc and test")
        elif source.path.count("/") != 2:
            yield Breach(source.path, 1, "not built: CMake takes src/<room>/*.cc, without folders below")
        elif (
            source.name == "main.cc"
            and source.room != "program"
            or (source.name.endswith("_main.cc") and source.room not in ("testing", "sim"))
        ):
            yield Breach(
                source.path, 1, "not built: main.cc belongs to program/, *_main.cc to testing/ and sim/"
            )
    corpora = {source.path.rsplit("/", 1)[0] for source in tree.sources if source.is_corpus}
    fuzzers = {f"src/{s.room}/corpus/{s.name[:-3]}": s.path for s in tree.cxx if s.name.endswith("_fuzz.cc")}
    for folder in sorted(fuzzers.keys() - corpora):
        yield Breach(fuzzers[folder], 1, f"its corpus {folder}/ is empty")
    for folder in sorted(corpora - fuzzers.keys()):
        yield Breach(folder, 1, "a corpus without a fuzzer")


def proven_by_build(tree: Tree, header: Source) -> bool:
    """Whether its own .cc includes it first: then the release proves it, where nothing of ours is ready."""
    own = tree.by_path.get(header.path.removesuffix(".h") + ".cc")
    return bool(own and header.room != "testing" and own.includes and own.includes[0][2] == header.path[4:])


def self_contained(tree: Tree) -> Iterator[Breach]:
    """Every header compiles with std's alone. What compiled before, over the same headers, is remembered."""
    cache = tree.root / "build/.tidy/headers"
    cache.parent.mkdir(parents=True, exist_ok=True)
    known = set(cache.read_text().split()) if cache.exists() else set()
    version = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True).stdout

    def key(header: Source) -> str:
        parts = [version, *HEADER_FLAGS, *(s.path + "\n" + s.text for s in tree.closure(header))]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def compile_alone(header: Source) -> str:
        command = [COMPILER, *HEADER_FLAGS, "-include-pch", str(ready), "-I", str(tree.root / "src")]
        command.append(str(header.full))
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    todo = [s for s in tree.cxx if s.is_header and not proven_by_build(tree, s) and key(s) not in known]
    if not todo:
        return
    # Reading std's headers takes longest, and whether those of them are there is another rule.
    ready, of_std = cache.with_name("std.pch"), cache.with_name("std.h")
    of_std.write_text("".join(f"#include <{name}>\n" for name in sorted(set(HEADER_OF.values()))))
    precompile = [COMPILER, *(flag for flag in HEADER_FLAGS if flag != "-fsyntax-only"), str(of_std)]
    subprocess.run([*precompile, "-o", str(ready)], check=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool, cache.open("a") as remembered:
        for header, errors in zip(todo, pool.map(compile_alone, todo)):
            if not errors:
                remembered.write(key(header) + "\n")
                continue
            first = next((line for line in errors.splitlines() if "error:" in line), errors.splitlines()[0])
            line = re.search(re.escape(header.name) + r":(\d+):", first)
            sentence = first.split("error: ")[-1]
            yield Breach(header.path, int(line[1]) if line else 1, f"does not compile alone: {sentence}")


def standard_headers(tree: Tree) -> Iterator[Breach]:
    """What a file uses of std it includes, itself or by headers of ours; precompiled ones hide it."""
    for source in tree.cxx:
        reached = {name for one in tree.closure(source) for _, _, name in one.includes}
        reached |= {brought for name in reached for brought in BROUGHT.get(name, ())}
        wanted: dict[str, int] = {}  # the header, and where
        for use in USE.finditer(source.code):
            header = HEADER_OF.get(use[1])
            if header and header not in reached:
                wanted.setdefault(header, source.code.count("\n", 0, use.start()) + 1)
        for header, line in wanted.items():
            yield Breach(source.path, line, f"<{header}> is not included")


def libraries(tree: Tree) -> Iterator[Breach]:
    """Third-party headers stand in .cc files of the room that owns the library."""
    for source in tree.cxx:
        for line, bracket, name in source.includes:
            if bracket == '"' or SYSTEM_HEADER.match(name) or tree.resolve(name):
                continue
            if name.startswith("doctest/"):
                if not (source.is_test or source.room == "testing"):
                    yield Breach(source.path, line, "doctest belongs in *_test.cc and *_fixture.h")
                continue
            owner = next((rooms for pattern, rooms in LIBRARIES if re.match(pattern, name)), set())
            if owner == set():
                yield Breach(
                    source.path,
                    line,
                    f"<{name}> is of no known library: add it to LIBRARIES in tools/tidy.py",
                )
            elif source.is_header and not name.endswith("_fwd.hpp"):  # declarations alone drag nothing in
                yield Breach(
                    source.path, line, f"<{name}> in a header; third-party headers stand in .cc files"
                )
            elif owner is not None and source.room not in owner:
                yield Breach(
                    source.path,
                    line,
                    f"<{name}> belongs to {', '.join(sorted(owner))}, not to {source.room}/",
                )


def ban_rule(ban: Ban) -> Callable[[Tree], Iterator[Breach]]:
    def rule(tree: Tree) -> Iterator[Breach]:
        for source in tree.cxx:
            in_tests = source.is_test or source.room == "testing"
            if (
                source.room in ban.rooms
                or (in_tests and ban.in_tests)
                or (ban.only_tests and not source.is_test)
            ):
                continue
            for match in re.finditer(ban.pattern, source.code):
                line = source.code.count("\n", 0, match.start()) + 1
                yield Breach(source.path, line, f"{match.group().strip('(').strip()}: {ban.instead}")

    rule.__doc__ = f"Not used: {ban.name} ({ban.instead})."
    return rule


# --- what people read


def room_readmes(tree: Tree) -> Iterator[Breach]:
    """Every room has a README.md of at most 40 lines."""
    for room in tree.arrows:
        readme = tree.by_path.get(f"src/{room}/README.md")
        if readme is None:
            yield Breach(f"src/{room}", 1, "has no README.md: what it is for, its files, its rules")
        elif len(readme.lines) > README_LINES_MAX:
            yield Breach(
                readme.path, README_LINES_MAX + 1, f"{len(readme.lines)} lines; at most {README_LINES_MAX}"
            )


def machine_paths(tree: Tree) -> Iterator[Breach]:
    """No path of one person's machine."""
    pattern = re.compile(r"(?<![\w.-])/(home|Users)/[a-z]\w*/|(?<![\w.-])/(work|farm|workspace)/\w")
    for source in tree.sources:
        for number, line in enumerate(source.lines if source.is_text else [], 1):
            if match := pattern.search(line):
                yield Breach(source.path, number, f"{match.group()}... is a path of one machine")


def links(tree: Tree) -> Iterator[Breach]:
    """Every link of a .md to a file of the tree leads somewhere."""
    for source in tree.sources:
        for number, line in enumerate(source.lines if source.name.endswith(".md") else [], 1):
            for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", line):
                if not (source.full.parent / target).exists():
                    yield Breach(source.path, number, f"the link to {target} leads nowhere")


def unfinished(tree: Tree) -> Iterator[Breach]:
    """No notes to oneself: what is missing is an issue."""
    pattern = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    for source in tree.sources:
        for number, line in enumerate(source.lines if source.is_text and source.name != "LICENSE" else [], 1):
            if match := pattern.search(line):
                yield Breach(source.path, number, f"{match.group()}: finish it, or open an issue")


def changelog(tree: Tree) -> Iterator[Breach]:
    """CHANGELOG.md has versions, three kinds of section, and entries of the form `- area: text`."""
    source = tree.by_path.get("CHANGELOG.md")
    if source is None or not source.lines:
        yield Breach("CHANGELOG.md", 1, "is missing or empty")
        return
    sections = ("### Safety and performance", "### Features", "### Internals")
    versions = 0
    if source.lines[0] != "# Changelog":
        yield Breach(source.path, 1, "opens with `# Changelog`")
    for number, line in enumerate(source.lines[1:], 2):
        if line.startswith("## "):
            versions += 1
            if not re.fullmatch(r"## (Unreleased|\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\))", line):
                yield Breach(source.path, number, "a version is `## Unreleased` or `## 1.2.3 (2026-11-21)`")
        elif line.startswith("#") and line not in sections:
            yield Breach(source.path, number, "a section is one of: " + ", ".join(s[4:] for s in sections))
        elif line.startswith("- ") and not re.match(r"- [a-z][a-z0-9 ,/._-]*: \S", line):
            yield Breach(source.path, number, "an entry is `- area: what changed for its user`")
    if versions == 0:
        yield Breach(source.path, 1, "names no version")


def modes(tree: Tree) -> Iterator[Breach]:
    """A file is executable exactly when it starts with #!."""
    for source in tree.sources:
        if source.is_corpus or source.full.is_symlink():
            continue
        script, executable = source.data.startswith(b"#!"), bool(source.full.stat().st_mode & 0o100)
        if script and not executable:
            yield Breach(source.path, 1, "starts with #! but is not executable")
        elif executable and not script:
            yield Breach(source.path, 1, "is executable but does not start with #!")


RULES: dict[str, Callable[[Tree], Iterator[Breach]]] = {
    "layers": layers,
    "cycles": cycles,
    "file-lines": file_lines,
    "function-lines": function_lines,
    "line-columns": line_columns,
    "room-files": room_files,
    "file-bytes": file_bytes,
    "dead-files": dead_files,
    "self-contained": self_contained,
    "standard-headers": standard_headers,
    "libraries": libraries,
    **{"banned-" + ban.name: ban_rule(ban) for ban in BANNED},
    "room-readmes": room_readmes,
    "machine-paths": machine_paths,
    "links": links,
    "unfinished": unfinished,
    "changelog": changelog,
    "modes": modes,
}


def read_exceptions(root: Path) -> dict[tuple[str, str], int]:
    """(path, rule) -> line of tools/tidy_exceptions.txt."""
    path, found = root / "tools/tidy_exceptions.txt", {}
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        if line.strip() and not line.startswith("#"):
            words = line.split(maxsplit=2)
            if len(words) < 3 or words[1] not in RULES:
                sys.exit(f"{path}:{number}: an exception is: path, a rule, the reason")
            found[words[0], words[1]] = number
    return found


def check(root: Path, names: list[str]) -> tuple[dict[str, list[Breach]], int]:
    """The breaches of each rule, after the exceptions, and how many rules hold."""
    tree, exceptions = Tree(root), read_exceptions(root)
    unused = {place: line for place, line in exceptions.items() if place[1] in names}
    breaches: dict[str, list[Breach]] = {}
    for name in names:
        breaches[name] = []
        for breach in RULES[name](tree):
            if (breach.path, name) in exceptions:
                unused.pop((breach.path, name), None)
            else:
                breaches[name].append(breach)
    for (path, rule), line in unused.items():
        breaches[rule].append(
            Breach("tools/tidy_exceptions.txt", line, f"excuses nothing: {path} keeps {rule}")
        )
    return breaches, sum(not found for found in breaches.values())


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks the rules of the house.")
    parser.add_argument("rules", nargs="*", metavar="RULE", help="only these rules")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument(
        "--count", action="store_true", help="end with `N passed, N failed`, counted in rules"
    )
    parser.add_argument("--list", action="store_true", help="name the rules")
    options = parser.parse_args()
    for name in options.rules:
        if name not in RULES:
            parser.error(f"no rule {name!r}; --list names them")
    if options.list:
        for name, rule in RULES.items():
            print(f"{name:20} {(rule.__doc__ or '').strip()}")
        return 0
    breaches, passed = check(options.root, options.rules or list(RULES))
    for name, found in breaches.items():
        for breach in found:
            print(f"{breach.path}:{breach.line}: {breach.text} [{name}]")
    if options.count:
        print(f"{passed} passed, {len(breaches) - passed} failed")
    return 0 if passed == len(breaches) else 1


if __name__ == "__main__":
    sys.exit(main())
