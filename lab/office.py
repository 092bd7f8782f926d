"""Who runs it: the API by curl, from a city, and what was asked and answered on the output."""

import json
import subprocess
import textwrap
from dataclasses import dataclass

WIDTH = 108


@dataclass
class Said:
    status: int
    text: str
    retry_after: str
    took_s: float

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def sentence(self):
        """What was wrong, of a problem (RFC 9457)."""
        return self.json.get("detail") or self.json.get("title")


def whole(body):
    """But for keys and certificates, which are cut."""

    def short(value):
        if isinstance(value, dict):
            return {key: short(one) for key, one in value.items()}
        if isinstance(value, list):
            return [short(one) for one in value]
        many = isinstance(value, str) and "\n" in value
        return value.splitlines()[0].strip("-") + " ..." if many else value

    return json.dumps(short(body))


def shown(body):
    """As much as fits on a line."""
    text = whole(body)
    return text if len(text) <= WIDTH else text[: WIDTH - 4] + " ..."


class Office:
    """The admin's token and authority are those of the first controller."""

    def __init__(self, place, controllers, directory):
        self.place, self.controllers = place, list(controllers)
        self.file = directory / "sent.json"

    @property
    def alive(self):
        return next(one for one in self.controllers if one.running())

    def curl(self, method, path, body=None, *, by=None, header=None, expect=(200, 201), quiet=False):
        """Said; by: the controller."""
        first, by = self.controllers[0].server, by or self.alive
        words = ["-X", method] if method != "GET" else []
        words += ["-H", header] if header else []
        sent = []
        if body is not None:
            self.file.write_text(json.dumps(body))
            sent = ["--data-binary", f"@{self.file}"]
            sent += ["-H", "Content-Type: application/json"]
        done = subprocess.run(
            [*self.place.prefix, "curl", "-sS", "--max-time", "30", "--cacert", first.ca]
            + ["-H", f"Authorization: Bearer {first.token}", *words, *sent, by.url + path]
            + ["-w", "\n%{http_code} %header{retry-after} %{time_total}"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"curl {method} {path}: {done.stderr}"
        text, _, last = done.stdout.rpartition("\n")
        status, retry_after, took = last.split(" ")
        said = Said(int(status), text, retry_after, float(took))
        if not quiet:
            self.show(words, path, body, said)
        assert said.status in expect, f"{method} {path}: {said.status} {said.text}"
        return said

    def show(self, words, path, body, said):
        quoted = [f"'{word}'" if " " in word else word for word in words]
        print(" ".join(["$ curl", *quoted, f"$API{path}"]) + (" -d @-" if body is not None else ""))
        if body is not None:
            print(f"  > {shown(body)}")
        about = f"{said.status} in {said.took_s * 1000:.0f} ms"
        if said.status >= 400:
            wait = f", Retry-After: {said.retry_after}" if said.retry_after else ""
            print(f"  < {about}{wait}: {said.sentence}")
        elif "metadata" in (said.json if said.text else {}):
            print(f"  < {about}, revision {said.json['metadata']['revision']}")
            if "-X" not in words:
                print(textwrap.indent(textwrap.fill(whole(said.json["spec"]), WIDTH), "    "))
        else:
            print(f"  < {about}")

    def create(self, path, wanted, **more):
        return self.curl("POST", path, wanted, **more)

    def replace(self, path, wanted, **more):
        return self.curl("PUT", path, wanted, header="If-Match: *", **more)
