"""The tree that tidy.py judges: its files, their C++ without comments, their includes and functions."""

from __future__ import annotations

import fnmatch
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Iterator

TOKEN = re.compile(
    r'(?P<raw>R"(?P<mark>[^ ()\\\t\n]{0,16})\((?:.|\n)*?\)(?P=mark)")|(?P<comment>//[^\n]*|/\*(?:.|\n)*?\*/)'
    r"|(?P<string>\"(?:\\.|[^\"\\\n])*\"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*')"
)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)


def strip(text: str, strings: bool) -> str:
    """The text with comments (and what is inside strings) blanked; lines and columns stay."""

    def blank(match: re.Match[str]) -> str:
        word = match.group()
        if match["comment"]:
            return re.sub(r"[^\n]", " ", word)
        return word[0] + re.sub(r"[^\n]", " ", word[1:-1]) + word[-1] if strings else word

    return TOKEN.sub(blank, text)


class Source:
    """One file of the tree; path is relative to the root, with slashes."""

    def __init__(self, root: Path, path: str):
        self.path = path
        self.full = root / path
        parts = path.split("/")
        self.name = parts[-1]
        self.room = parts[1] if parts[0] == "src" and len(parts) > 2 else ""
        self.is_cxx = self.name.endswith((".h", ".cc"))
        self.is_header = self.name.endswith(".h")
        # foo_fixture.h: what several tests of a room share; no other file may include it
        self.is_test = self.name.endswith(("_test.cc", "_fuzz.cc", "_fixture.h"))
        self.is_corpus = "/corpus/" in path

    @cached_property
    def data(self) -> bytes:
        return self.full.read_bytes()

    @cached_property
    def is_text(self) -> bool:
        return not self.is_corpus and b"\0" not in self.data[:4096]

    @cached_property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def code(self) -> str:
        return strip(self.text, strings=True)

    @cached_property
    def includes(self) -> list[tuple[int, str, str]]:
        """(line, '<' or '"', name) of every #include that is not commented out."""
        text = strip(self.text, strings=False)
        return [(text.count("\n", 0, m.start()) + 1, m[1], m[2]) for m in INCLUDE.finditer(text)]


class Tree:
    """Every file under root that .gitignore does not name, and the arrows of src/LAYERS."""

    def __init__(self, root: Path):
        self.root = root
        self.sources = [Source(root, path) for path in sorted(self._walk())]
        self.by_path = {source.path: source for source in self.sources}
        self.cxx = [source for source in self.sources if source.is_cxx and source.room]
        self.arrows: dict[str, list[str]] = {}
        layers = root / "src/LAYERS"
        for line in layers.read_text().splitlines() if layers.exists() else []:
            if match := re.match(r"([a-z0-9]+):(.*)", line):
                self.arrows[match[1]] = match[2].split()

    def _walk(self) -> Iterator[str]:
        ignored = {".git/", ".pytest_cache/"}
        if (self.root / ".gitignore").exists():
            ignored |= {
                line.strip() for line in (self.root / ".gitignore").read_text().splitlines() if line.strip()
            }
        for folder, folders, files in os.walk(self.root):
            here = Path(folder).relative_to(self.root).as_posix()
            prefix = "" if here == "." else here + "/"
            folders[:] = [f for f in folders if not self._is_ignored(prefix + f + "/", ignored)]
            yield from (prefix + f for f in files if not self._is_ignored(prefix + f, ignored))

    @staticmethod
    def _is_ignored(path: str, ignored: set[str]) -> bool:
        name = path.rstrip("/").rsplit("/", 1)[-1] + ("/" if path.endswith("/") else "")
        return any("/" + path == rule or path == rule or fnmatch.fnmatch(name, rule) for rule in ignored)

    def resolve(self, include: str) -> Source | None:
        return self.by_path.get("src/" + include)

    def closure(self, source: Source) -> list[Source]:
        """The source and all project headers that it reaches, sorted by path."""
        found, open_list = {source.path: source}, [source]
        while open_list:
            for _, _, name in open_list.pop().includes:
                header = self.resolve(name)
                if header and header.path not in found:
                    found[header.path] = header
                    open_list.append(header)
        return [found[path] for path in sorted(found)]


