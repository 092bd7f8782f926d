"""The user-data of docs/deployment.md on a machine with systemd: it installs, joins, serves, and serves on
when it has left. Without systemd, it is in the story `deployment`."""

import base64
import hashlib

from lab import machine
from lab.black_box.test_packaging import build, needs_machine
from lab.deployment_story import SCRIPT, filled_in
from lab.process import wait_until
from lab.weir import BINARY, documents, service

PUBLIC = "198.51.100.4"  # as lab/metadata_mock.py has it
# The cloud is elsewhere, since nginx takes port 80 of all addresses.
NETWORK = f"""
ip netns add cloud
ip link add up0 type veth peer name eth0 netns cloud
ip addr add 10.0.0.4/24 dev up0
ip addr add {PUBLIC}/32 dev lo
ip link set up0 up
ip -n cloud addr add 10.0.0.1/24 dev eth0
ip -n cloud addr add 169.254.169.254/32 dev eth0
ip -n cloud link set eth0 up
ip route add 169.254.169.254 via 10.0.0.1
"""


def asked(box, name="web.service.weir.localhost", kind="A"):
    return box.says("dig", "+short", "-p", "8053", "@127.0.0.1", name, kind)


def state_since(box, unit, word):
    """In seconds since the machine's boot."""
    return int(box.says("systemctl", "show", "-P", f"{word}TimestampMonotonic", unit)) / 1e6


@needs_machine
def test_a_machine_boots_with_the_script_and_shuts_down(tmp_path):
    package = build(tmp_path, "1")
    with machine.Machine(tmp_path / "boot") as box:
        weir = box.copy(BINARY, "weir-of-the-controller")
        box.run("sh", "-ec", NETWORK)
        box.run("mkdir", "/var/log/nginx")  # made by its package; logs here are the machine's own
        metadata = ["/usr/bin/python3", "-m", "lab.metadata_mock", "aws"]
        box.serve("cloud", "ip", "netns", "exec", "cloud", *metadata, directory=machine.TREE)
        box.copy(package, "weir.deb")
        box.serve("packages", "/usr/bin/python3", "-m", "http.server", "8000")
        box.serve("lead", weir, "up", "--data-dir", "/srv/lead", "--api", "127.0.0.1:8480",
                  "--api-name", "weir.localhost", "--dns", "127.0.0.1:8053")  # fmt: skip

        def ask(words, check=True):
            asking = "WEIR_API=https://weir.localhost:8480 WEIR_CA=/srv/lead/ca.pem "
            asking += f"WEIR_TOKEN=$(cat /srv/lead/admin.token) exec {weir} "
            return box.run("sh", "-c", asking + words, check=check)

        wait_until(lambda: ask("get services", check=False).returncode == 0, 20, "a controller", 0.1)
        (box.box / "web.yaml").write_text(documents(service("web", [], discovery={"type": "_http._tcp"})))
        ask(f"apply -f {machine.BOX}/web.yaml")
        (box.box / "user-data").write_text(
            filled_in(
                SCRIPT.read_text(),
                API="https://weir.localhost:8480",
                TOKEN=ask("token create members --service web").stdout.strip(),
                CA=base64.b64encode(box.run("cat", "/srv/lead/ca.pem").stdout.encode()).decode(),
                PACKAGE="http://127.0.0.1:8000/weir.deb",
                SHA256=hashlib.sha256(package.read_bytes()).hexdigest(),
            )
        )
        box.run("sh", f"{machine.BOX}/user-data")
        box.wait_active("weir-join@web")
        wait_until(lambda: asked(box) == PUBLIC, 20, "the machine in DNS", 0.1)
        assert box.says("curl", "-sS", f"http://{PUBLIC}/") == "i-0abc aws eu-central-1 1.0"
        text = asked(box, "i-0abc._http._tcp.weir.localhost", "TXT")
        assert set(text.split()) == {'"provider=aws"', '"region=eu-central-1"', '"version=1.0"'}
        assert box.says("stat", "-c", "%U %a", "/etc/weir/join/web.env") == "root 600"

        # Also by a shutdown: what needs nginx is stopped before it.
        box.run("systemctl", "stop", "--no-block", "nginx")
        wait_until(lambda: asked(box) == "", 10, "the machine being out of DNS", 0.05)
        assert box.says("curl", "-sS", f"http://{PUBLIC}/") == "i-0abc aws eu-central-1 1.0"
        wait_until(lambda: box.state("nginx") == "inactive", 20, "nginx having ended", 0.1)
        left = state_since(box, "weir-join@web", "InactiveEnter")
        assert state_since(box, "nginx", "ActiveExit") >= left
        assert left - state_since(box, "weir-join@web", "ActiveExit") >= 6
        assert box.says("systemctl", "show", "-P", "Result", "weir-join@web") == "success"
