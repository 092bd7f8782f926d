"""Origins that `weir agent` and `weir connect` bring: to `weir up`, and to edges elsewhere."""

import re
import signal
import threading
import time
from collections import Counter

import pytest

from lab.agent import Agent, agent_file, connect, tunnel_token
from lab.process import wait_until
from lab.tcp import Server, exchange, greeter, tls_connection
from lab.tunnels import DOMAIN, get, origins, serves, tunnels, weir  # noqa: F401 (fixtures)
from lab.weir import Controller, Edge


@pytest.fixture
def agents():
    made = []

    def add(agent):
        made.append(agent)
        return agent

    yield add
    for one in made:
        one.end(signal.SIGKILL)


def test_one_line_on_the_edges_own_machine(weir, agents, origins):
    origin = origins("laptop")
    agent = agents(connect([weir], origin.port, "--name", "hello", ca=weir.ca))
    agent.said(rf"http://hello\.{DOMAIN}:{weir.http_port}\n")
    agent.said(rf"https://hello\.{DOMAIN}:{weir.https_port}\n")
    assert len(serves(weir, "hello", 40)) == 40  # both workers, whichever has the session
    [tunnel] = tunnels(weir)
    assert tunnel["spec"]["via"] == "AGENT"
    assert tunnel["spec"]["user"] == "anonymous"
    agent.said(r"\d\d:\d\d:\d\d 127\.0\.0\.1 GET / 200 [\d.]+ ms")
    assert agent.end() == 0
    wait_until(lambda: tunnels(weir) == [], 5, "the tunnel having gone")
    assert get(weir, "hello").status == 503


def test_a_name_is_made_up(weir, agents, origins):
    origin = origins("laptop")
    agent = agents(connect([weir], origin.port, ca=weir.ca))
    name = agent.said(rf"http://([a-z]+-[a-z]+-\d{{4}})\.{DOMAIN}")[1]
    serves(weir, name, 5)


@pytest.mark.parametrize(
    "flags, why",
    [
        (["--name", "requests", "--type", "tcp"], "takes requests: its origins are of type http or https"),
        (["--name", "taken"], "is another one's"),
    ],
)
def test_what_an_edge_refuses_is_said(weir, agents, flags, why):
    for name, owner in {"taken": {}, "requests": {"weir/owner": "anonymous"}}.items():
        made = {"kind": "Service", "metadata": {"name": name, "labels": owner}, "spec": {}}
        assert weir.api("POST", "/v1/services", made).status == 201
    agent = agents(connect([weir], 1, *flags, ca=weir.ca))
    agent.said(why)
    assert tunnels(weir) == []


def test_origins_of_connections_get_a_port_of_their_own(weir, agents):
    with Server(greeter("plain")) as plain, Server(greeter("secure")) as secure:
        agent = agents(connect([weir], plain.port, "--name", "plain", "--type", "tcp", ca=weir.ca))
        port = int(agent.said(r"tcp://plain\.weir\.localhost:(\d+)")[1])
        assert greeting(port) == b"220 plain\r\n250 HELO\r\n"
        agent.said(r"127\.0\.0\.1 tcp received 6 sent 21 ")  # the live log
        agent = agents(connect([weir], secure.port, "--name", "secure", "--type", "tls", ca=weir.ca))
        port = int(agent.said(r"tls://secure\.weir\.localhost:(\d+)")[1])

        def served():
            try:
                with tls_connection(port, "secure.weir.localhost", ca=weir.ca) as connection:
                    return connection.recv(100)
            except OSError:
                return b""

        wait_until(lambda: served() == b"220 secure\r\n", 10, "the origin being served in TLS")
        # What takes connections takes no requests.
        other = agents(connect([weir], plain.port, "--name", "plain", "--type", "http", ca=weir.ca))
        other.said("takes connections")


def greeting(port):
    def said():
        try:
            return exchange(port, b"HELO\r\n")
        except OSError:
            return b""

    return wait_until(said, 10, "the origin being served")


