"""docs_reference: pages of the site that are read off the program, as Markdown: API, limits, reason codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

LIMIT = re.compile(
    r"^\s*(?:static |inline )*constexpr (?:std::)?(?P<type>[\w:]+) "
    r"k(?P<name>[A-Z]\w*(?:Max|Min|Timeout|Bytes))\s*=\s*(?P<value>[^;]+);(?:\s*//\s*(?P<why>.*))?$"
)


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def schema_word(schema: dict) -> str:
    """In a word or two what a schema takes."""
    if name := schema.get("$ref", "").rpartition("/")[2]:
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(schema_word(one) for one in schema[key])
    if schema.get("type") == "array":
        return "list of " + schema_word(schema.get("items", {}))
    if schema.get("enum"):
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if isinstance(extra := schema.get("additionalProperties"), dict):
        return "by name: " + schema_word(extra)
    return schema.get("format") or schema.get("type") or "anything"


def api(root: Path) -> str:
    """Every path and schema of docs/openapi.json."""
    document = json.loads((root / "docs/openapi.json").read_text("utf-8"))
    shared = document["components"]["parameters"]
    lines = [
        "# The API",
        "",
        "JSON over HTTP; `Authorization: Bearer TOKEN` with each call. What machines read is "
        "[openapi.json](../docs/openapi.json), which every controller also serves at `/openapi.json`.",
        "",
        "## Calls",
        "",
    ]
    for path, item in document["paths"].items():
        lines += [f"### {path}", ""]
        for method in ("get", "post", "put", "patch", "delete"):
            if not (operation := item.get(method)):
                continue
            lines += [f"**{method.upper()}** {operation.get('summary', '')}", ""]
            parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
            rows = []
            for one in parameters:
                one = shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
                what = flat(one.get("description", ""))
                rows.append(f"| `{one['name']}` | {one['in']} | {schema_word(one['schema'])} | {what} |")
            if rows:
                lines += ["| parameter | in | | |", "|---|---|---|---|", *rows, ""]
            codes = ", ".join(operation.get("responses", {}))
            lines += [f"Answers: {codes}.", ""]
    lines += ["## Schemas", ""]
    for name, schema in document["components"]["schemas"].items():
        lines += [f"### {name}", "", schema.get("description", ""), ""]
        required = schema.get("required", [])
        rows = [
            f"| `{field}`{' *' if field in required else ''} | {schema_word(one)} "
            f"| {flat(one.get('description', ''))} |"
            for field, one in schema.get("properties", {}).items()
        ]
        if rows:
            lines += ["| field (* required) | | |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def limits_of(text: str) -> list[tuple[str, str, str]]:
    """Name, value and reason of each named limit of a header."""
    found = []
    before: list[str] = []
    for line in text.splitlines():
        if comment := re.match(r"^\s*// ?(.*)$", line):
            before.append(comment[1])
            continue
        if match := LIMIT.match(line):
            why = match["why"] or " ".join(before)
            found.append((f"k{match['name']}", match["value"].strip(), re.sub(r"-{3,}\s*", "", why)))
        before = []
    return found


def limits(root: Path) -> str:
    """Every named limit of the public headers, by room."""
    lines = [
        "# Limits",
        "",
        "What weir holds at most, read off its sources. Those that can be configured are fields of "
        "[kinds](../docs/kinds.md) or flags of [commands](../docs/cli.md), with these as bounds or defaults.",
        "",
    ]
    rooms: dict[str, list[str]] = {}
    for path in sorted((root / "src").glob("*/*.h")):
        if path.name.endswith("_fixture.h"):
            continue
        for name, value, why in limits_of(path.read_text("utf-8")):
            rooms.setdefault(path.parent.name, []).append(
                f"| `{name}` | `{flat(value)}` | {flat(why)} | {path.name} |"
            )
    for room, rows in rooms.items():
        lines += [f"## {room}", "", "| limit | value | why | in |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def reasons(root: Path) -> str:
    """What `weir-reason`, the access log and refusals of the API say."""
    errors = (root / "src/base/error.h").read_text("utf-8")
    words = dict(
        re.findall(r'case Code::(k\w+): return "(\w+)"', (root / "src/base/error.cc").read_text("utf-8"))
    )
    body = errors[errors.index("enum class Code") : errors.index("enum class Side")]
    lines = ["# Reason codes", "", "## weir-reason", ""]
    lines += [
        "The field `weir-reason` of an answer that weir itself makes, and `reason` of the access log; "
        "[observability](../docs/observability.md) tells how to ask for more.",
        "",
        "| reason | means |",
        "|---|---|",
    ]
    for code, why in re.findall(r"^\s*(k\w+)(?: = 1)?,\s*(?://\s*(.*))?$", body, re.M):
        lines.append(f"| `{words[code]}` | {flat(why)} |")
    lines += ["", "## Flags of the access log", "", "| flag | means |", "|---|---|"]
    flags = (root / "src/record/flags.h").read_text("utf-8")
    for word, why in re.findall(r'FlagKind\{Flag::k\w+, "(\w+)", "([^"]+)"\}', flags):
        lines.append(f"| `{word}` | {flat(why)} |")
    lines += ["", "## Problems of the API", ""]
    lines += [
        "Refusals are `application/problem+json` (RFC 9457) of the type `urn:weir:problem:SLUG`, with a "
        "sentence in `detail`, and `violations` by field where there are some.",
        "",
        "| slug | status |",
        "|---|---|",
    ]
    slugs: dict[str, set[str]] = {}
    for path in (root / "src").glob("*/*.cc"):
        if path.name.endswith("_test.cc"):
            continue
        text = path.read_text("utf-8")
        for status, slug in re.findall(r'(?:refuse\(|Problem\{)\s*(\d{3}),\s*"([a-z-]+)"', text):
            slugs.setdefault(slug, set()).add(status)
    lines += [f"| `{slug}` | {', '.join(sorted(slugs[slug]))} |" for slug in sorted(slugs)]
    return "\n".join([*lines, ""])


GENERATED = {"api": api, "limits": limits, "reasons": reasons}
