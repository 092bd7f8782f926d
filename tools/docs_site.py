#!/usr/bin/env python3
"""docs_site: the documentation as pages for a browser, in build/site: `./dev docs`.

Which pages there are, and in which order, is in docs/site/pages.yaml. The text is the Markdown of the
repository, which reads as well where it is; API, limits and reason codes come from docs/openapi.json and the
sources. A link that leads nowhere ends the build.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import shutil
import sys
from pathlib import Path, PurePosixPath
from typing import Iterator, NamedTuple

import markdown
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))

import docs_reference

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(```+|~~~+)")
LINK = re.compile(r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+(?:\([^)]*\))?)\)")


class Broken(Exception):
    """A link that leads nowhere; the text says which and where."""


def plain(heading: str) -> str:
    """Without the marks of code and stress."""
    return re.sub(r"[`*]", "", heading)


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = plain(text).strip().lower()
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text))


class Heading(NamedTuple):
    line: int
    level: int
    text: str
    anchor: str


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is in no block of code."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        if mark := FENCE.match(line):
            fence = "" if fence and line.startswith(fence) else fence or mark[1]
        elif not fence:
            yield number, line


def headings(text: str) -> list[Heading]:
    """In their order; of two with one text the second's anchor has -1."""
    found: list[Heading] = []
    seen: dict[str, int] = {}
    for number, line in prose(text):
        if title := re.match(r"^(#{1,6})\s+(.*?)\s*#*$", line):
            anchor = slug(title[2])
            count = seen.get(anchor, 0)
            seen[anchor] = count + 1
            found.append(Heading(number, len(title[1]), title[2], f"{anchor}-{count}" if count else anchor))
    return found


def links(text: str) -> list[tuple[int, str]]:
    """Line and target of each link, code left out."""
    return [
        (number, link["target"])
        for number, line in prose(text)
        for link in LINK.finditer(re.sub(r"`[^`]*`", "", line))
    ]


