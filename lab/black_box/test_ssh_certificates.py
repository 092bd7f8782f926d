"""OpenSSH's user certificates: who comes in by `ssh -R` because an authority of a User has said so."""

import re
import shutil
import signal
import subprocess
from contextlib import ExitStack

import pytest

from lab import weir as lab_weir
from lab.black_box.test_tunnels import Ssh
from lab.origin import Origin
from lab.process import free_port, wait_until
from lab.ssh import make_key
from lab.tunnels import get, origins, serves, tunnels, weir  # noqa: F401 (fixtures)


def user(name, *lines):
    return {
        "kind": "User",
        "metadata": {"name": name},
        "spec": {"email": f"{name}@weir.example", "ssh_keys": list(lines)},
    }


def line(key):
    return key.with_suffix(".pub").read_text().strip()


class Keys:
    """Authorities, and keys of people, who are nobody to weir but for their certificates."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = make_key(folder / "authority")
        self.other = make_key(folder / "other")  # an authority of nobody here
        self.plain = make_key(folder / "plain")  # of ada, by itself
        self.count = 0

    def certified(self, *options, by=None, key=None):
        """A key of its own, or the one that is given, with its certificate beside it."""
        self.count += 1
        path = self.folder / f"certified{self.count}"
        if key is None:
            make_key(path)
        else:
            shutil.copy(key, path)
            shutil.copy(key.with_suffix(".pub"), path.with_suffix(".pub"))
        words = ["ssh-keygen", "-q", "-s", by or self.authority, "-I", f"number {self.count}", *options]
        subprocess.run([*words, path.with_suffix(".pub")], check=True)
        return path


@pytest.fixture
def keys(tmp_path):
    return Keys(tmp_path)


@pytest.fixture
def ssh(weir, tmp_path):  # noqa: F811
    made = []

    def start(key, *forwards, user="ada", at=weir):
        options = ["-i", key, "-o", "IdentitiesOnly=yes"]
        made.append(Ssh(at, tmp_path, *forwards, user=user, options=options))
        return made[-1]

    yield start
    for one in made:
        one.end()


@pytest.fixture
def ada(weir, keys):  # noqa: F811
    """She has an authority, a key by itself, and somebody else has the same authority for another name."""
    own = user("ada", f"cert-authority {line(keys.authority)}", line(keys.plain))
    shared = user("bob", f'cert-authority,principals="bob,bob@laptop" {line(keys.authority)}')
    weir.apply(own, shared)


def is_in(weir, client, account, service):  # noqa: F811
    wait_until(lambda: tunnels(weir) != [] or client.process.poll() is not None, 10, "the tunnel being there")
    [tunnel] = tunnels(weir)
    assert (tunnel["spec"]["user"], tunnel["spec"]["service"]) == (account, service)


@pytest.mark.parametrize(
    "options, account",
    [
        (("-n", "ada"), "ada"),
        (("-n", "nobody,ada", "-V", "-1m:+1h"), "ada"),
        (("-n", "bob@laptop"), "bob"),
        (("-n", "bob,ada"), "bob"),  # the first of them that is somebody
        (("-n", "ada", "-O", "source-address=127.0.0.0/8", "-O", "force-command=false"), "ada"),
        (("-n", "ada", "-O", "clear", "-O", "permit-port-forwarding"), "ada"),
    ],
)
def test_a_certificate_is_somebodys(weir, keys, ada, ssh, origins, options, account):  # noqa: F811
    origin = origins("laptop")
    # The name that one types is nobody's business, as with keys.
    client = ssh(keys.certified(*options), f"hello:80:127.0.0.1:{origin.port}", user="bob")
    assert serves(weir, "hello", 5)[0].text == "laptop"
    is_in(weir, client, account, "hello")
    labels = weir.api("GET", "/v1/services/hello").json["metadata"]["labels"]
    assert labels == {"weir/owner": account}
    assert re.search(r"come by a certificate.*number 1", weir.process.log())


PRINCIPAL = "is in no user's ssh_keys for one of its principals"
AUTHORITY = "its authority is in no user's ssh_keys"


@pytest.mark.parametrize(
    "options, by, why",
    [
        (("-n", "eve"), "authority", PRINCIPAL),
        (("-n", "Ada"), "authority", PRINCIPAL),
        ((), "authority", PRINCIPAL),
        (("-n", "ada", "-V", "-2h:-1h"), "authority", "it has expired"),
        (("-n", "ada", "-V", "+1h:+2h"), "authority", "it is not valid yet"),
        (("-n", "ada", "-O", "source-address=192.0.2.0/24"), "authority", "it is not for this address"),
        (("-n", "ada", "-O", "critical:x@example.org=1"), "authority", "a critical option that is not known"),
        (("-n", "ada"), "other", AUTHORITY),
        (("-n", "ada"), "plain", AUTHORITY),
    ],
)
def test_a_certificate_that_lets_nobody_in(weir, keys, ada, ssh, options, by, why):  # noqa: F811
    client = ssh(keys.certified(*options, by=getattr(keys, by)), "hello:80:127.0.0.1:1")
    assert client.process.wait(10) == 255
    client.said("Permission denied")
    assert tunnels(weir) == []
    assert re.search(f"certificate refused.*{re.escape(why)}", weir.process.log())


def test_a_hosts_certificate(weir, keys, ada):  # noqa: F811
    """OpenSSH's client does not even show one."""
    paramiko = pytest.importorskip("paramiko")

    def shows(*options):
        path = keys.certified("-n", "ada", *options)
        key = paramiko.Ed25519Key.from_private_key_file(str(path))
        key.load_certificate(f"{path}-cert.pub")
        with paramiko.SSHClient() as client:
            client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
            connection = {"allow_agent": False, "look_for_keys": False}
            client.connect("127.0.0.1", weir.ssh_port, "ada", pkey=key, **connection)
            return client.get_transport().is_authenticated()

    assert shows()
    with pytest.raises(paramiko.AuthenticationException):
        shows("-h")
    assert re.search("certificate refused.*it is not a user's certificate", weir.process.log())


