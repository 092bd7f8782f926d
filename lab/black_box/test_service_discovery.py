"""Service discovery before dig: who joins is found by DNS-SD, who leaves, fails or dies is not any more."""

import json
import signal
import subprocess
import time

import pytest

from lab.agent import Agent
from lab.dns import Client, dig
from lab.process import free_port, wait_until
from lab.tcp import Server, echo
from lab.tunnels import weir  # noqa: F401 (a fixture)
from lab.weir import BINARY, service

DOMAIN = "weir.localhost"
PROMPT_S = 0.1
CHECK = {"interval": "100ms", "timeout": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp": {}}


class Joined(Agent):
    """`weir join`, until it ends."""

    def __init__(self, weir, *words):
        environment = {"WEIR_API": weir.api_url, "WEIR_TOKEN": weir.token, "HOME": str(weir.directory)}
        super().__init__(["join", *words], environment)


@pytest.fixture
def join(weir):
    started = []

    def start(*words):
        started.append(Joined(weir, *words))
        started[-1].said("has joined")
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def data(weir, name, kind):
    return dig(weir.dns_port, f"{name}.{DOMAIN}", kind).data


def wait_answer(weir, name, kind, wanted, deadline_s):
    """Until the answer is that; by messages of our own, since dig takes as long to start as is allowed."""
    with Client(weir.dns_port) as client:

        def answered():
            return len(client.ask(f"{name}.{DOMAIN}", kind).sections[0]) == wanted

        began = time.monotonic()
        wait_until(answered, max(deadline_s, 5), f"{wanted} of {name} {kind}", 0.002)
        return time.monotonic() - began


def events_of(weir, name):
    items = weir.api("GET", "/v1/events?limit=500").json["items"]
    return [one["spec"] for one in items if one["spec"].get("name") == name]


def test_who_joins_is_found_at_once_and_who_leaves_is_not(weir, join):
    with Server(echo) as server:
        joined = join(
            "db", "--port", server.port, "--health", "tcp", "--name", "db-1", "--instance", "Größe. 1",
            "--priority", "1", "--weight", "5", "--txt", "path=/x", "--version", "1.4.2", "--lease", "2s",
        )  # fmt: skip
        wait_answer(weir, "_db._tcp", "PTR", 1, 5)
        instance = f"Gr\\195\\182\\195\\159e\\.\\0321._db._tcp.{DOMAIN}."
        assert data(weir, "_db._tcp", "PTR") == [instance]
        assert data(weir, "_services._dns-sd._udp", "PTR") == [f"_db._tcp.{DOMAIN}."]
        assert data(weir, "b._dns-sd._udp", "PTR") == [f"{DOMAIN}."]
        name = instance.removesuffix(f".{DOMAIN}.")
        assert data(weir, name, "SRV") == [f"1 5 {server.port} ip-127-0-0-1.{DOMAIN}."]
        assert data(weir, name, "TXT") == ['"path=/x" "version=1.4.2"']
        assert data(weir, "ip-127-0-0-1", "A") == ["127.0.0.1"]
        assert data(weir, "db.service", "A") == ["127.0.0.1"]
        assert data(weir, "_v1-4-2._sub._db._tcp", "PTR") == [instance]
        time.sleep(5)  # two leases and a half
        assert data(weir, "_db._tcp", "PTR") == [instance]
        joined.process.send_signal(signal.SIGTERM)
        joined.said("has left")
        assert wait_answer(weir, "_db._tcp", "PTR", 0, PROMPT_S) < PROMPT_S
        assert joined.process.wait(5) == 0
        assert weir.api("GET", "/v1/endpoints/db-1").status == 404


def test_an_instance_is_there_within_100_ms_of_joining(weir):
    weir.apply(service("web", [], discovery={"type": "_web._tcp"}))
    endpoint = {
        "kind": "Endpoint",
        "metadata": {"name": "web-1"},
        "spec": {"service": "web", "address": "127.0.0.1:8000"},
    }
    for _ in range(5):
        assert weir.api("POST", "/v1/endpoints", endpoint).status == 201
        assert wait_answer(weir, "_web._tcp", "PTR", 1, PROMPT_S) < PROMPT_S
        assert weir.api("DELETE", "/v1/endpoints/web-1").status == 200
        assert wait_answer(weir, "_web._tcp", "PTR", 0, PROMPT_S) < PROMPT_S


def test_what_fails_is_drained_and_comes_back(weir, join):
    weir.apply(service("db", [], protocol="TCP", discovery={"type": "_db._tcp"}, health_check=CHECK))
    port = free_port()
    join("db", "--port", port)
    time.sleep(0.5)
    assert data(weir, "_db._tcp", "PTR") == []  # nothing is found before it was checked
    with Server(echo, port=port):
        wait_answer(weir, "_db._tcp", "PTR", 1, 5)
        assert weir.cli("resolve", "db").stdout == f"127.0.0.1:{port}\n"
    wait_answer(weir, "_db._tcp", "PTR", 0, 5)
    done = weir.cli("resolve", "db")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no endpoint of service/db can serve now" in done.stderr


def test_who_dies_without_a_word_is_gone_after_its_lease(weir, join):
    joined = join("web", "--port", "8000", "--type", "_http._tcp", "--name", "web-1", "--lease", "2s")
    wait_answer(weir, "_http._tcp", "PTR", 1, 5)
    joined.process.kill()
    began = time.monotonic()
    wait_answer(weir, "_http._tcp", "PTR", 0, 5)
    assert 1 < time.monotonic() - began < 3
    last = events_of(weir, "web-1")[-1]
    assert (last["actor"], last["verb"]) == ("weir", "delete")
    assert last["reason"].startswith("lease of 2s ended: nobody has renewed it")


def test_a_lease_outlives_a_restart_of_weir(weir, join):
    joined = join("web", "--port", "8000", "--type", "_http._tcp", "--name", "web-1", "--lease", "3s")
    weir.process.stop()
    time.sleep(4)
    weir.start()
    wait_answer(weir, "_http._tcp", "PTR", 1, 5)
    joined.said("the API answers again")
    time.sleep(4)
    assert len(data(weir, "_http._tcp", "PTR")) == 1
    assert [one["verb"] for one in events_of(weir, "web-1")] == ["create"]


def test_resolve_for_people_shells_and_programs(weir):
    weir.apply(service("db", [], protocol="TCP", discovery={"type": "_db._tcp"}))
    for version, port in (("1.0", 5001), ("2.0", 5002)):
        words = ["--once", "--version", version, "--name", f"db-{port}", "--txt", "role=main"]
        assert weir.cli("join", "db", "--port", port, *words).returncode == 0
    assert weir.cli("resolve", "db", "--version", "2.0").stdout == "127.0.0.1:5002\n"
    shell = weir.cli("resolve", "db", "--version", "1.0", "-o", "env").stdout
    done = subprocess.run(["sh", "-c", f"{shell} echo $DB_HOST $DB_PORT"], capture_output=True, text=True)
    assert done.stdout == "127.0.0.1 5001\n"
    found = json.loads(weir.cli("resolve", "db", "-o", "json").stdout)
    assert sorted(one["address"] for one in found["endpoints"]) == ["127.0.0.1:5001", "127.0.0.1:5002"]
    assert found["endpoints"][0]["text"] == ["role=main"]
    assert data(weir, "v2-0.db.service", "SRV") == [f"0 1 5002 ip-127-0-0-1.{DOMAIN}."]

    environment = {"WEIR_API": weir.api_url, "WEIR_TOKEN": weir.token}
    watch = Agent(["resolve", "db", "--version", "1.0", "-w"], environment)
    watch.said("127.0.0.1:5001")
    assert weir.cli("join", "db", "--port", "5003", "--once", "--version", "1.0").returncode == 0
    assert weir.cli("leave", "db", "--name", "db-5001").returncode == 0
    watch.said("127.0.0.1:5003")
    watch.process.kill()
    watch.process.wait()
    assert watch.lines == ["127.0.0.1:5001\n", "127.0.0.1:5003\n"]
    assert weir.cli("leave", "db").returncode == 0  # what has a name made of this machine's
    assert weir.cli("resolve", "db", "--version", "1.0").returncode == 1


def test_resolve_by_a_name_server(weir):
    weir.apply(service("db", [], protocol="TCP", discovery={"type": "_db._tcp"}))
    for priority, port in ((0, 5001), (1, 5002)):
        words = ["--once", "--priority", priority, "--name", f"db-{port}", "--instance", f"Number {port}"]
        assert weir.cli("join", "db", "--port", port, "--version", f"{priority}.0", *words).returncode == 0
    wait_answer(weir, "_db._tcp", "PTR", 2, 5)

    def resolve(name, *words):
        nobody = {"WEIR_API": "http://127.0.0.1:1", "WEIR_TOKEN": ""}
        return weir.cli("resolve", name, "--dns", f"127.0.0.1:{weir.dns_port}", *words, environment=nobody)

    assert resolve("db").stdout == "127.0.0.1:5001\n"
    assert resolve("db", "--version", "1.0").stdout == "127.0.0.1:5002\n"
    assert resolve("_db._tcp").stdout == "127.0.0.1:5001\n"
    assert resolve("_db._tcp", "--version", "1.0").stdout == "127.0.0.1:5002\n"
    assert resolve("Number 5002._db._tcp").stdout == "127.0.0.1:5002\n"
    assert resolve("db", "-o", "env").stdout.splitlines()[1] == "DB_PORT='5001'"
    found = json.loads(resolve("_db._tcp", "-o", "json").stdout)["endpoints"]
    assert [(one["address"], one["version"]) for one in found] == [
        ("127.0.0.1:5001", "0.0"),
        ("127.0.0.1:5002", "1.0"),
    ]
    none = resolve("nothing")
    assert (none.returncode, none.stdout) == (1, "") and "can serve now" in none.stderr
    assert "refuses to answer for that domain" in resolve("db", "--domain", "example.com").stderr
    assert weir.cli("resolve", "_db._tcp", "--version", "1.0").stdout == "127.0.0.1:5002\n"
    assert weir.cli("resolve", "Number 5001._db._tcp").stdout == "127.0.0.1:5001\n"


def test_a_command_is_a_member_for_as_long_as_it_runs(weir, join, tmp_path):
    ready = tmp_path / "ready"
    script = f"trap 'exit 7' TERM; touch {ready}; while :; do sleep 0.05; done"
    joined = join("web", "--port", "8000", "--type", "_http._tcp", "--name", "w1", "--", "sh", "-c", script)
    wait_answer(weir, "_http._tcp", "PTR", 1, 5)
    wait_until(ready.exists, 5, "the command")
    assert joined.end() == 7
    joined.said("endpoint/w1 has left")
    assert weir.api("GET", "/v1/endpoints/w1").status == 404
    assert data(weir, "_http._tcp", "PTR") == []
    for command, code in ((["sh", "-c", "exit 3"], 3), (["sh", "-c", "kill -9 $$"], 137), (["/none"], 127)):
        done = weir.cli("join", "web", "--port", "8000", "--name", "w2", "--", *command)
        assert done.returncode == code
        assert weir.api("GET", "/v1/endpoints/w2").status == 404


def joining_agent(weir, path, services, **more):
    token = path.with_suffix(".token")
    token.write_text(weir.token)
    token.chmod(0o600)
    wanted = {"apis": [weir.api_url], "token_file": str(token), "lease": "2s", "services": services, **more}
    path.write_text(json.dumps({"join": wanted}))


def test_an_agent_joins_follows_its_file_and_leaves(weir, tmp_path):
    path = tmp_path / "agent.yaml"
    port = free_port()
    check = {**CHECK, "tcp": {}}
    web = {"name": "web", "port": 8000, "type": "_http._tcp", "endpoint": "w1", "text": ["path=/x"]}
    db = {"name": "db", "port": port, "endpoint": "d1", "instance": "The first", "health_check": check}
    joining_agent(weir, path, [web, db], apis=["http://127.0.0.1:1", weir.api_url])
    agent = Agent(["agent", "--config", path])
    try:
        wait_answer(weir, "_http._tcp", "PTR", 1, 5)
        assert data(weir, "w1._http._tcp", "TXT") == ['"path=/x"']
        time.sleep(3)  # a lease and a half
        assert data(weir, "_http._tcp", "PTR") == [f"w1._http._tcp.{DOMAIN}."]
        assert data(weir, "_db._tcp", "PTR") == []  # its own check has not passed
        with Server(echo, port=port):
            wait_answer(weir, "_db._tcp", "PTR", 1, 5)
        wait_answer(weir, "_db._tcp", "PTR", 0, 5)
        weir.process.stop()
        time.sleep(3)
        weir.start()
        wait_answer(weir, "_http._tcp", "PTR", 1, 10)
        assert weir.api("DELETE", "/v1/endpoints/w1").status == 200
        wait_answer(weir, "_http._tcp", "PTR", 0, 1)
        wait_answer(weir, "_http._tcp", "PTR", 1, 5)  # at the next renewal
        joining_agent(weir, path, [{**web, "version": "2.0"}])
        wait_answer(weir, "_v2-0._sub._http._tcp", "PTR", 1, 5)
        assert agent.end() == 0
        assert data(weir, "_http._tcp", "PTR") == []
        assert weir.api("GET", "/v1/endpoints/w1").status == 404
    finally:
        agent.process.kill()
        agent.process.wait()


def test_an_agent_that_is_killed_is_gone_after_its_lease(weir, tmp_path):
    path = tmp_path / "agent.yaml"
    joining_agent(weir, path, [{"name": "web", "port": 8000, "type": "_http._tcp"}])
    agent = Agent(["agent", "--config", path])
    wait_answer(weir, "_http._tcp", "PTR", 1, 5)
    agent.process.kill()
    agent.process.wait()
    wait_answer(weir, "_http._tcp", "PTR", 0, 5)


def test_a_big_service_is_truncated_and_completes_by_tcp(weir):
    members = [
        {
            "kind": "Endpoint",
            "metadata": {"name": f"big-{i}"},
            "spec": {"service": "big", "address": f"127.0.1.{i}:80", "instance": f"Member number {i}"},
        }
        for i in range(200)
    ]
    weir.apply(service("big", [], discovery={"type": "_big._tcp"}), *members)
    wait_answer_by_tcp = dig(weir.dns_port, f"_big._tcp.{DOMAIN}", "PTR", "+tcp")
    assert len(wait_answer_by_tcp.answer) == 200
    truncated = dig(weir.dns_port, f"_big._tcp.{DOMAIN}", "PTR", "+ignore", "+bufsize=1232")
    assert "tc" in truncated.flags
    assert len(dig(weir.dns_port, f"_big._tcp.{DOMAIN}", "PTR").answer) == 200


def members(count, first=0):
    return [
        {
            "kind": "Endpoint",
            "metadata": {"name": f"big-{i}"},
            "spec": {
                "service": "big",
                "address": f"10.{i // 250}.0.{i % 250 + 1}:80",
                "instance": f"Number {i:05}",
            },
        }
        for i in range(first, first + count)
    ]


def test_a_set_that_no_message_holds_is_refused_where_it_is_caused(weir):
    """At the border all are found, and one more is refused: nothing is truncated. The names of instances make
    their PTR records larger than the SRV records."""
    weir.apply(service("big", [], discovery={"type": "_big._tcp"}))
    head, instance, kind, domain = 12, 1 + len("Number 00000"), len("_big._tcp") + 1, len(DOMAIN) + 2
    fits = (65535 - 12 - 259 - 128) // (head + instance + kind + domain)
    weir.apply(*members(fits))
    found = dig(weir.dns_port, f"_big._tcp.{DOMAIN}", "PTR")  # by UDP first
    assert len(found.answer) == fits > 1000
    assert len(dig(weir.dns_port, f"big.service.{DOMAIN}", "SRV").answer) == fits
    truncated = dig(weir.dns_port, f"_big._tcp.{DOMAIN}", "PTR", "+ignore")
    assert "tc" in truncated.flags and truncated.answer == []
    one_more = weir.api("POST", "/v1/endpoints", members(1, fits)[0])
    assert one_more.status == 422
    assert f"would make {fits + 1} PTR records at _big._tcp.{DOMAIN}." in one_more.text
    refused = weir.cli("join", "big", "--port", "80", "--once", "--instance", "Number 99999")
    assert refused.returncode == 1 and "and a message of DNS holds" in refused.stderr
    assert len(dig(weir.dns_port, f"_big._tcp.{DOMAIN}", "PTR").answer) == fits
    assert weir.api("DELETE", "/v1/endpoints/big-0").status == 200
    assert weir.api("POST", "/v1/endpoints", members(1, fits)[0]).status == 201


def test_a_token_joins_its_services_and_does_nothing_else(weir, join):
    for name in ("web", "db"):
        weir.apply(service(name, [], protocol="TCP", discovery={"type": f"_{name}._tcp"}))
    token = weir.cli("token", "create", "--service", "web").stdout.strip()
    mine = {"WEIR_TOKEN": token}
    done = weir.cli("join", "web", "--port", "1", "--name", "w1", "--", "true", environment=mine)
    assert done.returncode == 0 and "has left" in done.stderr, done.stderr
    assert weir.cli("join", "web", "--port", "1", "--name", "w1", "--once", environment=mine).returncode == 0
    assert weir.cli("leave", "web", "--name", "w1", environment=mine).returncode == 0
    for words in (["join", "db", "--port", "1", "--once"], ["get", "endpoints"], ["get", "tokens"],
                  ["delete", "service", "web"], ["token", "create"]):  # fmt: skip
        done = weir.cli(*words, environment=mine)
        assert done.returncode == 1
        assert "to join and leave the service web, and for nothing else" in done.stderr


def test_the_name_server_of_the_domain_has_an_address(weir):
    weir.apply(service("web", ["127.0.0.1:1"], discovery={"type": "_web._tcp"}))
    wait_answer(weir, "_web._tcp", "PTR", 1, 5)
    assert dig(weir.dns_port, DOMAIN, "NS").data == [f"ns.{DOMAIN}."]
    assert data(weir, "ns", "A") == ["127.0.0.1"]


def test_the_help_knows_the_commands():
    for word in ("join", "leave", "resolve"):
        done = subprocess.run([str(BINARY), "help", word], capture_output=True, text=True, timeout=10)
        assert done.returncode == 0 and f"weir {word} SERVICE" in done.stdout