def wrong_links(root: Path, path: Path) -> list[str]:
    """What is wrong with the links of one Markdown file; those to other sites are not followed."""
    wrong = []
    text = path.read_text("utf-8")
    for line, target in links(text):
        if re.match(r"^[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        where = f"{path.relative_to(root)}:{line}: {target}"
        if not there.exists():
            wrong.append(f"{where} leads nowhere")
        elif anchor and there.suffix == ".md":
            if anchor not in {one.anchor for one in headings(there.read_text("utf-8"))}:
                wrong.append(f"{where}: there is no such heading")
    return wrong


class Page:
    def __init__(self, source: str, title: str, text: str):
        self.source = source  # in the repository
        self.text = text
        self.headings = headings(text)
        first = next((one.text for one in self.headings), source)
        self.title = title or plain(first)
        self.address = str(PurePosixPath(source).with_suffix(".html"))
        if source == "docs/index.md":
            self.address = "index.html"


def load(root: Path) -> list[tuple[str, list[Page]]]:
    """Sections and their pages."""
    sections = []
    for section in yaml.safe_load((root / "docs/site/pages.yaml").read_text("utf-8")):
        pages = []
        for one in section["pages"]:
            if generated := one.get("generated"):
                text = docs_reference.GENERATED[generated](root)
                pages.append(Page(f"reference/{generated}.md", one["title"], text))
                continue
            names = [one["page"]] if "page" in one else sorted(map(str, root.glob(one["pages"])))
            for name in names:
                source = os.path.relpath(root / name, root)
                pages.append(Page(source, one.get("title", ""), (root / source).read_text("utf-8")))
        sections.append((section["section"], pages))
    return sections


class Site:
    def __init__(self, root: Path, out: Path):
        self.root, self.out = root, out
        self.sections = load(root)
        self.pages = [page for _, pages in self.sections for page in pages]
        self.by_source = {page.source: page for page in self.pages}
        self.template = (root / "docs/site/page.html").read_text("utf-8")

    def address_of(self, page: Page, target: str) -> str | None:
        """Where a link of a page leads on the site; files come along. None: to nothing that is there."""
        if re.match(r"^[a-z]+:", target) or target.startswith("#"):
            return target
        name, _, anchor = target.partition("#")
        source = os.path.normpath(os.path.join(os.path.dirname(page.source), name))
        here = os.path.dirname(page.address)
        suffix = f"#{anchor}" if anchor else ""
        known = self.by_source.get(source) or self.by_source.get(f"{source}/README.md")
        if known:
            return os.path.relpath(known.address, here) + suffix
        there = self.root / source
        if there.is_file():
            copy = self.out / source
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(there, copy)
            return os.path.relpath(source, here) + suffix
        if there.is_dir():
            return None
        raise Broken(f"{page.source}: {target} leads nowhere")

    def body(self, page: Page) -> str:
        converter = markdown.Markdown(
            extensions=["tables", "fenced_code", "sane_lists", "codehilite", "attr_list"],
            extension_configs={"codehilite": {"guess_lang": False, "css_class": "code"}},
        )
        # What stands behind the language of a block is for who runs it.
        text = re.sub(r"^(```\w+) .*$", r"\1", page.text, flags=re.M)
        body = converter.convert(text)

        def link(match: re.Match[str]) -> str:
            address = self.address_of(page, html.unescape(match[2]))
            return f'<a href="{html.escape(address)}">{match[3]}</a>' if address else match[3]

        body = re.sub(r'<a (?:class="[^"]*" )?(href)="([^"]*)">(.*?)</a>', link, body, flags=re.S)

        def picture(match: re.Match[str]) -> str:
            return f'src="{html.escape(self.address_of(page, html.unescape(match[1])) or "")}"'

        body = re.sub(r'src="([^"]*)"', picture, body)
        anchors = iter(page.headings)

        def heading(match: re.Match[str]) -> str:
            anchor = next(anchors).anchor
            link = f'<a class="anchor" href="#{anchor}">{match[2]}</a>'
            return f'<h{match[1]} id="{anchor}">{link}</h{match[1]}>'

        body = re.sub(r"<h([1-6])>(.*?)</h\1>", heading, body, flags=re.S)
        return body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")

    def navigation(self, page: Page) -> str:
        here = os.path.dirname(page.address)
        lines = []
        for name, pages in self.sections:
            is_open = " open" if page in pages or name in ("Begin", "How to") else ""
            lines.append(f"<details{is_open}><summary>{html.escape(name)}</summary><ul>")
            for one in pages:
                current = ' aria-current="page"' if one is page else ""
                address = html.escape(os.path.relpath(one.address, here))
                lines.append(f'<li><a href="{address}"{current}>{html.escape(one.title)}</a></li>')
            lines.append("</ul></details>")
        return "\n".join(lines)

    def contents(self, page: Page) -> str:
        entries = [one for one in page.headings if one.level == 2]
        if len(entries) < 3:
            return ""
        lines = [f'<li><a href="#{one.anchor}">{html.escape(plain(one.text))}</a></li>' for one in entries]
        return '<nav class="contents" aria-label="On this page"><ul>' + "\n".join(lines) + "</ul></nav>"

    def found_by(self) -> list[dict[str, str]]:
        """What the search looks through: a part under each heading."""
        parts = []
        for page in self.pages:
            lines = page.text.splitlines()
            begins = [Heading(0, 1, page.title, ""), *page.headings]
            ends = [*(one.line - 1 for one in page.headings), len(lines)]
            for heading, end in zip(begins, ends):
                text = re.sub(r"[`*|#\[\]]|\([^)\s]*\)", " ", " ".join(lines[heading.line : end]))
                words = re.sub(r"\s+", " ", text).strip()
                address = page.address + (f"#{heading.anchor}" if heading.anchor else "")
                part = {"page": page.title, "title": plain(heading.text), "text": words[:600]}
                if words:
                    parts.append({**part, "address": address})
        return parts

    def build(self) -> int:
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        for page in self.pages:
            up = os.path.relpath(".", os.path.dirname(page.address) or ".")
            values = {
                "title": html.escape(page.title),
                "root": "" if up == "." else up + "/",
                "navigation": self.navigation(page),
                "contents": self.contents(page),
                "body": self.body(page),
                "source": html.escape(page.source),
            }
            text = re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], self.template)
            path = self.out / page.address
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        for name in ("site.css", "site.js"):
            shutil.copyfile(self.root / "docs/site" / name, self.out / name)
        search = json.dumps(self.found_by(), ensure_ascii=False, separators=(",", ":"))
        # A script, so that it loads from a disk, too.
        (self.out / "search.js").write_text(f"globalThis.parts = {search};\n", "utf-8")
        return len(self.pages)


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the documentation as a site.")
    parser.add_argument("--out", type=Path, default=ROOT / "build/site")
    options = parser.parse_args()
    try:
        count = Site(ROOT, options.out).build()
    except Broken as broken:
        print(f"docs: {broken}", file=sys.stderr)
        return 1
    print(f"{options.out}/index.html: {count} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
