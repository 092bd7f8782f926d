"""Of the story deployment: PostgreSQL, a primary and a replica in two clouds, found by DNS-SD and priorities.
The primary loses power; clients read from the replica at once, and write when an operator has promoted it."""

import shlex
import subprocess
import threading
import time
from dataclasses import dataclass

from lab import dns
from lab.deployment_clients import dig
from lab.dns_watch import service_records
from lab.postgres import becoming_another, binaries, is_root_of_all
from lab.process import ROOT, wait_until
from lab.weir import BINARY, service

TYPE = "_postgresql._tcp"
PASSWORD = "s3cret"
SCRIPT = ROOT / "examples" / "boot" / "postgres.sh"
FIRST, NEXT = 10, 15  # the priorities, as the script has them
DEAD_S_MAX = 1.0  # from death to the last name server's forgetting it
TRY_S = 1.0  # of one query, before the client resolves anew


@dataclass
class Query:
    began: float
    took_s: float
    address: str
    answer: str | None  # None: it failed


class Client:
    """An application: resolves for each query, goes to the first priority, begins again when that fails."""

    def __init__(self, databases, city, sql):
        self.databases, self.place, self.sql = databases, databases.story.earth.world[city], sql
        self.servers = databases.story.nearest_servers(city)
        self.queries = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        number = 0
        with self.place.inside():
            while not self.ending.is_set():
                number += 1
                while not self.ending.is_set():
                    query = self.once(self.sql.format(number=number))
                    self.queries.append(query)
                    if query.answer is not None:
                        break
                    self.ending.wait(0.02)
                self.ending.wait(0.03)

    def once(self, sql):
        began, address, answer = time.monotonic(), "-", None
        try:
            address = self.databases.first(self.servers)
            answer = self.databases.query(address, sql, TRY_S, self.place)
        except (OSError, subprocess.SubprocessError, LookupError):
            pass
        return Query(began, time.monotonic() - began, address, answer)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join(10)
        assert not self.thread.is_alive(), "a query hangs"

    def good_since(self, moment):
        """The first that began then and was answered."""
        found = (one for one in list(self.queries) if one.began >= moment and one.answer is not None)
        return next(found, None)


