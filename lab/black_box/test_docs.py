"""The commands of the documentation as they stand there: blocks of a page that are marked `sh run`, one after
the other in one shell, beside a `weir up` with its default ports in a network of its own."""

import re
import shutil
import subprocess

import pytest

from lab import weir
from lab.process import ROOT

PAGES = ["README.md", "docs/quickstart.md", "docs/discovery.md"]
BLOCK = re.compile(r"^```sh run\n(.*?)^```$", re.M | re.S)
BEGIN = """
set -e
ip link set lo up
"$WEIR" up > up.log 2>&1 &
up=$!
trap 'kill $up $(jobs -p) 2>/dev/null; wait' EXIT
until [ -s weir-data/admin.token ] && curl -sf -o /dev/null http://127.0.0.1:8480/readyz; do
  kill -0 $up || { cat up.log >&2; exit 1; }
  read -t 0.1 < <(:) || true
done
set -x
"""


def blocks_of(page):
    return BLOCK.findall((ROOT / page).read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page(page, tmp_path):
    """Each ends well, and all of them within a minute."""
    blocks = blocks_of(page)
    assert blocks, f"no block of {page} is marked `sh run`"
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "build/release").mkdir(parents=True)
    (tmp_path / "build/release/weir").symlink_to(weir.BINARY.resolve())
    for name in ("examples", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", "bash", "-c", BEGIN + "\n".join(blocks)],
        cwd=tmp_path,
        env={
            "PATH": f"{tmp_path}/build/release:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(home),
            "WEIR": str(weir.BINARY.resolve()),
            "LANG": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:] + (tmp_path / "up.log").read_text()


def test_every_page_with_marked_blocks_is_run():
    marked = {
        str(path.relative_to(ROOT))
        for folder in ("docs", "examples")
        for path in (ROOT / folder).rglob("*.md")
        if BLOCK.search(path.read_text("utf-8"))
    }
    assert marked | {"README.md"} == set(PAGES)
