"""Every rule of tidy.py fires on a bad sample, at the right line, and not on a good one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import tidy
from tidy_tree import Tree, functions, strip

LAYERS = "base:\nnet: base\nhttp: base net\nstore: base net\ntesting: base net store\n"
HEADER = "#pragma once\n"


def make(root: Path, files: dict[str, str]) -> Tree:
    for path, text in {"src/LAYERS": LAYERS, ".gitignore": "/build/\n*.pyc\n", **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Tree(root)


def found(tree: Tree, rule: str) -> list[tuple[str, int]]:
    return [(breach.path, breach.line) for breach in tidy.RULES[rule](tree)]


# rule, files of a good tree, files of a bad tree, where the bad one is caught
SAMPLES = [
    (
        "layers",
        {
            "src/net/a.cc": '#include "base/b.h"\n',
            "src/base/b.h": HEADER,
            "src/base/c_test.cc": '#include "net/d.h"\n',
            "src/net/d.h": '// #include "http/e.h"\n',
            "src/base/e.cc": '/*\n#include "http/e.h"\n*/\n',
        },
        {"src/base/b.cc": '#include <vector>\n#include "net/d.h"\n', "src/net/d.h": HEADER},
        ("src/base/b.cc", 2),
    ),
    ("layers", {}, {"src/net/a.cc": '#include "net/missing.h"\n'}, ("src/net/a.cc", 1)),
    ("layers", {}, {"src/net/a.cc": "#include <base/b.h>\n", "src/base/b.h": HEADER}, ("src/net/a.cc", 1)),
    ("layers", {}, {"src/net/a.cc": '#include "net/b.cc"\n', "src/net/b.cc": ""}, ("src/net/a.cc", 1)),
    ("layers", {}, {"src/unlisted/a.cc": ""}, ("src/LAYERS", 1)),
    (
        "layers",
        {
            "src/net/a_fixture.h": '#include "testing/b.h"\n',
            "src/testing/b.h": HEADER,
            "src/net/a_test.cc": '#include "net/a_fixture.h"\n',
        },
        {"src/net/a_fixture.h": HEADER, "src/net/a.cc": '#include "net/a_fixture.h"\n'},
        ("src/net/a.cc", 1),
    ),
    (
        "cycles",
        {"src/net/a.h": '#include "net/b.h"\n', "src/net/b.h": HEADER},
        {"src/net/a.h": '#include "net/b.h"\n', "src/net/b.h": '#include "net/a.h"\n'},
        ("src/net/a.h", 1),
    ),
    ("cycles", {"src/LAYERS": "a:\nb: a\nc: a b\n"}, {"src/LAYERS": "a: c\nb: a\nc: b\n"}, ("src/LAYERS", 1)),
    ("cycles", {}, {"src/LAYERS": "a: b\n"}, ("src/LAYERS", 1)),
    (
        "standard-headers",
        {
            "src/net/a.h": "#include <map>\nstd::pair<int, int> b;\n",
            "src/net/a.cc": '#include "net/a.h"\nstd::map<int, int> c;\n// std::set\n',
        },
        {"src/net/a.cc": '#include "net/a.h"\nint b = std::min(1, 2);\n', "src/net/a.h": HEADER},
        ("src/net/a.cc", 2),
    ),
    ("file-lines", {"src/net/a.cc": "//\n" * 600}, {"src/net/a.cc": "//\n" * 601}, ("src/net/a.cc", 601)),
    ("line-columns", {"tools/a.py": "#" * 110}, {"tools/a.py": "\n" + "#" * 111}, ("tools/a.py", 2)),
    (
        "function-lines",
        {"src/net/a.cc": "void f() {\n" + "  g();\n" * 68 + "}\n"},
        {"src/net/a.cc": "\nvoid f() {\n" + "  g();\n" * 69 + "}\n"},
        ("src/net/a.cc", 2),
    ),
    (
        "function-lines",
        {"tools/a.py": "def f():\n" + "    g()\n" * 69},
        {"tools/a.py": "def f():\n" + "    g()\n" * 71},
        ("tools/a.py", 1),
    ),
    (
        "room-files",
        {f"src/net/f{i}.cc": "" for i in range(30)} | {"src/net/a_test.cc": ""},
        {f"src/net/f{i}.cc": "" for i in range(31)},
        ("src/net", 1),
    ),
    ("file-bytes", {"docs/a.md": "x" * 1_000_000}, {"docs/a.md": "x" * 1_000_001}, ("docs/a.md", 1)),
    (
        "dead-files",
        {"src/net/a.h": HEADER, "src/net/b.cc": '#include "net/a.h"\n'},
        {
            "src/net/a.h": HEADER,
            "src/net/a.cc": '#include "net/a.h"\n',
            "src/net/a_test.cc": '#include "net/a.h"\n',
        },
        ("src/net/a.h", 1),
    ),
    ("dead-files", {"src/net/a.cc": ""}, {"src/net/deep/a.cc": ""}, ("src/net/deep/a.cc", 1)),
    ("dead-files", {"src/testing/a_main.cc": ""}, {"src/net/a_main.cc": ""}, ("src/net/a_main.cc", 1)),
    ("dead-files", {"src/program/main.cc": ""}, {"src/net/main.cc": ""}, ("src/net/main.cc", 1)),
    (
        "dead-files",
        {"src/net/a_fuzz.cc": "", "src/net/corpus/a_fuzz/1": "x"},
        {"src/net/a_fuzz.cc": "", "src/net/corpus/b_fuzz/1": "x"},
        ("src/net/a_fuzz.cc", 1),
    ),
    ("dead-files", {}, {"src/net/corpus/b_fuzz/1": "x"}, ("src/net/corpus/b_fuzz", 1)),
    (
        "self-contained",
        {
            "src/net/a.h": '#pragma once\n#include <string>\n#include "base/b.h"\nstd::string a(B);\n',
            "src/base/b.h": "#pragma once\nstruct B {};\n",
        },
        {"src/net/a.h": "#pragma once\nstruct A {};\nB a();\n"},
        ("src/net/a.h", 3),
    ),
    (
        "libraries",
        {
            "src/store/a.cc": "#include <sqlite3.h>\n#include <sys/stat.h>\n#include <vector>\n",
            "src/store/b.cc": "#include <fmt/core.h>\n",
            "src/store/a_test.cc": "#include <doctest/doctest.h>\n",
        },
        {"src/net/a.cc": "#include <vector>\n#include <sqlite3.h>\n"},
        ("src/net/a.cc", 2),
    ),
    (
        "libraries",
        {"src/config/a.h": "#include <nlohmann/json_fwd.hpp>\n"},
        {"src/config/a.h": "#include <nlohmann/json.hpp>\n"},
        ("src/config/a.h", 1),
    ),
    ("libraries", {}, {"src/net/a.h": "#include <nlohmann/json_fwd.hpp>\n"}, ("src/net/a.h", 1)),
    ("libraries", {}, {"src/store/a.h": "#include <sqlite3.h>\n"}, ("src/store/a.h", 1)),
    ("libraries", {}, {"src/net/a.h": "#include <fmt/core.h>\n"}, ("src/net/a.h", 1)),
    ("libraries", {}, {"src/net/a.cc": "#include <boost/asio.hpp>\n"}, ("src/net/a.cc", 1)),
    ("libraries", {}, {"src/net/a.cc": "#include <doctest/doctest.h>\n"}, ("src/net/a.cc", 1)),
    (
        "room-readmes",
        {f"src/{room}/README.md": "x\n" * 40 for room in ("base", "net", "http", "store", "testing")},
        {"src/base/README.md": "x\n" * 41},
        ("src/base/README.md", 41),
    ),
    (
        "room-readmes",
        {f"src/{room}/README.md": "x\n" for room in ("base", "net", "http", "store", "testing")},
        {},
        ("src/net", 1),
    ),
    (
        "machine-paths",
        {"docs/a.md": "see /etc/hosts and https://a/home/page/\n"},
        {"docs/a.md": "\nsee /ho" "me/ann/weir\n"},
        ("docs/a.md", 2),
    ),
    (
        "links",
        {"docs/a.md": "[b](../src/LAYERS) [c](https://example.org/x) [d](#part) [e](a.md#part)\n"},
        {"docs/a.md": "\n[b](c.md)\n"},
        ("docs/a.md", 2),
    ),
    (
        "unfinished",
        {"docs/a.md": "nothing to do here\n"},
        {"docs/a.md": "\nTO" "DO: more\n"},
        ("docs/a.md", 2),
    ),
    (
        "changelog",
        {"CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n### Features\n\n- dev: verbs\n"},
        {},
        ("CHANGELOG.md", 1),
    ),
    (
        "changelog",
        {"CHANGELOG.md": "# Changelog\n\n## 1.2.3 (2026-11-21)\n"},
        {"CHANGELOG.md": "# Changelog\n\n## 1.2.3\n"},
        ("CHANGELOG.md", 3),
    ),
    (
        "changelog",
        {"CHANGELOG.md": "# Changelog\n## Unreleased\n### Internals\n- net, http: x\n"},
        {"CHANGELOG.md": "# Changelog\n## Unreleased\n### Misc\n"},
        ("CHANGELOG.md", 3),
    ),
    (
        "changelog",
        {"CHANGELOG.md": "# Changelog\n## Unreleased\n"},
        {"CHANGELOG.md": "# Changelog\n## Unreleased\n- Fixed it\n"},
        ("CHANGELOG.md", 3),
    ),
    ("modes", {"tools/a.py": "x = 1\n"}, {"tools/a.py": "#!/usr/bin/env python3\n"}, ("tools/a.py", 1)),
]

# ban, file and text that pass, text that is caught at line 2 of src/http/a.cc (or a_test.cc)
BANS = [
    ("format", "src/http/a.cc", "fmt::format(x); std::formatter<A> a;", "std::format(x);"),
    ("throw", "src/http/a.cc", '"throw"; // throw\nint throw_away;', "throw 1;"),
    ("thread", "src/net/a.cc", "std::thread t; std::this_thread::get_id();", "std::thread t;"),
    ("thread", "src/http/a_test.cc", "std::jthread t;", "std::jthread t;"),
    ("clock", "src/net/a.cc", "std::chrono::steady_clock::now();", "std::chrono::steady_clock::now();"),
    (
        "clock",
        "src/http/a.cc",
        "clock.now(); std::chrono::steady_clock::time_point t;",
        "clock_gettime (x, y);",
    ),
    ("random", "src/net/a.cc", "getrandom(b, 16, 0);", "std::mt19937 g;"),
    ("random", "src/http/a.cc", "operand(1); my_rand(2);", "srand(1);"),
    ("sleep", "src/http/a.cc", "sleep(1);", None),
    ("sleep", "src/http/a_test.cc", "co_await net::sleep(loop, 5ms); clock.sleep(1);", "sleep(1);"),
    ("printf", "src/program/a.cc", "std::printf();", "std::fprintf(stderr, x);"),
    ("printf", "src/http/a.cc", "std::snprintf(a, 1, b);", "std::cerr << 1;"),
    ("assert", "src/http/a.cc", "static_assert(true);", "assert(x);"),
    ("getenv", "src/program/a.cc", "std::getenv(a);", "std::getenv(a);"),
    ("regex", "src/http/a.cc", "int regex;", "std::regex r;"),
    ("endl", "src/http/a.cc", "int endl;", "a << std::endl;"),
    ("using", "src/http/a.cc", "using namespace std::chrono_literals;", "using namespace std;"),
]


def test_every_rule_has_a_sample():
    proven = {sample[0] for sample in SAMPLES} | {"banned-" + ban[0] for ban in BANS}
    assert set(tidy.RULES) - proven == set()


@pytest.mark.parametrize("rule, good, bad, place", SAMPLES)
def test_rule(tmp_path: Path, rule: str, good: dict[str, str], bad: dict[str, str], place: tuple[str, int]):
    if good:
        assert found(make(tmp_path / "good", good), rule) == []
    assert place in found(make(tmp_path / "bad", bad), rule)


@pytest.mark.parametrize("name, path, good, bad", BANS)
def test_banned(tmp_path: Path, name: str, path: str, good: str, bad: str | None):
    assert found(make(tmp_path / "good", {path: good}), "banned-" + name) == []
    if bad is not None:
        place = "src/http/a_test.cc" if name == "sleep" else "src/http/a.cc"
        assert found(make(tmp_path / "bad", {place: "\n" + bad}), "banned-" + name) == [(place, 2)]


def test_modes_of_an_executable_without_interpreter_line(tmp_path: Path):
    tree = make(tmp_path, {"docs/a.md": "text\n"})
    (tmp_path / "docs/a.md").chmod(0o755)
    assert found(tree, "modes") == [("docs/a.md", 1)]


def test_self_contained_is_checked_again_when_a_header_below_changes(tmp_path: Path):
    files = {
        "src/net/a.h": '#pragma once\n#include "net/b.h"\nB a();\n',
        "src/net/b.h": "#pragma once\nstruct B {};\n",
    }
    assert found(make(tmp_path, files), "self-contained") == []
    files["src/net/b.h"] = HEADER
    assert found(make(tmp_path, files), "self-contained") == [("src/net/a.h", 3)]


def test_a_header_that_its_own_cc_includes_first_is_left_to_the_build(tmp_path: Path):
    files = {"src/net/a.h": "#pragma once\nB a();\n", "src/net/a.cc": '#include "net/a.h"\n'}
    assert found(make(tmp_path, files), "self-contained") == []
    files["src/net/a.cc"] = '#include <string>\n#include "net/a.h"\n'
    assert found(make(tmp_path, files), "self-contained") == [("src/net/a.h", 2)]


FUNCTIONS = [
    ("void f() {\n}\n", [("f", 1, 2)]),
    (
        "namespace a {\nint x{3};\nstruct B {\n int f() const { return 1; }\n Fn<void()> g = {};\n};\n}",
        [("f", 4, 1)],
    ),
    ("Foo::Foo(int a) : Base<int>{a}, a_{a}, b_(a) {\n  g();\n}\n", [("Foo::Foo", 1, 3)]),
    (
        "struct A {\n explicit A(int x)\n   : x_(x) {}\n int x_{0};\n};\nint g() { return 1; }",
        [("A", 3, 1), ("g", 6, 1)],
    ),
    ("template <class T, class U = B<T>>\nauto f(T t) -> Result<T> {\n if (t) {\n }\n}", [("f", 2, 4)]),
    ("bool A::operator==(const A& b) const {\n return true;\n}", [("A::operator==", 1, 3)]),
    (
        "constexpr int kTable[] = {1, 2,\n 3};\nenum class E : int { a };\nvoid f(Span<int> a = {}) {\n}",
        [("f", 4, 2)],
    ),
    ("const auto f = [](int x) {\n return x;\n};\nint g() { return 0; }", [("lambda", 1, 3), ("g", 4, 1)]),
    ('extern "C" {\nint f() {\n return 0;\n}\n}\nextern "C" int g(int a) {\n}', [("f", 2, 3), ("g", 6, 2)]),
    ("class alignas(64) A {\n public:\n  int f() {\n return '{';\n }\n};", [("f", 3, 3)]),
    ('TEST_CASE("a { b") {\n const char* r = R"(}}}\n)";\n // }\n int n = 1\'000;\n}', [("TEST_CASE", 1, 6)]),
    ("#define F(x) \\\n  if (x) {\nvoid f() {\n}", [("f", 3, 2)]),
]


@pytest.mark.parametrize("code, expected", FUNCTIONS)
def test_functions(code: str, expected: list[tuple[str, int, int]]):
    assert list(functions(strip(code, True))) == expected


def test_exceptions_excuse_only_what_they_name_and_must_be_used(tmp_path: Path):
    tree = {"src/store/a.cc": "throw 1;", "src/store/b.cc": "throw 1;"}
    reason = "src/store/a.cc banned-throw because\nsrc/store/c.cc banned-throw nothing\n"
    make(tmp_path, {**tree, "tools/tidy_exceptions.txt": reason})
    breaches, passed = tidy.check(tmp_path, ["banned-throw", "banned-regex"])
    assert [(b.path, b.line) for b in breaches["banned-throw"]] == [
        ("src/store/b.cc", 1),
        ("tools/tidy_exceptions.txt", 2),
    ]
    assert passed == 1


def test_the_program_prints_places_and_counts_and_fails(tmp_path: Path):
    make(tmp_path, {"src/store/a.cc": "\nthrow 1;"})
    command = [
        sys.executable,
        tidy.__file__,
        "--root",
        str(tmp_path),
        "--count",
        "banned-throw",
        "banned-regex",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stdout.splitlines() == [
        "src/store/a.cc:2: throw: errors are values: return fail(...) [banned-throw]",
        "1 passed, 1 failed",
    ]


def test_ignored_files_are_not_judged(tmp_path: Path):
    tree = make(tmp_path, {"build/a.cc": "throw 1;", "src/net/a.pyc": "x"})
    assert not {"build/a.cc", "src/net/a.pyc"} & set(tree.by_path)
