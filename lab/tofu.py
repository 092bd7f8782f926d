"""OpenTofu with weir's provider: a folder with one configuration, and what is said about it."""

import json
import os
import re
import subprocess
import textwrap
from pathlib import Path

from lab.process import ROOT

TOFU = Path(os.environ.get("WEIR_TOFU", ROOT / "build/tools/tofu"))
MIRROR = ROOT / "build/terraform"
HOSTS = ("registry.opentofu.org", "registry.terraform.io")

HEAD = """\
terraform {
  required_providers {
    weir = { source = "weir/weir" }
  }
}
provider "weir" {}
"""


def why_not():
    """Why there is none here; None: there is."""
    ready = TOFU.exists() and MIRROR.exists()
    return None if ready else "./dev setup lab builds OpenTofu, ./dev terraform the provider"


class Tofu:
    """A folder with one configuration, and what tofu says to it. prefix: where it runs."""

    def __init__(self, folder, weir, prefix=()):
        self.folder, self.weir, self.prefix = folder, weir, prefix
        ours = json.dumps([f"{host}/weir/weir" for host in HOSTS])
        self.environment = {}  # beside the usual
        self.settings = folder / "settings.rc"
        self.settings.write_text(
            f"provider_installation {{\n  filesystem_mirror {{\n    path = {json.dumps(str(MIRROR))}\n"
            f"    include = {ours}\n  }}\n}}\n"
        )

    def write(self, text, head=HEAD):
        (self.folder / "main.tf").write_text(head + textwrap.dedent(text))

    def run(self, *arguments, environment=None, timeout_s=120):
        done = {
            **os.environ,
            "TF_CLI_CONFIG_FILE": str(self.settings),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "HOME": str(self.folder),
            "WEIR_API": self.weir.api_url,
            "WEIR_TOKEN": self.weir.token,
            **self.environment,
            **(environment or {}),
        }
        return subprocess.run(
            [*self.prefix, TOFU, *arguments, "-no-color"],
            cwd=self.folder,
            env=done,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
        )

    def good(self, *arguments, **more):
        done = self.run(*arguments, **more)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def apply(self, text=None):
        if text is not None:
            self.write(text)
        return self.good("apply", "-auto-approve")

    def plan(self, text=None, **more):
        """What would change, and whether anything would."""
        if text is not None:
            self.write(text)
        done = self.run("plan", "-detailed-exitcode", **more)
        assert done.returncode in (0, 2), f"{done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout, done.returncode == 2

    def refused(self, *arguments, text=None, **more):
        """What is said, in one line, for how it is broken depends on its length."""
        if text is not None:
            self.write(text)
        done = self.run(*arguments, **more)
        assert done.returncode == 1, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return re.sub(r"[\s│╷╵]+", " ", done.stderr)

    def outputs(self):
        return {name: output["value"] for name, output in json.loads(self.good("output", "-json")).items()}

    def resources(self):
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        return {f"{r['type']}.{r['name']}": r["instances"][0]["attributes"] for r in state["resources"]}