def test_a_token_says_whose_the_origin_is_and_whom_to_believe(weir, agents, origins):
    token = tunnel_token(weir, "ada", "laptop")
    assert token.startswith("weirtunnel_")
    origin = origins("laptop")
    agent = agents(connect([weir], origin.port, "--name", "mine", token=token))
    serves(weir, "mine", 5)
    assert weir.api("GET", "/v1/services/mine").json["metadata"]["labels"] == {"weir/owner": "ada"}
    # Nobody else gets the name: not without a token, nor with another user's.
    other = agents(connect([weir], origin.port, "--name", "mine", ca=weir.ca))
    other.said("is another one's")
    eve = agents(connect([weir], origin.port, "--name", "mine", token=tunnel_token(weir, "eve")))
    eve.said("is another one's")
    # It counts no more, and who came in by it is shown out.
    assert weir.cli("delete", "token", "laptop").returncode == 0
    agent.said("the token is not valid here")
    wait_until(lambda: tunnels(weir) == [], 5, "the origin having gone")
    # An edge of another authority is not spoken to.
    stranger = agents(connect([weir], origin.port, token=token[:-32] + "0" * 32))
    stranger.said("certificate")


def test_a_token_is_a_password_for_ssh(weir, tmp_path, origins):
    token = tunnel_token(weir, "ada")
    origin = origins("laptop")
    paramiko = pytest.importorskip("paramiko")
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    with pytest.raises(paramiko.AuthenticationException):
        client.connect("127.0.0.1", weir.ssh_port, "ada", token[:-1], allow_agent=False, look_for_keys=False)
    client.connect("127.0.0.1", weir.ssh_port, "ada", token, allow_agent=False, look_for_keys=False)
    client.get_transport().request_port_forward("mine", 80)
    wait_until(lambda: len(tunnels(weir)) == 1, 5, "the tunnel being there")
    assert tunnels(weir)[0]["spec"]["user"] == "ada"
    assert origin.port
    client.close()


def test_a_file_is_watched_and_the_agent_takes_a_sick_origin_out(weir, agents, origins, tmp_path):
    one, two = origins("one"), origins("two")
    check = {"http": {"path": "/"}, "interval": "100ms", "timeout": "1s"}

    def services(*more):
        return [{"name": "one", "target": f"127.0.0.1:{one.port}", "health_check": check}, *more]

    path = agent_file(tmp_path / "agent.yaml", [weir], services(), ca_file=str(weir.ca), instance="attic")
    agent = agents(Agent(["agent", "--config", path]))
    serves(weir, "one", 5)
    assert tunnels(weir)[0]["spec"]["instance"] == "attic"
    second = {"name": "two", "target": f"127.0.0.1:{two.port}"}
    agent_file(path, [weir], services(second), ca_file=str(weir.ca), instance="attic")
    serves(weir, "two", 5)
    one.die()
    agent.said("an origin is down.*service=one")
    wait_until(lambda: [t["spec"]["service"] for t in tunnels(weir)] == ["two"], 5, "one being out")
    path.write_text("services: 3")
    agent.said("is not good; what was before goes on")
    serves(weir, "two", 5)
    agent_file(path, [weir], services(), ca_file=str(weir.ca), instance="attic")
    wait_until(lambda: get(weir, "two").status == 503, 5, "two being withdrawn")


@pytest.mark.parametrize(
    "content, why",
    [
        ("services: []", "needs edges and services, or join"),
        ("edges: ['127.0.0.1:1']", "services: must have at least 1 item"),
        ("edges: [nowhere]\nservices: [{name: a, target: 'b:1'}]", "edges[0]"),
        ("edges: ['127.0.0.1:1']\nservices: [{name: a, target: 'b:1'}]", "by which authority"),
        ("edges: ['127.0.0.1:1']\ntoken_file: /none\nservices: [{name: a, target: 'b:1'}]", "/none"),
    ],
)
def test_a_file_that_is_wrong_is_refused(agents, tmp_path, content, why):
    path = tmp_path / "agent.yaml"
    path.write_text(content)
    agent = agents(Agent(["agent", "--config", path]))
    assert agent.process.wait(10) == 1
    agent.said(why.replace("[", r"\["))


