"""The Terraform provider with OpenTofu against a real `weir up`: what a person does with it, from init to
destroy."""

import json
import os
import re
import subprocess

import pytest

from lab import tofu as lab_tofu
from lab.process import ROOT
from lab.tofu import HEAD, Tofu
from lab.weir import Controller, load_balancer, service


@pytest.fixture
def make_tofu(tmp_path):
    """make_tofu(weir): a folder that is ready for plans."""
    if why := lab_tofu.why_not():
        pytest.skip(why)

    def make(weir):
        one = Tofu(tmp_path, weir)
        one.write("")
        one.good("init")
        return one

    return make


@pytest.fixture
def tofu(make_tofu, new_weir):
    return make_tofu(new_weir().start())


SITE = """
    resource "weir_service" "web" {
      name         = "web"
      endpoints    = [{ address = "127.0.0.1:9001" }, { address = "127.0.0.1:9002", weight = WEIGHT }]
      health_check = { interval = "1000ms", timeout = "1s", http = { path = "/healthz" } }
      request_timeout = "60s"
    }
    resource "weir_load_balancer" "web" {
      name      = "web"
      labels    = { team = "a" }
      listeners = [{ protocol = "HTTP", hostnames = ["b.weir.localhost", "a.weir.localhost"] }]
      routes    = [{ backends = [{ service = weir_service.web.name }] }]
    }
"""


def site(weight=1):
    return SITE.replace("WEIGHT", str(weight))


def test_a_site_from_the_first_plan_to_its_end(tofu):
    said, changes = tofu.plan(site())
    assert changes and "Plan: 2 to add" in said
    tofu.apply()
    made = tofu.weir.api("GET", "/v1/loadbalancers/web").json
    assert made["spec"]["listeners"][0]["hostnames"] == ["b.weir.localhost", "a.weir.localhost"]
    assert made["metadata"]["labels"] == {"team": "a"}
    assert tofu.plan()[1] is False

    said, changes = tofu.plan(site(weight=3))
    assert changes and "1 to change" in said and "~ weight" in said
    assert "# weir_load_balancer" not in said
    tofu.apply()
    assert tofu.weir.api("GET", "/v1/services/web").json["spec"]["endpoints"][1]["weight"] == 3
    assert tofu.plan()[1] is False

    tofu.good("destroy", "-auto-approve")
    for kind in ("services", "loadbalancers"):
        assert tofu.weir.api("GET", f"/v1/{kind}").json["items"] == []