def scope_of(statement: str, last: str) -> str:
    """What the brace after a statement opens: scope, function or value. What stood in () is already gone."""
    text = re.sub(r"\[\[[^\]]*\]\]|\b(public|private|protected)\s*:(?!:)", " ", statement)
    text = re.sub(r"\b(alignas|__attribute__|requires|decltype|explicit|noexcept)\s*\(\)", " ", text)
    shorter = re.sub(r"<[^<>]*>", "", text)
    while shorter != text:
        text, shorter = shorter, re.sub(r"<[^<>]*>", "", shorter)
    text = text.strip()
    if re.match(r'(inline\s+)?namespace\b|extern\s+"\s*"$', text):
        return "scope"
    assigned = re.search(r"(?<!operator)(?<![=!<>+\-*/|&^%])=(?!=)", text)
    if "(" not in text:
        return "scope" if re.search(r"\b(struct|class|union|enum)\b", text) and not assigned else "value"
    if assigned:
        return "function" if last == ")" else "value"
    if re.search(r"\)[^:]*(?<!:):(?!:)", text):  # constructor: members in braces, then the body
        return "function" if last in ")}" else "value"
    return "function"


def functions(code: str) -> Iterator[tuple[str, int, int]]:
    """(name, line, lines from brace to brace) of every function of stripped code."""
    code = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda m: re.sub(r"[^\n]", " ", m.group()), code, flags=re.M)
    statement, parens, position = "", 0, 0
    stack: list[tuple[str, int, str, int]] = []  # kind, offset, statement before, parens before
    for token in re.finditer(r"[{}();]", code):
        between, position = code[position : token.start()], token.end()
        kind = stack[-1][0] if stack else "scope"
        if kind == "scope" and parens == 0:
            statement += between
        match token.group():
            case "(" | ")" as paren:
                if kind == "scope" and parens == (0 if paren == "(" else 1):
                    statement += paren
                parens += 1 if paren == "(" else -1
            case "{":
                last = code[: token.start()].rstrip()[-1:]
                if kind == "function" or kind == "block":
                    opened = "block"
                elif kind == "value" or parens:
                    opened = "function" if last == ")" else "value"
                else:
                    opened = scope_of(statement, last)
                stack.append((opened, token.start(), statement, parens))
                parens = 0
                if opened != "value":
                    statement = ""
            case "}" if stack:
                closed, start, before, parens = stack.pop()
                if closed == "function":
                    name = re.search(r"((?:[\w:]+::)?operator[^\s(]+|[\w:~]+)\s*\(", before)
                    first = code.count("\n", 0, start) + 1
                    yield name[1] if name else "lambda", first, code.count("\n", start, token.start()) + 1
                statement = before + "{}" if closed == "value" or parens else ""
            case ";" if kind == "scope" and parens == 0:
                statement = ""


def find_cycle(graph: dict[str, list[str]]) -> list[str]:
    """The nodes of one cycle, the first repeated at the end; empty when there is none."""
    state: dict[str, int] = {}  # 1 on the path, 2 done
    for start in sorted(graph):
        path, todo = [], [(start, iter(graph.get(start, [])))]
        if start in state:
            continue
        state[start] = 1
        path.append(start)
        while todo:
            node, edges = todo[-1]
            following = next(edges, None)
            if following is None:
                state[node] = 2
                path.pop()
                todo.pop()
            elif state.get(following) == 1:
                return [*path[path.index(following) :], following]
            elif following not in state:
                state[following] = 1
                path.append(following)
                todo.append((following, iter(graph.get(following, []))))
    return []
