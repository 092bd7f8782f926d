"""Zones written to providers of DNS: real PowerDNS, Knot and BIND, Route 53 as moto plays it, and a
strict mock of Cloudflare."""

import json

import pytest

from lab.cloudflare_mock import Cloudflare
from lab.dns import dig, record_set, zone
from lab.dns_providers import MOTO, Bind, Knot, Moto, PowerDns, provider, secret
from lab.process import wait_until
from lab.tcp import Server, echo, self_signed
from lab.tunnels import weir  # noqa: F401 (a fixture)
from lab.weir import service

ZONE = "a.example"
CHECK = {"interval": "100ms", "timeout": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp": {}}
RECORDS = """\
www 60 A 192.0.2.1
www 60 A 192.0.2.2
@ MX 10 mail
mail AAAA 2001:db8::25
text TXT "v=spf1 -all" "more"
_db._tcp SRV 1 2 5432 www
@ CAA 0 issue "ca.example"
*.wild CNAME www
"""
SHOWN = {
    "www.a.example. A": {"192.0.2.1", "192.0.2.2"},
    "a.example. MX": {"10 mail.a.example."},
    "mail.a.example. AAAA": {"2001:db8::25"},
    "text.a.example. TXT": {'"v=spf1 -all" "more"'},
    "_db._tcp.a.example. SRV": {"1 2 5432 www.a.example."},
    "a.example. CAA": {'0 issue "ca.example"'},
    "*.wild.a.example. CNAME": {"www.a.example."},
}


@pytest.fixture
def powerdns(tmp_path):
    directory = tmp_path / "pdns"
    directory.mkdir()
    server = PowerDns(directory)
    yield server
    server.stop()


@pytest.fixture(params=[Knot, Bind])
def updated(tmp_path, request):
    directory = tmp_path / "server"
    directory.mkdir()
    server = request.param(directory, ZONE)
    yield server
    server.stop()


@pytest.fixture
def moto(tmp_path):
    if not MOTO.exists():
        pytest.skip("moto is not installed (./dev setup lab)")
    server = Moto(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def cloudflare():
    mock = Cloudflare(zones=("other.example", ZONE))
    yield mock
    mock.close()


def status_of(weir, name):
    return weir.api("GET", f"/v1/dnsproviders/{name}").json["status"]["zones"][0]


def wait_synced(weir, name, deadline_s=10):
    wait_until(lambda: status_of(weir, name)["synced"], deadline_s, f"{name} being synced")


def wait_shown(shown, wanted, deadline_s=10):
    wait_until(lambda: shown() == wanted, deadline_s, f"{wanted} being there, and not {shown()}")


def at_powerdns(weir, powerdns, records=RECORDS, **spec):
    weir.apply(
        zone(ZONE, records),
        secret("pdns", api_key=powerdns.KEY),
        provider("pdns", "POWERDNS", powerdns.url, [ZONE], **spec),
    )


# --- PowerDNS


def test_powerdns_answers_what_weir_has(weir, powerdns):
    powerdns.make_zone(ZONE)
    at_powerdns(weir, powerdns)
    wait_synced(weir, "pdns")
    assert powerdns.shown(ZONE) == SHOWN
    assert sorted(dig(powerdns.dns_port, "www.a.example", "A").data) == ["192.0.2.1", "192.0.2.2"]
    assert dig(powerdns.dns_port, "x.wild.a.example", "CNAME").data == ["www.a.example."]
    assert status_of(weir, "pdns")["records"] == len(SHOWN)
    assert "pdns" in weir.cli("get", "dnsproviders").stdout


def test_a_change_is_there_within_a_second_and_what_is_foreign_stays(weir, powerdns):
    powerdns.make_zone(ZONE)
    powerdns.write(ZONE, "theirs.a.example.", "A", ["198.51.100.1"])
    powerdns.write(ZONE, "mail.a.example.", "AAAA", ["2001:db8::bad"])
    at_powerdns(weir, powerdns)
    foreign = {"theirs.a.example. A": {"198.51.100.1"}, "mail.a.example. AAAA": {"2001:db8::bad"}}
    wait_shown(lambda: powerdns.shown(ZONE), {**SHOWN, **foreign})
    wait_until(lambda: "did not make it" in status_of(weir, "pdns").get("reason", ""), 5, "being told")
    weir.apply(record_set("api", ZONE, "api", "A", values=["192.0.2.7"]))
    wait_shown(lambda: powerdns.shown(ZONE), {**SHOWN, **foreign, "api.a.example. A": {"192.0.2.7"}}, 2)
    assert weir.cli("delete", "recordset", "api").returncode == 0
    wait_shown(lambda: powerdns.shown(ZONE), {**SHOWN, **foreign}, 2)
    # What somebody does to a record of weir's is undone.
    powerdns.write(ZONE, "www.a.example.", "A", ["198.51.100.9"])
    wait_shown(lambda: powerdns.shown(ZONE), {**SHOWN, **foreign}, 5)


def test_the_valve_holds_until_it_is_forced(weir, powerdns):
    powerdns.make_zone(ZONE)
    at_powerdns(weir, powerdns)
    wait_synced(weir, "pdns")
    weir.apply(zone(ZONE, "www 60 A 192.0.2.1\n"))
    wait_until(lambda: "forced" in status_of(weir, "pdns").get("reason", ""), 5, "the valve")
    assert powerdns.shown(ZONE) == SHOWN
    planned = weir.cli("provider", "plan", "pdns")
    assert planned.returncode == 0
    assert "- a.example. MX 300 10 mail.a.example.\n" in planned.stdout
    assert "~ www.a.example. A 60 192.0.2.1, 192.0.2.2 -> 60 192.0.2.1\n" in planned.stdout
    assert "0 to create, 1 to replace, 6 to delete" in planned.stderr
    assert weir.cli("provider", "sync", "pdns", "--force", "--dry-run").stdout == planned.stdout
    refused = weir.cli("provider", "sync", "pdns")
    assert refused.returncode == 1 and "more than 30 %" in refused.stderr
    assert powerdns.shown(ZONE) == SHOWN
    forced = weir.cli("provider", "sync", "pdns", "--force", "-o", "json")
    assert forced.returncode == 0, forced.stderr
    assert json.loads(forced.stdout)["zones"][0]["written"] == 7
    assert powerdns.shown(ZONE) == {"www.a.example. A": {"192.0.2.1"}}


def test_health_is_followed_there(weir, powerdns):
    powerdns.make_zone(ZONE)
    with Server(echo) as first:
        with Server(echo, "127.0.0.2") as second:
            weir.apply(
                service("web", [first.address, second.address], health_check=CHECK, protocol="TCP"),
                record_set("web", ZONE, "web", "A", service="web", policy="ROUND_ROBIN"),
                zone(ZONE),
                secret("pdns", api_key=powerdns.KEY),
                provider("pdns", "POWERDNS", powerdns.url, [ZONE]),
            )
            wait_shown(lambda: powerdns.shown(ZONE), {"web.a.example. A": {"127.0.0.1", "127.0.0.2"}})
        wait_shown(lambda: powerdns.shown(ZONE), {"web.a.example. A": {"127.0.0.1"}}, 3)


def test_a_provider_that_is_deleted_leaves_its_records_and_no_ledger(weir, powerdns):
    powerdns.make_zone(ZONE)
    at_powerdns(weir, powerdns)
    wait_synced(weir, "pdns")
    assert len(weir.api("GET", "/v1/dnsledgers").json["items"]) == 1
    assert weir.cli("delete", "dnsprovider", "pdns").returncode == 0
    wait_until(lambda: not weir.api("GET", "/v1/dnsledgers").json["items"], 5, "the ledger being gone")
    assert powerdns.shown(ZONE) == SHOWN
    events = weir.api("GET", "/v1/events").json["items"]
    assert any(one["spec"]["verb"] == "delete" and one["spec"]["kind"] == "DnsLedger" for one in events)


def test_what_is_wrong_is_told_and_credentials_are_not(weir, powerdns):
    powerdns.make_zone(ZONE)
    weir.apply(
        zone(ZONE, RECORDS),
        secret("pdns", api_key="wr0ng-key"),
        provider("pdns", "POWERDNS", powerdns.url, [ZONE]),
    )
    wait_until(lambda: "401" in status_of(weir, "pdns").get("reason", ""), 10, "being told")
    planned = weir.cli("provider", "plan", "pdns")
    assert planned.returncode == 1 and "401" in planned.stderr
    weir.apply(secret("pdns", api_key=powerdns.KEY))
    wait_synced(weir, "pdns")
    told = weir.process.log() + planned.stderr + weir.api("GET", "/v1/events").text
    assert "wr0ng-key" not in told and powerdns.KEY not in told
    assert weir.cli("provider", "plan", "nobody").returncode == 1


def test_a_restart_goes_on_with_its_ledger(weir, powerdns):
    powerdns.make_zone(ZONE)
    at_powerdns(weir, powerdns)
    wait_synced(weir, "pdns")
    weir.process.stop()
    weir.start()
    weir.apply(zone(ZONE, RECORDS.replace("192.0.2.2", "192.0.2.3")))
    wanted = {**SHOWN, "www.a.example. A": {"192.0.2.1", "192.0.2.3"}}
    wait_shown(lambda: powerdns.shown(ZONE), wanted)


def test_an_alias_is_there_as_the_addresses_that_it_leads_to(weir, powerdns):
    powerdns.make_zone(ZONE)
    at_powerdns(weir, powerdns)
    wait_synced(weir, "pdns")
    weir.apply(record_set("apex", ZONE, "@", "ALIAS", values=["www"]))
    apex = {"a.example. A": {"192.0.2.1", "192.0.2.2"}}
    wait_shown(lambda: powerdns.shown(ZONE), {**SHOWN, **apex}, 3)
    assert sorted(dig(powerdns.dns_port, ZONE, "A").data) == ["192.0.2.1", "192.0.2.2"]
    assert dig(powerdns.dns_port, ZONE, "MX").data == ["10 mail.a.example."]
    weir.apply(zone(ZONE, RECORDS.replace("192.0.2.2", "192.0.2.3")))
    wait_until(lambda: powerdns.shown(ZONE)["a.example. A"] == {"192.0.2.1", "192.0.2.3"}, 3, "the change")
    # While nothing is known of its target, it stays as it is, and that is told.
    weir.apply(record_set("apex", ZONE, "@", "ALIAS", values=["nothing.invalid."]))
    wait_until(lambda: "nothing.invalid. " in status_of(weir, "pdns").get("reason", ""), 10, "being told")
    assert powerdns.shown(ZONE)["a.example. A"] == {"192.0.2.1", "192.0.2.3"}


def test_a_crash_in_the_midst_of_writing_leaves_no_record_without_its_owner(weir, powerdns):
    powerdns.make_zone(ZONE)
    powerdns.write(ZONE, "theirs.a.example.", "A", ["198.51.100.1"])
    many = "".join(f"n{i} A 192.0.2.{i % 250}\n" for i in range(6000))
    at_powerdns(weir, powerdns, many)
    wait_until(lambda: len(powerdns.shown(ZONE)) > 1, 30, "the first batch", 0.002)
    weir.process.popen.kill()
    weir.process.wait()
    begun = len(powerdns.shown(ZONE))
    assert begun % 1000 == 1  # whole batches, and theirs
    weir.start()
    wait_synced(weir, "pdns", 60)
    assert len(powerdns.shown(ZONE)) == 6001
    weir.apply(zone(ZONE, "last A 192.0.2.1\n"))
    assert weir.cli("provider", "sync", "pdns", "--force", timeout_s=60).returncode == 0
    foreign = {"theirs.a.example. A": {"198.51.100.1"}}
    assert powerdns.shown(ZONE) == {"last.a.example. A": {"192.0.2.1"}, **foreign}


def test_a_ledger_of_many_record_sets_is_in_several_objects(weir, powerdns):
    powerdns.make_zone(ZONE)
    many = "".join(f"n{i} A 192.0.2.{i % 250}\n" for i in range(10_050))
    at_powerdns(weir, powerdns, many, interval="60s")
    wait_synced(weir, "pdns", 60)
    ledgers = weir.api("GET", "/v1/dnsledgers").json["items"]
    assert sorted(len(one["spec"]["records"]) for one in ledgers) == [50, 10_000]
    weir.apply(zone(ZONE, many.replace("n0 A 192.0.2.0\n", "new A 192.0.2.1\n")))
    wait_until(lambda: f"new.{ZONE}. A" in powerdns.shown(ZONE), 20, "the change")
    assert f"n0.{ZONE}. A" not in powerdns.shown(ZONE)
    assert weir.cli("delete", "dnsprovider", "pdns").returncode == 0
    wait_until(lambda: not weir.api("GET", "/v1/dnsledgers").json["items"], 10, "the ledgers being gone")


# --- Cloudflare


def at_cloudflare(weir, cloudflare, records=RECORDS, **spec):
    weir.apply(
        zone(ZONE, records),
        secret("cf", token=cloudflare.token),
        provider("cf", "CLOUDFLARE", cloudflare.url, [ZONE], **spec),
    )


def test_cloudflare_has_what_weir_has(weir, cloudflare):
    cloudflare.add("theirs.a.example", "A", "198.51.100.1", proxied=True)
    at_cloudflare(weir, cloudflare)
    wait_synced(weir, "cf")
    shown = cloudflare.shown(ZONE)
    assert shown["www.a.example A"] == {"192.0.2.1", "192.0.2.2"}
    assert shown["*.wild.a.example CNAME"] == {"www.a.example"}
    assert shown["theirs.a.example A"] == {"198.51.100.1"}
    assert len(shown) == len(SHOWN) + 1
    weir.apply(zone(ZONE, RECORDS.replace("192.0.2.2", "192.0.2.3")))
    wait_until(
        lambda: cloudflare.shown(ZONE)["www.a.example A"] == {"192.0.2.1", "192.0.2.3"}, 5, "the change"
    )


def test_cloudflare_is_patient_with_who_is_and_a_batch_is_never_half_made(weir, cloudflare):
    cloudflare.busy = 1
    cloudflare.broken = 1  # done, and yet it says that it was not
    at_cloudflare(weir, cloudflare)
    wait_synced(weir, "cf", 30)
    assert len(cloudflare.shown(ZONE)) == len(SHOWN)
    assert sum(call.startswith("POST") for call in cloudflare.calls) == 1


def test_many_records_go_to_cloudflare_in_batches_and_come_in_pages(weir, cloudflare):
    many = "".join(f"n{i} A 192.0.2.{i % 250}\n" for i in range(1100))
    at_cloudflare(weir, cloudflare, many, interval="60s")
    wait_synced(weir, "cf", 30)
    assert len(cloudflare.shown(ZONE)) == 1100
    assert sum(call.startswith("POST") for call in cloudflare.calls) == 6
    assert weir.cli("provider", "plan", "cf").returncode == 0


def test_cloudflare_is_spoken_to_only_with_a_certificate_that_holds(weir, tmp_path):
    theirs, others = self_signed(tmp_path, "localhost"), self_signed(tmp_path, "elsewhere.example")
    for files, ca, why in (
        (theirs, None, "certificate"),  # by nobody who is known
        (theirs, others[0].read_text(), "certificate"),  # by another authority
        (others, others[0].read_text(), "certificate"),  # of another name
    ):
        mock = Cloudflare(certificate=files)
        try:
            at_cloudflare(weir, mock, **({"ca": ca} if ca else {}))
            refused = weir.cli("provider", "plan", "cf", timeout_s=40)
            assert refused.returncode == 1 and why in refused.stderr, refused.stderr
            assert mock.calls == []
        finally:
            mock.close()
    mock = Cloudflare(certificate=theirs)
    try:
        at_cloudflare(weir, mock, ca=theirs[0].read_text())
        wait_synced(weir, "cf", 20)
        assert len(mock.shown(ZONE)) == len(SHOWN)
    finally:
        mock.close()


def test_cloudflare_is_left_alone_for_as_long_as_it_asks(weir, cloudflare):
    cloudflare.busy, cloudflare.retry_after = 1, 3
    at_cloudflare(weir, cloudflare)
    wait_synced(weir, "cf", 30)
    [first, second] = cloudflare.times[:2]
    assert second - first >= 3


# --- secrets


def test_credentials_are_in_nothing_that_weir_shows(weir, powerdns, cloudflare):
    """Also where a provider shows what it was sent."""
    powerdns.make_zone(ZONE)
    cloudflare.tells_all = True
    credentials = ["s3cr3t-of-cloudflare", "s3cr3t-of-powerdns", "s3cr3t-of-aws"]
    credentials += [powerdns.KEY, "c2VjcmV0LXRzaWc="]
    weir.apply(
        zone(ZONE, RECORDS),
        secret("cf", token=credentials[0]),
        provider("cf", "CLOUDFLARE", cloudflare.url, [ZONE]),
        secret("wrong", api_key=credentials[1]),
        provider("wrong", "POWERDNS", powerdns.url, [ZONE]),
        secret("aws", access_key_id="AKID", secret_access_key=credentials[2], session_token=credentials[2]),
        provider("aws", "ROUTE53", f"http://127.0.0.1:{powerdns.port}", [ZONE]),
        secret("theirs", name="k", algorithm="hmac-sha256", secret=credentials[4]),
        provider("theirs", "RFC2136", f"127.0.0.1:{powerdns.dns_port}", [ZONE]),
    )
    at_powerdns(weir, powerdns)
    wait_synced(weir, "pdns")
    wait_until(lambda: "10000 Authentication" in status_of(weir, "cf").get("reason", ""), 10, "being told")
    assert "(Bearer ***)" in status_of(weir, "cf")["reason"]
    weir.apply(secret("pdns", api_key=powerdns.KEY, other=credentials[1]))  # a change, and its event
    told = {}
    for name in ("cf", "wrong", "aws", "theirs", "pdns"):
        for words in (("plan", name), ("sync", name), ("plan", name, "-o", "json")):
            done = weir.cli("provider", *words, timeout_s=60)
            told[f"provider {' '.join(words)}"] = done.stdout + done.stderr
        described = weir.cli("describe", "dnsprovider", name)
        told[f"describe {name}"] = described.stdout + described.stderr
    for kind in ("dnsproviders", "dnsledgers", "secrets", "events"):
        for form in ("table", "json", "yaml"):
            told[f"get {kind} -o {form}"] = weir.cli("get", kind, "-o", form).stdout
        told[f"/v1/{kind}"] = weir.api("GET", f"/v1/{kind}?limit=500").text
    told["plan -f"] = weir.cli("plan", "-f", weir.directory / "applied.yaml").stdout
    told["/metrics"] = weir.api("GET", "/metrics").text
    told["log"] = weir.process.log()
    assert all(told[name] for name in ("provider plan cf", "get secrets -o json", "/metrics", "log"))
    shown = [(name, one) for name, text in told.items() for one in credentials if one in text]
    assert shown == []


# --- Route 53


def test_route53_has_what_weir_has(weir, moto):
    hosted = moto.make_zone(ZONE)
    moto.change(
        hosted, "CREATE", Name="geo.a.example.", Type="A", TTL=60, SetIdentifier="one", Weight=1,
        ResourceRecords=[{"Value": "198.51.100.1"}],
    )  # fmt: skip
    weir.apply(
        zone(ZONE, RECORDS + "geo A 192.0.2.9\n"),
        secret("aws", access_key_id="AKIDEXAMPLE", secret_access_key="s3cret-of-aws"),
        provider("aws", "ROUTE53", moto.url, [ZONE]),
    )
    wanted = {**SHOWN, "geo.a.example. A": {"198.51.100.1"}}
    wait_shown(lambda: moto.shown(hosted, ZONE), wanted, 20)
    changed = RECORDS.replace("192.0.2.2", "192.0.2.3").replace("_db._tcp SRV 1 2 5432 www\n", "")
    weir.apply(zone(ZONE, changed))
    wanted["www.a.example. A"] = {"192.0.2.1", "192.0.2.3"}
    del wanted["_db._tcp.a.example. SRV"]
    wait_shown(lambda: moto.shown(hosted, ZONE), wanted, 20)
    assert "s3cret-of-aws" not in weir.process.log()


# --- RFC 2136, by Knot and BIND


def at_server(weir, updated, records=RECORDS, secret_value=Knot.SECRET, **spec):
    weir.apply(
        zone(ZONE, records),
        secret("theirs", name=updated.KEY, algorithm="hmac-sha256", secret=secret_value),
        provider("theirs", "RFC2136", f"127.0.0.1:{updated.port}", [ZONE], **spec),
    )


def test_a_server_of_rfc2136_has_what_weir_has_and_what_is_foreign_stays(weir, updated):
    updated.update("add theirs.a.example. 60 A 198.51.100.1", "add mail.a.example. 60 AAAA 2001:db8::bad")
    foreign = {"theirs.a.example. A": {"198.51.100.1"}, "mail.a.example. AAAA": {"2001:db8::bad"}}
    at_server(weir, updated, automatic=False)
    planned = weir.cli("provider", "plan", "theirs")
    assert planned.returncode == 0, planned.stderr
    assert "+ www.a.example. A 60 192.0.2.1, 192.0.2.2\n" in planned.stdout
    assert updated.shown() == foreign
    weir.cli("provider", "sync", "theirs")
    assert updated.shown() == {**SHOWN, **foreign}
    assert "did not make it" in status_of(weir, "theirs")["reason"]
    weir.apply(zone(ZONE, RECORDS.replace("192.0.2.2", "192.0.2.3").replace("mail AAAA 2001:db8::25\n", "")))
    synced = weir.cli("provider", "sync", "theirs")
    assert synced.returncode == 0, synced.stderr
    changed = {**SHOWN, **foreign, "www.a.example. A": {"192.0.2.1", "192.0.2.3"}}
    assert updated.shown() == changed
    weir.apply(zone(ZONE, "www 60 CNAME elsewhere.example.\n"))
    forced = weir.cli("provider", "sync", "theirs", "--force")
    assert forced.returncode == 0, forced.stderr
    assert updated.shown() == {**foreign, "www.a.example. CNAME": {"elsewhere.example."}}
    assert Knot.SECRET not in weir.process.log()


def test_a_server_of_rfc2136_is_kept_as_weir_has_it(weir, updated):
    at_server(weir, updated)
    wait_synced(weir, "theirs")
    assert updated.shown() == SHOWN
    # Somebody takes a record of weir's, and puts another one in its place.
    updated.update("del www.a.example. A", "add www.a.example. 60 A 198.51.100.9")
    wait_shown(updated.shown, SHOWN, 5)


def test_a_zone_of_many_messages_goes_to_a_server_of_rfc2136(weir, updated):
    many = "".join(f'n{i} TXT "{i:0120}"\n' for i in range(1500))
    at_server(weir, updated, many, interval="60s")
    wait_synced(weir, "theirs", 30)
    assert len(updated.shown()) == 1500
    planned = weir.cli("provider", "plan", "theirs")
    assert "0 to create, 0 to replace, 0 to delete" in planned.stderr, planned.stderr


def test_a_key_that_is_not_the_servers_is_told(weir, updated):
    at_server(weir, updated, secret_value="b3RoZXI=")
    wait_until(lambda: "BADSIG" in status_of(weir, "theirs").get("reason", ""), 10, "being told")
    assert updated.shown() == {}