EVERY_KIND = """
    resource "weir_service" "web" {
      name            = "web"
      endpoints       = [{ address = "127.0.0.1:9001" }]
      hash_on         = { cookie = "c" }
      sticky          = {}
      health_check    = { http = { expected_statuses = ["204", "200-201"] } }
      retries         = { attempts = 3, on_statuses = ["503"], per_try_timeout = "90s" }
      request_timeout = "120s"
      tls             = {}
      tcp             = {}
      discovery       = {}
      drain_timeout   = null
    }
    resource "weir_service" "db" {
      name     = "db"
      protocol = "TCP"
      tcp      = { keepalive = "60s" }
    }
    resource "weir_endpoint" "db" {
      name    = "db-1"
      service = weir_service.db.name
      address = "127.0.0.1:5432"
      text    = ["role=primary"]
    }
    resource "weir_certificate" "web" {
      name        = "web"
      certificate = file("cert.pem")
      private_key = file("key.pem")
    }
    resource "weir_load_balancer" "web" {
      name      = "web"
      listeners = [
        {
          protocol  = "HTTPS"
          hostnames = ["a.weir.localhost"]
          tls       = { certificates = [weir_certificate.web.name] }
        },
        { protocol = "HTTP", hostnames = ["a.weir.localhost"], trusted_proxies = [], h2c = true },
      ]
      routes = [
        { match = { path = "/x" }, redirect = { path = "/y" } },
        { match = { headers = [{ name = "x-a", exact = "" }] }, respond = { body = "" } },
        {
          backends        = [{ service = weir_service.web.name }]
          request_headers = {}
          request_timeout = "1500ms"
        },
      ]
      edges = {}
    }
    resource "weir_load_balancer" "db" {
      name      = "db"
      listeners = [{ protocol = "TCP" }, { protocol = "TCP", hostnames = [] }]
      routes    = [{ backends = [{ service = weir_service.db.name }] }]
      annotations = {}
    }
    resource "weir_zone" "a" {
      name        = "a.example"
      nameservers = ["ns1", "ns2.b.example"]
      records     = "www A 192.0.2.1\\n"
      sites       = [{ name = "home", networks = ["192.0.2.0/24"] }]
      transfers   = { keys = [weir_secret.key.name] }
    }
    resource "weir_record_set" "geo" {
      name        = "geo.a.example"
      zone        = weir_zone.a.name
      record_name = "geo"
      type        = "A"
      policy      = "GEO"
      answers     = [{ value = "192.0.2.2", places = ["site/home"] }, { value = "192.0.2.1" }]
    }
    resource "weir_secret" "key" {
      name   = "key"
      values = { name = "key", algorithm = "hmac-sha256", secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" }
    }
    resource "weir_dns_provider" "other" {
      name        = "other"
      type        = "RFC2136"
      url         = "127.0.0.1:5353"
      credentials = weir_secret.key.name
      zones       = [weir_zone.a.name]
      automatic   = false
    }
    resource "weir_user" "ann" {
      name     = "ann"
      email    = "ann@a.example"
      password = "correct horse"
    }
    resource "weir_organization" "acme" {
      name         = "acme"
      display_name = "Acme"
      members      = [{ user = weir_user.ann.name, role = "owner" }]
      quotas       = [{ kind = "services", max = 10 }]
    }
    resource "weir_token" "ci" {
      name       = "ci"
      role       = "viewer"
      expires_at = "2100-01-01T00:00:00+01:00"
    }
    resource "weir_token" "machines" {
      name = "machines"
      role = "join"
      join = { region = "eu" }
      uses = 5
    }
    resource "weir_edge" "elsewhere" {
      name          = "elsewhere"
      provider_name = "aws"
      revoked       = true
    }
    resource "weir_node" "elsewhere" {
      name          = "elsewhere-node"
      provider_name = "aws"
      city          = "sea"
      cordoned      = true
    }
    resource "weir_workload" "web" {
      name = "web"
      containers = [{
        name            = "app"
        image           = "registry.example/web:1"
        env             = [{ name = "GREETING", value = "hello" },
                           { name = "PASSWORD", secret = { secret = weir_secret.key.name, key = "tsig" } }]
        ports           = [{ port = 8080, service = weir_service.web.name }]
        resources       = { cpu = "500m", memory = "64Mi" }
        readiness_probe = { http = { port = 8080 }, period = "1s" }
      }]
      volumes = ["data"]
      targets = [{
        name         = "global"
        cities       = ["sea"]
        min_replicas = 1
        max_replicas = 3
        metrics      = [{ metric = "CPU", average_utilization = 50 }]
      }]
    }
    resource "weir_rollout" "next" {
      name    = "next"
      paused  = true
      changes = jsonencode([{
        kind     = "Service"
        metadata = { name = weir_service.db.name }
        spec     = { protocol = "TCP", slow_start = "5s" }
      }])
    }
"""


def test_every_kind_is_the_same_to_the_next_plan(tofu):
    certificate(tofu.folder)
    text, before = EVERY_KIND, everything(tofu.weir)
    tofu.apply(text)
    said, changes = tofu.plan()
    assert not changes, said
    schema = json.loads(tofu.good("providers", "schema", "-json"))
    [schema] = schema["provider_schemas"].values()
    kinds = tofu.weir.api("GET", "/v1").json["kinds"]
    assert len(schema["data_source_schemas"]) == len(kinds)
    assert len(schema["resource_schemas"]) == sum(kind["writable"] for kind in kinds)
    assert {name.split(".")[0] for name in tofu.resources()} == set(schema["resource_schemas"])

    # The same in other words changes nothing.
    text = text.replace('"120s"', '"2m"').replace('"1500ms"', '"1s500ms"').replace("+01:00", "+02:00")
    text = text.replace("T00:00:00+02", "T01:00:00+02").replace("drain_timeout   = null", "")
    said, changes = tofu.plan(text)
    assert not changes, said

    # All that is there, imported into an empty state, is as it is written; but for the three with secrets,
    # which nobody can compare, and three that say [] or {} for nothing.
    names = {name: values["name"] for name, values in tofu.resources().items()}
    (tofu.folder / "terraform.tfstate").unlink()
    imports = "".join(f'    import {{\n to = {to}\n id = "{name}"\n }}\n' for to, name in names.items())
    said, _ = tofu.plan(text + imports)
    assert f"{len(names)} to import, 0 to add, 6 to change, 0 to destroy" in said
    tofu.apply()
    assert tofu.plan()[1] is False
    tofu.write("")
    tofu.good("apply", "-auto-approve")
    assert everything(tofu.weir) == before


