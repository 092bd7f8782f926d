"""The real Envoy, run with resources as weir translates them: from files in place of a control plane."""

import json
import urllib.request

from lab.process import ROOT, Process, free_port, wait_until

BINARY = next((ROOT / "build" / "tools" / "envoy").glob("lib/python3*/site-packages/envoy/_bin/envoy"), None)
GOLDEN = ROOT / "src" / "translation" / "golden"

# By the message's name: the list of the bootstrap that it goes into, or the folder of files it is read from.
STATIC = {"Listener": "listeners", "Cluster": "clusters"}
FILES = {"ClusterLoadAssignment": "endpoints", "RouteConfiguration": "routes", "Secret": "secrets"}


def kind_of(resource):
    return resource["@type"].rsplit(".", 1)[1]


def changed(value, change):
    """A copy with change(key, value) in place of each value of a key, inside out."""
    if isinstance(value, dict):
        return {key: change(key, changed(item, change)) for key, item in value.items()}
    if isinstance(value, list):
        return [changed(item, change) for item in value]
    return value


class Admin:
    """What an Envoy tells at its admin port, admin_port of loopback."""

    def ready(self):
        try:
            return self.admin("/ready").startswith("LIVE")
        except OSError:
            return False

    def admin(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def counter(self, name):
        """The sum over all whose name ends so."""
        stats = json.loads(self.admin("/stats?format=json"))["stats"]
        return sum(one["value"] for one in stats if "value" in one and one["name"].endswith(name))


class Envoy(Admin):
    """Runs with the resources of golden/<name>.json. ports: the translated ones -> those of this run; a
    listener's port that is not in it gets a free one."""

    def __init__(self, name, directory, ports=()):
        self.directory = directory
        self.admin_port = free_port()
        self.ports = dict(ports)
        resources = json.loads((GOLDEN / f"{name}.json").read_text())["resources"]
        for resource in resources:
            if kind_of(resource) == "Listener":
                port = resource["address"]["socket_address"]["port_value"]
                self.ports.setdefault(port, free_port())
        self.bootstrap = directory / "envoy.json"
        self.bootstrap.parent.mkdir(parents=True, exist_ok=True)
        self.bootstrap.write_text(json.dumps(self.whole(resources), indent=1))

    def whole(self, resources):
        static = {name: [] for name in STATIC.values()}
        for resource in resources:
            resource = changed(resource, self.here)
            kind = kind_of(resource)
            if resource.get("type") == "EDS":
                resource["eds_cluster_config"] = {"eds_config": self.source("endpoints", resource["name"])}
            if kind in STATIC:
                static[STATIC[kind]].append({k: v for k, v in resource.items() if k != "@type"})
            else:
                name = resource.get("name") or resource["cluster_name"]
                path = self.path(FILES[kind], name)
                path.parent.mkdir(exist_ok=True)
                path.write_text(json.dumps({"version_info": "1", "resources": [resource]}))
        admin = {"socket_address": {"address": "127.0.0.1", "port_value": self.admin_port}}
        return {
            "node": {"id": "golden", "cluster": "lab"},
            "admin": {"address": admin},
            "static_resources": static,
        }

    def path(self, folder, name):
        return self.directory / folder / f"{name}.json"

    def here(self, key, value):
        """Ports of this run, and files where the translation says: from the control plane."""
        if key == "port_value":
            return self.ports.get(value, value)
        if key == "rds":
            return {**value, "config_source": self.source("routes", value["route_config_name"])}
        if key == "tls_certificate_sds_secret_configs":
            return [{**one, "sds_config": self.source("secrets", one["name"])} for one in value]
        return value

    def source(self, folder, name):
        return {
            "path_config_source": {"path": str(self.path(folder, name))},
            "resource_api_version": "V3",
        }

    def arguments(self):
        # The base id names shared memory, which is the machine's: a port is nobody else's either.
        options = ["--concurrency", 1, "--base-id", self.admin_port, "--log-level", "warning"]
        return [BINARY, "-c", self.bootstrap, *options]

    def start(self):
        self.process = Process(self.arguments(), self.directory / "envoy.log")
        wait_until(self.ready, 20, "Envoy's being ready")
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.process.stop()
