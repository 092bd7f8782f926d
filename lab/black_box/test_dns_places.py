"""Answers by place: sites, countries out of a file of MaxMind's format, ALIAS, and why, before dig."""

import json
import shutil
import subprocess
from collections import Counter

import pytest

from lab import mmdb
from lab.dns import Client, dig, record_set, zone
from lab.process import wait_until
from lab.tcp import Server, echo
from lab.weir import Weir, service

CHECK = {"interval": "100ms", "timeout": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp": {}}
SITES = [
    {"name": "home", "networks": ["10.0.0.0/8", "2001:db8:a::/48"]},
    {"name": "lab", "networks": ["10.1.0.0/16"]},
]
PLACES = {
    "20.0.0.0/8": ("DE", "EU"),
    "21.0.0.0/8": ("FR", "EU"),
    "30.0.0.0/8": ("US", "NA"),
    "2001:db8::/32": ("DE", "EU"),
}


@pytest.fixture
def countries(tmp_path):
    path = tmp_path / "countries.mmdb"
    mmdb.write(path, PLACES)
    return path


@pytest.fixture
def weir(tmp_path, countries):
    weir = Weir(tmp_path, workers=2, flags=["--geoip", countries]).start()
    weir.apply(zone("a.example", "ns1 A 192.0.2.53\nmail A 192.0.2.25\n", sites=SITES))
    yield weir
    weir.process.stop()


def answer(number, *places, **more):
    return {"value": f"192.0.2.{number}", "places": list(places), **more}


def geo(*answers, **spec):
    return record_set("w", "a.example", "w", "A", policy="GEO", answers=list(answers), **spec)


def given(weir, subnet):
    """The last numbers of the addresses, and the scope."""
    shown = dig(weir.dns_port, "w.a.example", "A", f"+subnet={subnet}")
    [said] = [line for line in shown.text.splitlines() if "CLIENT-SUBNET" in line]
    return sorted(int(data.rpartition(".")[2]) for data in shown.data), int(said.rpartition("/")[2])


def wait_given(weir, subnet, numbers):
    wait_until(lambda: given(weir, subnet)[0] == numbers, 10, f"{numbers} for {subnet}", 0.01)


def test_the_writer_of_the_lab_against_the_reader_of_the_library(countries):
    if not shutil.which("mmdblookup"):
        pytest.skip("mmdblookup (mmdb-bin) is not here")
    for address, country in (("20.1.2.3", "DE"), ("21.0.0.1", "FR"), ("2001:db8::1", "DE")):
        words = ["mmdblookup", "-f", countries, "-i", address, "country", "iso_code"]
        assert f'"{country}"' in subprocess.run(words, capture_output=True, text=True, check=True).stdout
    missing = subprocess.run(["mmdblookup", "-f", countries, "-i", "9.9.9.9"], capture_output=True, text=True)
    assert missing.returncode != 0


def test_the_closest_place_counts(weir):
    weir.apply(
        geo(
            answer(1, "10.1.2.0/24"),
            answer(2, "site/lab"),
            answer(3, "site/home"),
            answer(4, "country/DE"),
            answer(5, "continent/EU"),
            answer(6),
        )
    )
    wait_given(weir, "10.1.2.0/24", [1])
    assert given(weir, "10.1.2.0/24") == ([1], 24)
    assert given(weir, "10.1.3.0/24") == ([2], 24)
    assert given(weir, "10.2.0.0/16") == ([3], 15)
    assert given(weir, "20.1.1.0/24") == ([4], 8)
    assert given(weir, "21.1.1.0/24") == ([5], 8)
    assert given(weir, "30.1.1.0/24") == ([6], 8)
    assert given(weir, "2001:db8:a::/56") == ([3], 48)
    assert given(weir, "2001:db8:b::/56") == ([4], 48)
    assert given(weir, "0.0.0.0/0")[1] == 0, "who says nothing of the client gets an answer for everybody"
    assert dig(weir.dns_port, "w.a.example", "A").data == ["192.0.2.6"], "127.0.0.1 is in none of them"


def test_two_providers_in_two_places_in_turn_then_by_weight_then_one_dead(weir):
    with Server(echo) as first, Server(echo) as second:
        more = {"protocol": "TCP", "health_check": CHECK}
        weir.apply(service("one", [first.address], **more), service("two", [second.address], **more))
        one, two = {"service": "one"}, {"service": "two"}
        apart = [answer(1, "continent/EU", **one), answer(2, "continent/NA", **two)]
        weir.apply(geo(*apart, all_down="SERVE_NONE"))
        wait_given(weir, "20.0.0.0/24", [1])
        wait_given(weir, "30.0.0.0/24", [2])
        both = [answer(1, "continent/EU", **one), answer(2, "continent/EU", **two)]
        weir.apply(geo(*both))
        wait_given(weir, "20.0.0.0/24", [1, 2])
        words = ("w.a.example", "A", "+subnet=20.0.0.0/24")
        firsts = Counter(dig(weir.dns_port, *words).data[0] for _ in range(10))
        assert firsts == {"192.0.2.1": 5, "192.0.2.2": 5}
        weights = [{"value": f"192.0.2.{i}", "weight": weight, "service": name}
                   for i, weight, name in ((1, 75, "one"), (2, 25, "two"))]  # fmt: skip
        weir.apply(record_set("w", "a.example", "w", "A", policy="WEIGHTED", answers=weights))
        with Client(weir.dns_port) as client:
            wait_until(lambda: len(client.addresses("w.a.example")) == 1, 5, "one at a time")
            counts = Counter(client.addresses("w.a.example")[0] for _ in range(100))
        assert counts == {"192.0.2.1": 75, "192.0.2.2": 25}
        weir.apply(geo(*apart, answer(3)))
        wait_given(weir, "20.0.0.0/24", [1])
        first.shutdown()
        first.server_close()
        wait_given(weir, "20.0.0.0/24", [3])
        assert given(weir, "30.0.0.0/24")[0] == [2]


def test_the_file_is_read_again_when_another_takes_its_place(weir, countries):
    weir.apply(geo(answer(1, "country/DE"), answer(2)))
    wait_given(weir, "20.0.0.0/24", [1])
    countries.write_bytes(b"half a file")
    wait_until(lambda: "the countries stay as they were" in weir.process.log(), 10, "the damaged file seen")
    assert given(weir, "20.0.0.0/24")[0] == [1]
    mmdb.write(countries, {"40.0.0.0/8": ("DE", "EU")})
    wait_given(weir, "20.0.0.0/24", [2])
    assert given(weir, "40.0.0.0/24") == ([1], 8)


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "none.mmdb"
    path.write_text("nothing")
    weir = Weir(tmp_path, flags=["--geoip", path])
    weir.start(wait=False)
    wait_until(lambda: not weir.process.running(), 20, "weir having ended")
    assert f"countries can't be read from {path}: " in weir.process.log()


def test_a_site_that_the_zone_has_not_leaves_the_set_out(weir):
    weir.apply(geo(answer(1, "site/away")))

    def reason():
        return weir.api("GET", "/v1/zones/a.example").json.get("status", {}).get("reason", "")

    wait_until(lambda: reason() == "RecordSet/w is left out: the zone has no site/away", 5, "the reason")
    assert dig(weir.dns_port, "w.a.example", "A").status == "NXDOMAIN"


def test_an_alias_at_the_zone_itself(weir):
    weir.apply(record_set("apex", "a.example", "@", "ALIAS", values=["w"], ttl=20))
    weir.apply(geo(answer(1, "site/home"), answer(2)))
    wait_until(lambda: dig(weir.dns_port, "a.example", "A").data == ["192.0.2.2"], 5, "the answer of w")
    assert dig(weir.dns_port, "a.example", "A", "+subnet=10.0.0.0/24").data == ["192.0.2.1"]
    assert dig(weir.dns_port, "a.example", "AAAA").data == []
    assert dig(weir.dns_port, "a.example", "NS").data == ["ns1.a.example."]
    weir.apply(record_set("apex", "a.example", "@", "ALIAS", values=["nothing.invalid."]))
    wait_until(lambda: dig(weir.dns_port, "a.example", "A").status == "SERVFAIL", 5, "nothing being known")


def test_explain_says_why(weir):
    weir.apply(geo(answer(1, "site/home"), answer(2, "country/DE"), answer(3)))
    wait_given(weir, "10.0.0.0/24", [1])
    shown = weir.cli("explain", "dns", "w.a.example", "--from", "20.1.2.3").stdout
    for part in (
        "w.a.example. A  from 20.1.2.3",
        "zone a.example.",
        "RecordSet/w, GEO",
        "the closest place: country/DE",
        "no: its places are not the closest",
        "given: 192.0.2.2",
        "NOERROR, the same for the /8 around the client",
    ):
        assert part in shown, shown
    tree = json.loads(weir.cli("explain", "dns", "w.a.example", "a", "-o", "json").stdout)
    assert tree["steps"][0]["place"] == "everywhere else" and tree["steps"][0]["given"] == ["192.0.2.3"]
    refused = weir.cli("explain", "dns", "w.a.example", "NONE")
    assert refused.returncode != 0 and "there is no type NONE of records" in refused.stderr
