"""What the story workload stands on: the image of examples/edge-workload, its objects, and what weir says of
workloads, nodes and instances."""

import copy
import resource
import subprocess

import yaml

from lab import podman
from lab.process import ROOT
from lab.weir import BINARY, documents

EXAMPLE = ROOT / "examples" / "edge-workload"
NAME, HOST, TAG = "my-anycast-workload", "hello.example", "hello-edge:1"
IMAGE = f"weir/{TAG}"  # as containers have what was pushed to controllers
REPLICAS = 3  # in each city
TURNS = 20_000  # of the loop, by which this machine is measured


def image():
    """The archive that the example's Containerfile would be built to, out of this machine's busybox."""
    with open(podman.BUSYBOX, "rb") as file:
        program = file.read()
    files = {folder: (None, 0o755) for folder in ("bin", "www", "www/cgi-bin")}
    files |= {"tmp": (None, 0o1777), "bin/busybox": (program, 0o755)}
    files |= {f"bin/{name}": ("busybox", 0o777) for name in podman.NAMES}
    places = {"serve": "bin", "index.cgi": "www/cgi-bin", "work": "www/cgi-bin", "healthz": "www"}
    for name, place in places.items():
        content = (EXAMPLE / "image" / name).read_bytes()
        files[f"{place}/{name}"] = (content, 0o644 if name == "healthz" else 0o755)
    return podman.oci_archive(TAG, files, ["/bin/serve"])


def objects():
    """Of the example, by kind."""
    text = (EXAMPLE / "edge-workload.yaml").read_text()
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def changed(workload, **fields):
    """With other fields of its container."""
    other = copy.deepcopy(workload)
    other["spec"]["containers"][0].update(fields)
    return other


def version(workload, number):
    return changed(workload, env=[{"name": "VERSION", "value": str(number)}])


def small(name, **fields):
    """A workload of one instance in dfw, with something wrong about it."""
    container = {"name": "app", "image": IMAGE, "resources": {"cpu": "20m", "memory": "16Mi"}, **fields}
    target = {"name": "here", "cities": ["dfw"], "min_replicas": fields.pop("replicas", 1)}
    container.pop("replicas", None)
    spec = {"containers": [container], "targets": [target]}
    return {"kind": "Workload", "metadata": {"name": name}, "spec": spec}


def turns_for(seconds):
    """Of the loop in the image's `work`, that take so much of a core here."""
    loop = f"turn=0; while [ $turn -lt {TURNS} ]; do turn=$((turn + 1)); done"

    def used():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    best = []
    for _ in range(5):  # the others of this machine are in the way of some
        before = used()
        subprocess.run([podman.BUSYBOX, "sh", "-c", loop], check=True)
        best.append(used() - before)
    return int(TURNS * seconds / min(best))


def instance_names(city, count=REPLICAS):
    return {f"{NAME}-global-{city}-{number}" for number in range(1, count + 1)}


class Seen:
    """What the controller says."""

    def __init__(self, controller):
        self.controller = controller

    def items(self, kind):
        found, more = [], ""
        while True:
            page = self.controller.api("GET", f"/v1/{kind}?limit=500{more}").json
            found += page["items"]
            if not page.get("continue"):
                return found
            more = f"&continue={page['continue']}"

    def instances(self, city=None, workload=NAME):
        """{name: the object}"""
        return {
            one["metadata"]["name"]: one
            for one in self.items("instances")
            if one["spec"]["workload"] == workload and city in (None, one["spec"]["city"])
        }

    def ready(self, city=None):
        """Names of those that may be given requests."""
        return {
            name
            for name, one in self.instances(city).items()
            if one.get("status", {}).get("state") == "ready"
        }

    def workload(self, name=NAME):
        return self.controller.api("GET", f"/v1/workloads/{name}").json

    def progress(self):
        return self.workload()["spec"].get("progress", {})

    def reason(self, name):
        """Why not all is well with a workload, of its first city where that is so."""
        cities = self.workload(name).get("status", {}).get("cities", [])
        return next((one["reason"] for one in cities if one.get("reason")), "")

    def attached(self):
        return {
            one["metadata"]["name"] for one in self.items("nodes") if one.get("status", {}).get("attached")
        }

    def events(self, kind, *verbs, after=0):
        """Of a kind, after a revision."""
        found = [one["spec"] for one in self.items("events")]
        return [
            one for one in found if one["kind"] == kind and one["verb"] in verbs and one["revision"] > after
        ]

    def revision(self):
        """Of the last change that there was."""
        return max(one["spec"]["revision"] for one in self.items("events"))
