#!/usr/bin/env python3
"""build: weir's Debian package, of a program that was built already. `./dev package` calls it.

Prints the package's path. The version is what the program says; times are those of the last commit, so that
the same tree and program make the same package.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from email.utils import formatdate
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
ROLES = ["up", "controller", "edge", "dns", "node"]
MAINTAINER = "The weir authors <weir@weir.example>"
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/weir",
    "zsh": "usr/share/zsh/vendor-completions/_weir",
    "fish": "usr/share/fish/vendor_completions.d/weir.fish",
}
THIRD_PARTY = ["aws-lc", "envoy-api"]  # linked statically; each has its licence in build/


def output_of(*command: str | Path, cwd: Path = ROOT) -> str:
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def version_of(binary: Path, revision: str) -> str:
    said = output_of(binary, "version")
    found = re.fullmatch(r"weir (\d[0-9a-z.+~]*)", said)
    if not found:
        sys.exit(f"build.py: {binary} says that it is {said!r}, which is no version")
    return f"{found[1]}-{revision}"


def time_of_last_commit() -> int:
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    return int(output_of("git", "log", "-1", "--format=%ct"))


def put(source: Path, to: Path, mode: int = 0o644) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
    to.chmod(mode)


def write(to: Path, text: str, mode: int = 0o644) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text)
    to.chmod(mode)


def write_compressed(to: Path, text: str) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    to.chmod(0o644)


def changelog(version: str, seconds: int) -> str:
    return (
        f"weir ({version}) unstable; urgency=medium\n\n"
        "  * What is new is in /usr/share/doc/weir/changelog.gz.\n\n"
        f" -- {MAINTAINER}  {formatdate(seconds)}\n"
    )


def put_pages(folder: Path, binary: Path) -> None:
    """Of the manual: weir(1), to which the package adds what it brings, and one of each command."""
    page = output_of(binary, "help", "--man") + "\n"
    write_compressed(folder / "weir.1.gz", page + (PACKAGING / "weir.1").read_text())
    for escaped in re.findall(r"^\.B weir (\S+)$", page, re.M):
        word = escaped.replace("\\-", "-")
        write_compressed(folder / f"weir-{word}.1.gz", output_of(binary, "help", "--man", word) + "\n")


def stage(root: Path, binary: Path, version: str, seconds: int) -> None:
    """Everything that the package puts on a machine."""
    put(binary, root / "usr/bin/weir", 0o755)
    subprocess.run(["strip", "--strip-unneeded", root / "usr/bin/weir"], check=True)
    put(PACKAGING / "start", root / "usr/libexec/weir/start", 0o755)
    put(ROOT / "examples/boot/join.sh", root / "usr/libexec/weir/join", 0o755)
    for unit in sorted((PACKAGING / "systemd").iterdir()):
        put(unit, root / "lib/systemd/system" / unit.name)
    put(PACKAGING / "sysusers.conf", root / "usr/lib/sysusers.d/weir.conf")
    put(PACKAGING / "tmpfiles.conf", root / "usr/lib/tmpfiles.d/weir.conf")
    for role in ROLES:  # there may be a password in one
        put(PACKAGING / f"etc/{role}.env", root / f"etc/weir/{role}.env", 0o600)
    for watched in ("prometheus/weir.rules.yml", "grafana/weir.json"):
        put(PACKAGING / watched, root / "usr/share/weir" / watched)
    documents = root / "usr/share/doc/weir"
    put(PACKAGING / "debian/copyright", documents / "copyright")
    for name in THIRD_PARTY:
        put(ROOT / "build" / name / "LICENSE", documents / f"third-party/{name}.txt")
    write_compressed(documents / "changelog.gz", (ROOT / "CHANGELOG.md").read_text())
    write_compressed(documents / "changelog.Debian.gz", changelog(version, seconds))
    for example in ("web.yaml", "discovery.yaml"):
        put(ROOT / "examples" / example, documents / "examples" / example)
    put_pages(root / "usr/share/man/man1", binary)
    for shell, path in COMPLETIONS.items():
        write(root / path, output_of(binary, "completion", shell) + "\n")
    put(PACKAGING / "debian/lintian-overrides", root / "usr/share/lintian/overrides/weir")


def depends_on(root: Path) -> str:
    """What the program links, as packages with versions."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "debian").mkdir()
        shutil.copyfile(PACKAGING / "debian/control.in", Path(folder) / "debian/control")
        said = output_of("dpkg-shlibdeps", "-O", root / "usr/bin/weir", cwd=Path(folder))
    return said.removeprefix("shlibs:Depends=")


def control(root: Path, version: str) -> str:
    source, package = (PACKAGING / "debian/control.in").read_text().split("\n\n", 1)
    files = [path for path in root.rglob("*") if path.is_file()]
    fields = {
        "Architecture": output_of("dpkg", "--print-architecture"),
        "Version": version,
        "Installed-Size": str(sum(-(-path.stat().st_size // 1024) for path in files)),
    }
    taken = [line for line in source.splitlines() if line.startswith(("Section", "Priority", "Maintainer"))]
    head, rest = package.split("Architecture: any\n")
    text = head + "".join(f"{name}: {value}\n" for name, value in fields.items())
    return text + "\n".join(taken) + "\n" + rest.replace("${shlibs:Depends}", depends_on(root))


def write_control(root: Path, version: str) -> None:
    folder = root / "DEBIAN"
    text = control(root, version)
    sums = {
        path.relative_to(root): hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
    write(folder / "control", text)
    write(folder / "conffiles", "".join(f"/etc/weir/{role}.env\n" for role in ROLES))
    write(
        folder / "md5sums",
        "".join(f"{sum_}  {path}\n" for path, sum_ in sums.items() if path.parts[0] != "etc"),
    )
    for script in ("postinst", "prerm", "postrm"):
        put(PACKAGING / "debian" / script, folder / script, 0o755)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/weir")
    parser.add_argument("--output", type=Path, default=ROOT / "build/packages", help="a folder")
    parser.add_argument("--revision", default="1", help="of the package, behind the program's version")
    parser.add_argument("--fast", action="store_true", help="hardly compressed, for tests")
    asked = parser.parse_args()
    version, seconds = version_of(asked.binary, asked.revision), time_of_last_commit()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        os.umask(0o022)
        root.chmod(0o755)
        stage(root, asked.binary, version, seconds)
        write_control(root, version)
        asked.output.mkdir(parents=True, exist_ok=True)
        path = asked.output / f"weir_{version}_{output_of('dpkg', '--print-architecture')}.deb"
        compression = ["-Zgzip", "-z1"] if asked.fast else ["-Zxz"]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(seconds)}
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", *compression, "--build", root, path],
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
    print(path)


if __name__ == "__main__":
    main()