class Databases:
    def __init__(self, story, domain):
        self.story, self.earth, self.domain = story, story.earth, domain
        self.primary = story.web("eu-central-1", 2)  # of aws
        self.replica = story.web("us-central1", 2)  # of gcp
        self.both = (self.primary, self.replica)
        self.took = {}

    # --- small steps

    def records(self, server):
        """Asked from where the caller is."""
        with dns.Client(53, server, 0.5) as client:
            return service_records(client.ask(f"postgresql.service.{self.domain}", "SRV"))

    def first(self, servers):
        """The address of the first priority; by the next server when one is silent."""
        for server in servers:
            try:
                found = self.records(server)
            except OSError:
                continue
            if found:
                return found[0][3].split(".")[0].removeprefix("ip-").replace("-", ".")
        raise LookupError("no name server has one")

    def query(self, address, sql, timeout_s=10.0, place=None):
        """What psql prints. Where the caller is, in its thread; or in a place."""
        words = [binaries() / "psql", "-h", address, "-AtXq", "-v", "ON_ERROR_STOP=1", "-c", sql]
        prefix = place.prefix if place else self.story.city().prefix
        environment = {"PGUSER": "weir", "PGPASSWORD": PASSWORD, "PGDATABASE": "postgres",
                       "PGSSLMODE": "require", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}  # fmt: skip
        done = subprocess.run(
            [*prefix, *words], check=True, capture_output=True, text=True, env=environment, timeout=timeout_s
        )
        return done.stdout.strip()

    def in_dns(self, server):
        """{machine: its priority}"""
        with self.story.city().inside():
            records = self.records(server)
        hosts = {f"ip-{one.place.address.replace('.', '-')}.{self.domain}.": one for one in self.both}
        return {hosts[host].name: priority for priority, _, _, host in records}

    def wait_in_dns(self, wanted, deadline_s=20):
        """At all name servers."""
        wanted = {one.name: priority for one, priority in wanted.items()}

        def told():
            found = [self.in_dns(server) for server in self.story.servers]
            return all(one == wanted for one in found)

        wait_until(told, deadline_s, f"{wanted} being answered by all name servers", 0.02)

    def resolved(self, *words):
        """By `weir resolve`, from a city."""
        command = [BINARY, "resolve", *words, "--dns", self.story.servers[-1], "--domain", self.domain]
        done = subprocess.run(
            [*self.story.city().prefix, *command], capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout.strip()

    # --- what has to hold

    def boot(self, one, *words):
        """By the same script, whatever it is to become."""
        folder = one.directory / "database"
        folder.mkdir(exist_ok=True)
        becoming = shlex.join(becoming_another(folder))
        usual = {} if is_root_of_all() else {"AS": becoming}  # otherwise as on any machine
        one.configure(
            SCRIPT.read_text(), *words, **usual, DATA=folder, PGPASSWORD=PASSWORD, WEIR_TOKEN=self.token,
            WEIR_API=self.earth.controller.url, WEIR_CA=self.earth.controller.server.ca,
            WEIR_DNS=self.story.servers[0], WEIR_DOMAIN=self.domain,
        )  # fmt: skip

    def start(self):
        check = {"interval": "250ms", "timeout": "250ms", "unhealthy_threshold": 1, "healthy_threshold": 1,
                 "tcp": {}}  # fmt: skip
        self.earth.controller.apply(
            service("postgresql", [], protocol="TCP", discovery={"type": TYPE}, health_check=check)
        )
        self.token = self.story.token_for("postgresql")
        self.boot(self.replica)
        self.replica.start()
        self.replica.wait_said("waits for a primary")
        self.boot(self.primary, "primary")
        self.primary.start()
        self.wait_in_dns({self.primary: FIRST, self.replica: NEXT}, 60)
        # What has been told to be written is at both, or it was not told.
        for sql in ("alter system set synchronous_standby_names to '*'", "select pg_reload_conf()",
                    "create table visits (number int primary key)"):  # fmt: skip
            self.query(self.primary.place.address, sql)
        state = self.query(
            self.primary.place.address, "select state, sync_state, client_addr from pg_stat_replication"
        )
        assert state == f"streaming|sync|{self.replica.place.address}", state

    def shown(self, title):
        city, server = self.story.city(), self.story.servers[0]
        lines = []
        for name, kind in ((f"{TYPE}.{self.domain}", "PTR"), (f"postgresql.service.{self.domain}", "SRV"),
                           (f"{self.primary.instance}.{TYPE}.{self.domain}", "TXT"),
                           (f"{self.replica.instance}.{TYPE}.{self.domain}", "TXT")):  # fmt: skip
            lines.append(f"$ dig +short {name} {kind}")
            lines += dig(city, server, name, kind).data
        lines.append(f"$ weir resolve postgresql --dns {self.story.servers[-1]} --domain {self.domain}")
        lines.append(self.resolved("postgresql"))
        self.story.show(title, "\n".join(lines))

    def the_primary_dies(self, writer, reader):
        wait_until(lambda: writer.good_since(0) and reader.good_since(0), 20, "queries being answered")
        assert {one.address for one in reader.queries + writer.queries if one.answer is not None} == {
            self.primary.place.address
        }
        died = time.monotonic()
        self.primary.lose_power(self.earth)
        self.wait_in_dns({self.replica: NEXT})
        self.took["out of DNS"] = time.monotonic() - died
        assert self.took["out of DNS"] <= DEAD_S_MAX, self.took
        found = wait_until(lambda: reader.good_since(died), 20, "reading from the replica")
        self.took["reads"] = found.began + found.took_s - died
        assert found.address == self.replica.place.address
        assert self.resolved("postgresql") == f"{self.replica.place.address}:5432"
        assert not writer.good_since(died)
        self.shown("the primary has lost its power: the replica is all there is")
        return died

    def it_boots_and_waits(self):
        """What was the primary is nothing by itself while nobody is it."""
        self.boot(self.primary)
        self.primary.power_on(self.earth)
        self.primary.wait_said("waits for a primary")
        for server in self.story.servers:
            assert self.in_dns(server) == {self.replica.name: NEXT}

    def the_replica_is_promoted(self, writer, died):
        promoted = time.monotonic()
        address = self.replica.place.address
        for sql in ("select pg_promote()", "alter system reset synchronous_standby_names",
                    "select pg_reload_conf()"):  # fmt: skip
            self.query(address, sql)
        found = wait_until(lambda: writer.good_since(promoted), 20, "writing to the new primary")
        assert found.address == address
        self.took["writes"] = found.began + found.took_s - promoted
        self.took["writes after the death"] = found.began + found.took_s - died
        self.wait_in_dns({self.replica: FIRST, self.primary: NEXT}, 30)
        state = self.query(self.primary.place.address, "select pg_is_in_recovery()")
        assert state == "t", "the old primary is primary again"

    def nothing_is_lost(self, writer):
        """What was acknowledged is there, at both, and the one that was asked for a primary found one at a
        time."""
        kept = [self.replica.place.address, self.primary.place.address]
        wanted = {one.answer for one in writer.queries if one.answer is not None}
        for address in kept:
            sql = "select number from visits"

            def all_there(at=address, sql=sql):
                return wanted <= set(self.query(at, sql).splitlines())

            wait_until(all_there, 10, f"all acknowledged rows at {address}")
        self.rows = len(wanted)
        assert [self.query(address, "select pg_is_in_recovery()") for address in kept] == ["f", "t"]

    def run(self):
        self.start()
        self.shown("PostgreSQL, a primary and a replica")
        write = "insert into visits values ({number}) on conflict (number) do nothing; select {number}"
        read = "select count(*) from visits"
        with Client(self, "seattle", write) as writer, Client(self, "berlin", read) as reader:
            died = self.the_primary_dies(writer, reader)
            self.it_boots_and_waits()
            self.the_replica_is_promoted(writer, died)
        self.nothing_is_lost(writer)
        self.shown("the replica is the primary, and what was it is a replica")

    def told(self):
        took = self.took
        return (
            f"PostgreSQL's primary lost its power: out of all name servers after {took['out of DNS']:.2f} s, "
            f"reads from the replica after {took['reads']:.2f} s, writes {took['writes']:.2f} s after it was "
            f"promoted ({took['writes after the death']:.1f} s after the death), {self.rows} acknowledged "
            f"rows, none lost, and the old primary is a replica"
        )
