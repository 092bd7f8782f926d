"""The documentation as a site: anchors, links, search; and that all pages of the repository are in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import docs_reference
import docs_site

ROOT = Path(__file__).parent.parent
TEXT = """# One `two`

```sh run
# not a heading
```

## Why not? A/B, really
## Twice
## Twice
[there](#twice-1), `[not](#this)` [file](a.md#b)
"""


def test_headings_have_the_anchors_that_github_gives_them():
    assert [(one.level, one.anchor) for one in docs_site.headings(TEXT)] == [
        (1, "one-two"),
        (2, "why-not-ab-really"),
        (2, "twice"),
        (2, "twice-1"),
    ]


def test_links_in_code_are_none():
    assert docs_site.links(TEXT) == [(10, "#twice-1"), (10, "a.md#b")]


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("b.md", "nowhere"),
        ("a.md#nothing", "no such heading"),
        ("#nothing", "no such heading"),
        ("a.md#twice-1", ""),
        ("https://weir.example/#x", ""),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path, link, wrong):
    (tmp_path / "a.md").write_text(TEXT.replace("[file](a.md#b)", ""))
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\nsee [there]({link})\n")
    found = docs_site.wrong_links(tmp_path, page)
    assert (wrong in found[0] and found[0].startswith("page.md:3:")) if wrong else found == []


def test_no_link_of_the_repository_leads_nowhere():
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    wrong = [line for name in listed.stdout.split() for line in docs_site.wrong_links(ROOT, ROOT / name)]
    assert wrong == []


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    built = docs_site.Site(ROOT, tmp_path_factory.mktemp("site"))
    built.build()
    return built


def test_the_site_has_every_page_and_finds_what_they_say(site):
    left_out = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")} - set(site.by_source)
    assert left_out == {"docs/README.md"}, "put it into docs/site/pages.yaml"
    for page in site.pages:
        text = (site.out / page.address).read_text("utf-8")
        assert "{{" not in text.replace("{{name", "")
        for heading in page.headings:
            assert f'id="{heading.anchor}"' in text, (page.source, heading.anchor)
    parts = json.loads((site.out / "search.js").read_text("utf-8").split(" = ", 1)[1].rstrip(";\n"))
    assert {part["address"].partition("#")[0] for part in parts} == {page.address for page in site.pages}
    assert any("weir-reason" in part["text"] for part in parts)


def test_pictures_and_files_come_along(site):
    assert (site.out / "docs/pictures/parts.svg").exists()
    assert (site.out / "docs/openapi.json").exists()


def test_limits_are_read_with_their_reasons():
    text = """
// Why it is so,
// in two lines.
inline constexpr std::size_t kHeadBytesMax = 24 * 1024;
inline constexpr Duration kWaitTimeout = std::chrono::seconds(30);  // beside it
constexpr int kOther = 3;
"""
    assert docs_reference.limits_of(text) == [
        ("kHeadBytesMax", "24 * 1024", "Why it is so, in two lines."),
        ("kWaitTimeout", "std::chrono::seconds(30)", "beside it"),
    ]


def test_each_reason_and_flag_is_told():
    text = docs_reference.reasons(ROOT)
    for word in ("no_endpoint", "overloaded", "UPE", "revision-mismatch"):
        assert f"| `{word}` |" in text