def test_a_certificate_without_forwards(weir, keys, ada, ssh):  # noqa: F811
    client = ssh(keys.certified("-n", "ada", "-O", "no-port-forwarding"), "hello:80:127.0.0.1:1")
    assert client.process.wait(10) == 255
    client.said("remote port forwarding failed")
    assert tunnels(weir) == []


def test_keys_without_their_certificates(weir, keys, ada, ssh, origins):  # noqa: F811
    # An authority lets others in, not itself.
    client = ssh(keys.authority, "hello:80:127.0.0.1:1")
    assert client.process.wait(10) == 255
    client.said("Permission denied")
    # A certificate that is refused takes nothing from a key that is somebody's by itself.
    key = keys.certified("-n", "ada", by=keys.other, key=keys.plain)
    client = ssh(key, f"hello:80:127.0.0.1:{origins('laptop').port}")
    is_in(weir, client, "ada", "hello")


def lines_of_ada(weir, *lines):  # noqa: F811
    weir.change("users", "ada", lambda spec: spec.update(ssh_keys=list(lines)))


@pytest.mark.parametrize("how", ["line", "principals", "disabled", "deleted"])
def test_a_session_ends_with_what_let_it_in(weir, keys, ada, ssh, origins, how):  # noqa: F811
    client = ssh(keys.certified("-n", "ada"), f"hello:80:127.0.0.1:{origins('laptop').port}")
    is_in(weir, client, "ada", "hello")
    # Another line is nothing to it.
    lines_of_ada(weir, f'cert-authority,principals="x,ada" {line(keys.authority)}')
    serves(weir, "hello", 3)
    assert client.process.poll() is None
    if how == "line":
        lines_of_ada(weir, line(keys.plain), line(keys.authority))
    elif how == "principals":
        lines_of_ada(weir, f'cert-authority,principals="x" {line(keys.authority)}')
    elif how == "disabled":
        weir.change("users", "ada", lambda spec: spec.update(disabled=True))
    else:
        assert weir.cli("delete", "user", "ada").returncode == 0
    assert client.process.wait(5) == 255
    client.said("the place is another one's")
    wait_until(lambda: tunnels(weir) == [], 5, "the tunnel having gone")


def test_a_session_outlives_its_certificate(weir, keys, ada, ssh, origins):  # noqa: F811
    key = keys.certified("-n", "ada", "-V", "-1m:+4s")
    client = ssh(key, f"hello:80:127.0.0.1:{origins('laptop').port}")
    is_in(weir, client, "ada", "hello")

    def refused():
        other = ssh(key, "other:80:127.0.0.1:1")
        wait_until(lambda: other.process.poll() is not None or len(tunnels(weir)) == 2, 10, "an answer")
        other.end()
        return "Permission denied" in "".join(other.lines)

    wait_until(refused, 15, "the certificate having expired")
    lines_of_ada(weir, f"cert-authority {line(keys.authority)}")  # and is judged anew
    assert serves(weir, "hello", 5) and client.process.poll() is None


def test_two_users_cannot_have_one_principal_of_an_authority(weir, keys, ada):  # noqa: F811
    taken = user("eve", f'cert-authority,principals="eve,bob" {line(keys.authority)}')
    answer = weir.api("POST", "/v1/users", taken)
    assert answer.status == 422, answer
    [violation] = answer.json["violations"]
    assert violation["field"] == "spec.ssh_keys[0]"
    assert violation["message"] == 'is taken by User/bob for the principal "bob"'


def test_an_edge_knows_authorities_without_its_controller(tmp_path, keys):
    with ExitStack() as stack:
        for name in ("controller", "edge"):
            (tmp_path / name).mkdir()
        controller = stack.enter_context(lab_weir.Controller(tmp_path / "controller"))
        controller.apply(user("ada", f"cert-authority {line(keys.authority)}"))
        port = free_port()
        edge = lab_weir.Edge(tmp_path / "edge", "fra-1", [controller], flags=["--ssh", f"127.0.0.1:{port}"])
        edge.ssh_port = port
        edge.start(token=controller.join_token())
        stack.callback(edge.stop)
        origin = stack.enter_context(Origin(name="laptop"))

        def connect(key):
            options = ["-i", key, "-o", "IdentitiesOnly=yes"]
            client = Ssh(edge, tmp_path, f"hello:80:127.0.0.1:{origin.port}", user="ada", options=options)
            stack.callback(client.end)
            return client

        first = keys.certified("-n", "ada")
        client = connect(first)
        edge.wait_serving("hello.weir.localhost")
        controller.process.kill()
        client.end(signal.SIGKILL)
        wait_until(lambda: get(edge, "hello").status == 502, 5, "the first session having gone")
        # The same key is the same origin, by whichever certificate.
        connect(keys.certified("-n", "ada", "-V", "-1m:+5m", key=first))
        edge.wait_serving("hello.weir.localhost")
        assert connect(keys.certified("-n", "bob")).process.wait(10) == 255