class Fleet:
    """A controller and edges of several sites."""

    def __init__(self, directory, names):
        (directory / "controller").mkdir()
        self.controller = Controller(directory / "controller").start()
        self.edges = []
        for name in names:
            (directory / name).mkdir()
            site = ["--provider", name, "--region", "r"]
            edge = Edge(directory / name, name, [self.controller], flags=site)
            edge.flags += ["--tunnel", f"{edge.address}:{edge.tunnel_port}"]
            self.edges.append(edge.start(token=self.controller.join_token(), wait=False))
        for edge in self.edges:
            edge.wait_ready()

    def tunnels(self):
        return self.controller.api("GET", "/v1/tunnels").json["items"]

    def stop(self):
        for one in [*self.edges, self.controller]:
            one.process.stop()


@pytest.fixture
def fleet(tmp_path):
    fleet = Fleet(tmp_path, ["aws", "gcp", "azure"])
    yield fleet
    fleet.stop()


class Visitors(threading.Thread):
    """Asks every edge in turn until it is stopped, and counts what comes."""

    def __init__(self, edges, name):
        super().__init__(daemon=True)
        self.edges, self.name = edges, f"{name}.{DOMAIN}"
        self.answers, self.failures = Counter(), []
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            for edge in self.edges:
                answer = edge.get("/", self.name)
                self.answers[answer.text if answer.status == 200 else answer.status] += 1
                if answer.status != 200:
                    self.failures.append((time.monotonic(), edge.name, answer.status, answer.text))

    def stop(self):
        self.over.set()
        self.join(20)


def wait_everywhere(edges, name, deadline_s=15):
    for edge in edges:
        edge.wait_serving(f"{name}.{DOMAIN}", deadline_s=deadline_s)


def test_visitors_of_every_edge_reach_an_origin_that_is_at_two(fleet, agents, origins):
    token = tunnel_token(fleet.controller, "ada")
    origin = origins("laptop")
    agents(connect(fleet.edges, origin.port, "--name", "web", token=token))
    wait_everywhere(fleet.edges, "web")
    at = {tunnel["spec"]["edge"] for tunnel in fleet.tunnels()}
    assert len(at) == 2, at
    [instance] = {tunnel["spec"]["instance"] for tunnel in fleet.tunnels()}
    assert instance.endswith(f"-{origin.port}")


def test_leaving_and_losing_an_edge_cost_no_request(fleet, agents, origins):
    token = tunnel_token(fleet.controller, "ada")
    one, two = origins("one"), origins("two")
    first = agents(connect(fleet.edges, one.port, "--name", "web", token=token))
    agents(connect(fleet.edges, two.port, "--name", "web", token=token))
    wait_until(lambda: len(fleet.tunnels()) == 4, 15, "both origins being at two edges")
    wait_everywhere(fleet.edges, "web")
    visitors = Visitors([fleet.edges[2]], "web")
    wait_until(lambda: visitors.answers["one"] > 20 and visitors.answers["two"] > 20, 15, "both serving")
    assert first.end() == 0
    wait_until(lambda: len(fleet.tunnels()) == 2, 10, "the first having left")
    seen = visitors.answers["one"]
    before = visitors.answers["two"]
    wait_until(lambda: visitors.answers["two"] > before + 20, 15, "the other serving on")
    # An edge that dies takes ways with it, and visitors of the others don't notice.
    fleet.edges[0].process.kill()
    before = visitors.answers["two"]
    wait_until(lambda: visitors.answers["two"] > before + 50, 15, "the other serving on")
    visitors.stop()
    assert visitors.failures == []
    assert visitors.answers["one"] == seen


def shown(edge):
    return edge.api("GET", "/metrics", token=None).text


