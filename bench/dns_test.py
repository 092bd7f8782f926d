"""The report of dnsperf is read strictly, and every peer of `dns` that is here answers as it is wanted."""

import socket
from types import SimpleNamespace

import pytest

from bench import coredns, dns, dns_peers, powerdns, report
from lab.dns import Client

CASES = {case.name: case for case in dns.CASES}
HERE = {
    "powerdns": powerdns.present(),
    "coredns": coredns.PROGRAM.exists(),
}

GOOD = """Statistics:

  Queries sent:         52180
  Queries completed:    52180 (100.00%)
  Queries lost:         0 (0.00%)

  Response codes:       NOERROR 52180 (100.00%)
  Average packet size:  request 37, response 53
  Run time (s):         1.000412
  Queries per second:   52158.510694

  Average Latency (s):  0.001894 (min 0.000083, max 0.020601)
  Latency StdDev (s):   0.000831
"""


def test_report_of_dnsperf():
    assert dns.parse(GOOD) == dns.Load(52180, 0, 1.000412, 0.001894, 0.020601)


@pytest.mark.parametrize(
    "there, instead, errors",
    [
        ("NOERROR 52180 (100.00%)", "NOERROR 52178 (99.99%), SERVFAIL 2 (0.01%)", 2),
        ("NOERROR 52180 (100.00%)", "NXDOMAIN 52180 (100.00%)", 52180),
        ("Queries sent:         52180", "Queries sent:         52183", 3),
    ],
)
def test_what_is_lost_or_wrong_is_an_error(there, instead, errors):
    assert dns.parse(GOOD.replace(there, instead)).errors == errors


@pytest.mark.parametrize("missing", ["Queries sent", "Queries completed", "Run time", "Average Latency"])
def test_a_report_that_lacks_a_line_is_none(missing):
    with pytest.raises(ValueError, match="not a report"):
        dns.parse(GOOD.replace(missing, "Something"))


# --- the peers


@pytest.fixture(scope="module")
def origin_port():
    with socket.create_server(("127.0.0.1", 0)) as origin:
        yield origin.getsockname()[1]


def answering(peer, case, directory, origin_port):
    running = dns.PEERS[peer](CASES[case], directory, origin_port)
    try:
        dns_peers.wait_answering(CASES[case], peer, running)
    except BaseException:
        running.stop()
        raise
    return running


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("peer", [*powerdns.PEERS, *coredns.PEERS])
def test_peer_answers_all_names(peer, case, tmp_path, origin_port):
    if not HERE[peer.partition("-")[0]]:
        pytest.skip("it is not here (./dev setup bench)")
    if dns.plays(CASES[case], peer):
        answering(peer, case, tmp_path / "peer", origin_port).stop()


@pytest.mark.skipif(not HERE["powerdns"], reason="PowerDNS is not here (./dev setup bench)")
def test_packet_cache_of_powerdns_keeps_no_answer_of_lua(tmp_path, origin_port):
    running = answering("powerdns", "steered", tmp_path / "peer", origin_port)
    try:
        with Client(running.port) as client:
            seen = {client.addresses(f"{dns_peers.label(6)}.{dns_peers.ZONE}")[0] for _ in range(100)}
    finally:
        running.stop()
    assert seen == {dns_peers.address(6), dns_peers.address(6, 1)}  # of three in four, 0.75 ** 100 for one


def test_a_peer_with_a_wrong_address_is_not_waited_for_as_right(tmp_path, monkeypatch, origin_port):
    if not HERE["coredns"]:
        pytest.skip("CoreDNS is not here (./dev setup bench)")
    running = answering("coredns", "static", tmp_path / "peer", origin_port)
    try:
        with Client(running.port) as client:
            assert dns_peers.answers(CASES["static"], "coredns", client, 3)
            monkeypatch.setattr(dns_peers, "address", lambda i, network=0: "192.0.2.1")
            assert not dns_peers.answers(CASES["static"], "coredns", client, 3)
    finally:
        running.stop()


@pytest.mark.parametrize(
    "peer, played",
    [("powerdns", "static edns steered geo"), ("coredns", "static edns"), ("coredns-cache", "static edns")],
)
def test_who_plays(peer, played, monkeypatch, tmp_path):
    program = tmp_path / "program"
    program.touch()
    monkeypatch.setattr(coredns, "PROGRAM", program)
    monkeypatch.setattr(powerdns, "BACKEND", program)
    monkeypatch.setattr(powerdns.shutil, "which", lambda name: f"/usr/sbin/{name}")
    assert " ".join(name for name, case in CASES.items() if dns.plays(case, peer)) == played
    monkeypatch.setattr(powerdns, "BACKEND", None)
    program.unlink()
    assert not any(dns.plays(case, peer) for case in CASES.values())


@pytest.mark.parametrize("case", powerdns.SCRIPTS)
def test_a_lua_record_is_of_strings_that_fit(case):
    lines = powerdns.records(CASES[case], 8080).splitlines()
    assert len(lines) == dns_peers.COUNT
    for line in lines:
        name, strings = line.split(' IN LUA A "')
        assert name.startswith("host-") and strings.endswith('"')
        assert max(map(len, strings[:-1].split('" "'))) <= 255


# --- the goals


def judged(capsys, figures):
    """The verdict and what is printed for {(case, peer): answers per CPU-second}."""
    rows = report.Rows.__new__(report.Rows)
    rows.path = report.ROOT / "rows"
    rows.rows = [
        {
            "case": case,
            "proxy": peer,
            "round": 0,
            "errors": 0,
            "seconds": 1,
            "foreign_cpu_seconds": 0,
            "requests_per_cpu_second": figure,
            "requests_per_second": figure,
            "mean_ms": 1,
            "max_ms": 1,
        }
        for (case, peer), figure in figures.items()
    ]
    held = dns.judge(rows)
    return SimpleNamespace(held=held, text=capsys.readouterr().out)


@pytest.mark.parametrize(
    "case, others, least",
    [
        ("static", {"coredns": 10, "coredns-default": 8}, 50),
        ("static", {"coredns": 8, "coredns-default": 10}, 50),
        ("static", {"coredns": 8, "coredns-default": 7, "coredns-cache": 10}, 50),
        ("steered", {"powerdns": 10, "powerdns-nocache": 20}, 60),
        ("geo", {"powerdns": 20, "powerdns-nocache": 10}, 60),
    ],
)
def test_goal_is_of_the_best_of_a_peers_ways(case, others, least, capsys):
    rivals = {(case, name): figure for name, figure in others.items()}
    reached = judged(capsys, rivals | {(case, "weir"): least})
    assert reached.held and reached.text.count("PASS") == 1
    missed = judged(capsys, rivals | {(case, "weir"): least * 0.99})
    assert not missed.held and missed.text.count("FAIL") == 1