def everything(weir):
    """Names of all objects that clients can write."""
    kinds = [kind for kind in weir.api("GET", "/v1").json["kinds"] if kind["writable"]]
    objects = [one for kind in kinds for one in weir.api("GET", kind["path"]).json["items"]]
    return {f"{one['kind']}/{one['metadata']['name']}" for one in objects}


def certificate(folder):
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", "key.pem", "-out", "cert.pem", "-days", "30", "-subj", "/CN=a.weir.localhost"]
        + ["-addext", "subjectAltName=DNS:a.weir.localhost"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_ports_that_are_handed_out_are_told_and_kept(tofu):
    text = """
        resource "weir_service" "db" {
          name     = "db"
          protocol = "TCP"
        }
        resource "weir_load_balancer" "db" {
          name      = "db"
          labels    = { a = "LABEL" }
          listeners = [{ protocol = "TCP" }]
          routes    = [{ backends = [{ service = weir_service.db.name }] }]
        }
        output "port" { value = weir_load_balancer.db.listeners[0].port }
    """
    tofu.apply(text)
    port = tofu.outputs()["port"]
    made = tofu.weir.api("GET", "/v1/loadbalancers/db").json
    assert 20000 <= port == made["spec"]["listeners"][0]["port"]
    said, changes = tofu.plan(text.replace("LABEL", "b"))
    assert changes and "port" not in said
    tofu.apply()
    assert tofu.outputs()["port"] == port


def test_what_others_changed_is_shown_and_put_back(tofu):
    tofu.apply(site())
    tofu.weir.change("services", "web", lambda spec: spec.update(panic_percent=7, slow_start="5s"))
    said, changes = tofu.plan()
    assert changes and re.search(r"panic_percent +=[ ]*7 -> 0", said) and '"5s" -> null' in said
    tofu.apply()
    spec = tofu.weir.api("GET", "/v1/services/web").json["spec"]
    assert spec.get("panic_percent", 0) == 0 and "slow_start" not in spec

    # What is gone is made again.
    assert tofu.weir.api("DELETE", "/v1/loadbalancers/web").status == 200
    assert "Plan: 1 to add, 0 to change" in tofu.plan()[0]
    tofu.apply()
    assert tofu.weir.api("GET", "/v1/loadbalancers/web").status == 200


def test_a_change_between_plan_and_apply_is_not_written_over(tofu):
    tofu.apply(site())
    tofu.write(site(weight=3))
    tofu.good("plan", "-out", "saved")
    tofu.weir.change("services", "web", lambda spec: spec.update(panic_percent=7))
    said = tofu.refused("apply", "saved")
    assert "Service/web can't be changed" in said and "Plan again" in said
    spec = tofu.weir.api("GET", "/v1/services/web").json["spec"]
    assert spec["panic_percent"] == 7 and spec["endpoints"][1]["weight"] == 1


WRONG = [
    (('"HTTP"', '"HTP"'), 'listeners[0].protocol must be one of HTTP, HTTPS, TCP, TLS, not "HTP"'),
    (("weight = 1", "weight = 1001"), "endpoints[1].weight must be between 0 and 1000, not 1001"),
    (("1000ms", "1000"), 'health_check.interval must be a duration such as 5s, not "1000"'),
    (('"60s"', '"2h"'), "request_timeout must be between 10ms and 1h, not 2h"),
    (("listeners = [{", "listeners = [] #"), "listeners must have at least 1 in it"),
    (('"web"', '"Web"'), "name is made of a-z, 0-9 and -"),
    (("protocol = ", "protcol = "), "protcol"),
    (("routes    = ", "route    = "), '"routes" is required'),
]


def test_what_is_wrong_by_itself_is_refused_without_asking(tofu):
    nobody = {"WEIR_API": "http://127.0.0.1:1"}
    for change, words in WRONG:
        assert words in tofu.refused("validate", text=site().replace(*change), environment=nobody)


def test_what_the_api_would_refuse_is_refused_by_the_plan(tofu):
    said = tofu.refused("plan", text=site().replace("weir_service.web.name", '"nobody"'))
    assert "LoadBalancer/web would be refused" in said
    assert 'routes[0].backends[0].service: there is no Service "nobody"' in said
    said = tofu.refused("plan", text=site().replace('"127.0.0.1:9001"', '"somewhere"'))
    assert "Service/web would be refused" in said and "endpoints[0].address: " in said
    assert "LoadBalancer/web" not in said  # which only names it

    # Of two that exclude each other, one is refused, though neither is there yet.
    second = site().replace('"web" {', '"second" {').replace('name      = "web"', 'name      = "second"')
    second = second[second.index("resource \"weir_load_balancer\"") :]
    said = tofu.refused("plan", text=site() + second)
    assert re.search(r"LoadBalancer/(web|second) would be refused", said)
    assert tofu.weir.api("GET", "/v1/services").json["items"] == []


def test_what_is_there_already_is_imported(tofu):
    tofu.weir.apply(
        service("web", ["127.0.0.1:9001"]), load_balancer("web", ["c.weir.localhost"], {"/": "web"})
    )
    tofu.write(site())
    said = tofu.refused("apply", "-auto-approve")
    assert "Service/web exists already" in said and "tofu import weir_service.NAME web" in said
    tofu.good("import", "weir_service.web", "web")
    tofu.good("import", "weir_load_balancer.web", "web")
    said, changes = tofu.plan()
    assert changes and "0 to add, 2 to change" in said
    tofu.apply()
    assert tofu.plan()[1] is False
    said = tofu.refused("import", "weir_zone.a", "a.example", text=site() + ZONE)
    assert "Cannot import non-existent" in said


ZONE = """
    resource "weir_zone" "a" {
      name        = "a.example"
      nameservers = ["ns1"]
    }
"""


def test_what_others_need_stays(tofu):
    tofu.apply(site())
    tofu.weir.apply(load_balancer("other", ["c.weir.localhost"], {"/": "web"}))
    said = tofu.refused("destroy", "-auto-approve")
    assert "Service/web can't be deleted" in said
    assert 'LoadBalancer/other: spec.routes[0].backends[0].service: still names Service "web"' in said


def test_secrets_are_in_no_state_and_their_change_is_seen(tofu):
    text = """
        resource "weir_secret" "door" {
          name   = "door"
          values = { ann = "first-secret" }
        }
        resource "weir_token" "ci" {
          name = "ci"
        }
        output "token" {
          value     = weir_token.ci.secret
          sensitive = true
        }
    """
    tofu.apply(text)
    assert "first-secret" not in (tofu.folder / "terraform.tfstate").read_text()
    first = tofu.weir.api("GET", "/v1/secrets/door").json["metadata"]["revision"]
    assert tofu.plan()[1] is False
    token = tofu.outputs()["token"]
    assert tofu.weir.api("GET", "/v1/services", token=token).status == 200

    tofu.apply(text.replace("first-secret", "second-secret"))
    assert tofu.weir.api("GET", "/v1/secrets/door").json["metadata"]["revision"] > first
    assert tofu.plan()[1] is False
    tofu.good("plan", "-out", "saved")
    for file in ("terraform.tfstate", "terraform.tfstate.backup", "saved"):
        assert b"-secret" not in (tofu.folder / file).read_bytes(), file
    # A label changes, and the secret is as it was.
    text = text.replace("first-secret", "second-secret")
    tofu.apply(text.replace('"door"\n', '"door"\nlabels = {a = "b"}\n'))
    assert tofu.outputs()["token"] == token


def test_data_sources_have_what_is_seen(tofu):
    tofu.apply(
        site()
        + """
        data "weir_service" "web" { name = weir_service.web.name }
        data "weir_token" "admin" { name = "admin" }
        output "total" { value = data.weir_service.web.status.total }
        output "balance" { value = data.weir_service.web.balance }
        output "role" { value = data.weir_token.admin.role }
    """
    )
    assert tofu.outputs() == {"total": 2, "balance": "ROUND_ROBIN", "role": "admin"}
    said = tofu.refused("plan", text='data "weir_zone" "no" { name = "no.example" }\n')
    assert "there is no Zone/no.example" in said


def test_who_may_not_and_who_is_not_there(tofu):
    said = tofu.refused("plan", text=site(), environment={"WEIR_TOKEN": "weir_nobody"})
    assert "The API refuses the provider's token" in said
    tofu.apply()
    # Nothing is taken for gone because nobody answers.
    said = tofu.refused("plan", environment={"WEIR_API": "http://127.0.0.1:1"})
    assert "http://127.0.0.1:1 does not answer" in said
    head = HEAD.replace('provider "weir" {}', 'provider "weir" {\n  token_file = "no-such-file"\n}')
    tofu.write(site(), head)
    assert "The token can't be read" in tofu.refused("plan", environment={"WEIR_TOKEN": ""})


def test_over_tls_the_authority_has_to_be_known(make_tofu, tmp_path):
    with Controller(tmp_path / "controller") as controller:
        assert controller.api_tls
        tofu = make_tofu(controller)
        said = tofu.refused("apply", "-auto-approve", text=site())
        assert "certificate signed by unknown authority" in said and "ca_file says whom to believe" in said
        tofu.good("apply", "-auto-approve", environment={"WEIR_CA": str(controller.ca)})
        assert controller.api("GET", "/v1/services/web").status == 200


def test_the_example(tofu):
    text = (ROOT / "examples/terraform/main.tf").read_text()
    tofu.write(text, head="")
    tofu.apply()
    assert tofu.outputs() == {"listens_at": [f"127.0.0.1:{tofu.weir.http_port}"]}
    assert tofu.plan()[1] is False
    assert tofu.good("fmt", "-check", "-diff", "main.tf") == ""
    tofu.good("destroy", "-auto-approve")


HCLOUD = """#!/bin/sh
echo "$@" >>calls
case $* in *from-file\\ -*) cat >"$4.yaml" ;; esac
"""


def test_the_example_of_several_regions(tofu):
    """As its README says it, with a command of that cloud that only writes down what it is told."""
    example = ROOT / "examples/multi-region"
    for name in ("main.tf", "user-data.yaml"):
        (tofu.folder / name).write_text((example / name).read_text())
    said = (example / "README.md").read_text()
    settings = re.search(r"<<'END_OF_FILE'\n(.*?)\nEND_OF_FILE\n", said, re.S)[1]
    (tofu.folder / "machines.auto.tfvars").write_text(settings + "\n")
    hcloud = tofu.folder / "bin" / "hcloud"
    hcloud.parent.mkdir()
    hcloud.write_text(HCLOUD)
    hcloud.chmod(0o755)
    tofu.environment["PATH"] = f"{hcloud.parent}:{os.environ['PATH']}"
    tofu.environment["TF_VAR_known_hosts"] = "* ssh-ed25519 AAAA"
    tofu.good("fmt", "-check", "-diff")
    tofu.apply()
    assert tofu.plan()[1] is False
    calls = (tofu.folder / "calls").read_text().splitlines()
    assert len(calls) == 4 and all(call.startswith("server create --name web-") for call in calls)
    [token] = [one["secret"] for name, one in tofu.resources().items() if name == "weir_token.machines"]
    for name, edge in {"web-1": "edge-nyc.weir.example", "web-4": "edge-fra.weir.example"}.items():
        text = (tofu.folder / f"{name}.yaml").read_text()
        assert token in text and f"%H@{edge}\n" in text and "* ssh-ed25519 AAAA\n" in text

    (tofu.folder / "calls").unlink()
    settings = settings.replace('web-2 = "ash", ', "")
    (tofu.folder / "machines.auto.tfvars").write_text(settings + "\n")
    tofu.apply()
    calls = (tofu.folder / "calls").read_text()
    assert calls == "server shutdown --wait web-2\nserver delete web-2\n"