def test_an_edge_that_is_upgraded_or_started_anew_finds_the_origins_of_others(fleet, agents, origins):
    """Its first check of them passes: the next one is late, and one that failed would count."""
    token = tunnel_token(fleet.controller, "ada")
    agents(connect(fleet.edges, origins("laptop").port, "--name", "web", token=token))
    wait_everywhere(fleet.edges, "web")
    check = {"interval": "8s", "unhealthy_threshold": 1, "http": {"path": "/"}}
    fleet.controller.change("services", "web", lambda spec: spec.update(health_check=check))
    at = {tunnel["spec"]["edge"] for tunnel in fleet.tunnels()}
    [other] = [edge for edge in fleet.edges if edge.name not in at]
    checked = lambda: re.search(r"^weir_health_checks_total [1-9]", shown(other), re.M)  # noqa: E731
    wait_until(checked, 10, "its check")
    visitors = Visitors([other], "web")
    wait_until(lambda: visitors.answers["laptop"] > 20, 15, "its serving")
    other.upgrade()
    before = visitors.answers["laptop"]
    wait_until(lambda: visitors.answers["laptop"] > before + 50, 15, "its serving on")
    visitors.stop()
    assert visitors.failures == []
    other.stop()
    other.start()
    other.wait_serving(f"web.{DOMAIN}", deadline_s=4)


def test_who_is_silent_is_out_of_every_pool_in_ten_seconds(fleet, agents, origins):
    token = tunnel_token(fleet.controller, "ada")
    origin = origins("laptop")
    agent = agents(connect(fleet.edges, origin.port, "--name", "web", token=token))
    wait_everywhere(fleet.edges, "web")
    agent.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    wait_until(lambda: fleet.tunnels() == [], 15, "the silent one being given up")
    assert time.monotonic() - began < 10
    agent.process.send_signal(signal.SIGCONT)  # as a laptop wakes up
    wait_until(lambda: len(fleet.tunnels()) == 2, 15, "its being back")
    wait_everywhere(fleet.edges, "web")


def test_a_controller_that_is_gone_stops_no_tunnel(fleet, agents, origins):
    token = tunnel_token(fleet.controller, "ada")
    origin = origins("laptop")
    agents(connect(fleet.edges, origin.port, "--name", "web", token=token))
    wait_everywhere(fleet.edges, "web")
    fleet.controller.process.kill()
    for _ in range(10):
        for edge in fleet.edges:
            assert edge.get("/", f"web.{DOMAIN}").status == 200
    fleet.controller.start()
    wait_until(lambda: len(fleet.tunnels()) == 2, 15, "the controller knowing of it again")


def test_the_same_origin_coming_back_takes_its_place_and_a_late_goodbye_ends_nothing(weir, agents, origins):
    origin = origins("laptop")
    first = agents(connect([weir], origin.port, "--name", "web", ca=weir.ca))
    serves(weir, "web", 5)
    [before] = tunnels(weir)
    first.process.send_signal(signal.SIGSTOP)  # its packets vanish; nobody has noticed yet
    second = agents(connect([weir], origin.port, "--name", "web", ca=weir.ca))
    second.said(rf"http://web\.{DOMAIN}")
    was = [before["spec"]["session"]]
    wait_until(lambda: [one["spec"]["session"] for one in tunnels(weir)] not in ([], was), 5, "the takeover")
    serves(weir, "web", 20)
    first.end(signal.SIGKILL)
    assert len(serves(weir, "web", 40)) == 40
    [after] = tunnels(weir)
    assert after["metadata"]["name"] == before["metadata"]["name"]


def test_nobody_misses_an_origin_that_comes_and_goes(weir, agents, origins):
    steady, flapping = origins("steady"), origins("flapping")
    agents(connect([weir], steady.port, "--name", "web", ca=weir.ca))
    agent = agents(connect([weir], flapping.port, "--name", "web", ca=weir.ca))
    wait_until(lambda: len(tunnels(weir)) == 2, 10, "both being there")
    weir.name = "up"
    visitors = Visitors([weir], "web")
    for _ in range(3):
        seen = visitors.answers["flapping"]
        wait_until(lambda: visitors.answers["flapping"] > seen + 10, 20, "it being asked")
        agent.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: len(tunnels(weir)) == 1, 15, "it being given up")
        agent.process.send_signal(signal.SIGCONT)
        wait_until(lambda: len(tunnels(weir)) == 2, 15, "it being back")
    visitors.stop()
    assert visitors.failures == []
