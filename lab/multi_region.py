"""multi-region: mysocket.io's article "Easy multi-region load balancing", replayed.

OpenTofu makes a service, its load balancer, a token and four machines in two regions, each behind the NAT of
its region (examples/multi-region). A machine is nothing but its user-data: the real cloud-init sets up nginx
and a tunnel of SSH, by which it registers itself at an edge nearby. Visitors of a far city see all four
alike. One leaves gracefully, and nobody notices; it comes again as a new machine; one is unplugged, which
costs its share of the visitors a second at most, and comes back by itself."""

import contextlib
import json
import shutil
import subprocess
import time
from collections import Counter

from lab import cloud, machine, tofu, visitors
from lab.atlas import Atlas
from lab.cloud import Cloud, Slot
from lab.earth import Earth
from lab.parts import SSH_PORT
from lab.process import ROOT, NotHere, wait_until
from lab.visitors import Visitors

EXAMPLE = ROOT / "examples/multi-region"
HOST = "hello.weir.example"
MACHINES = {"nyc-1": "newyork", "nyc-2": "newyork", "tor-1": "toronto", "tor-2": "toronto"}
# Where machines come in. Not by the shared address: it is announced only while there is somebody to serve.
EDGES = {"newyork": "nyc-edge-1", "toronto": "tor-edge-1"}
LEAVES, UNPLUGGED = "tor-2", "nyc-1"
FAR, NEAR = "tokyo", "ottawa"  # cities; the near one lands where tor-1 and tor-2 are
CURLS = 20

CONNECT_TIMEOUT_S = 1.0  # of the service, as the example has it
OUT_S_MAX = 10.0
FIRST_REQUEST_S_MAX = 5.0
NOISE_S = 0.5  # of a machine that has two cores for a world

CLOUD = 'curl --fail-with-body --silent --show-error --unix-socket "$CLOUD"'
CREATE = f'printf %s "$USER_DATA" | {CLOUD} -X PUT --data-binary @- "http://cloud/vms/$NAME?region=$REGION"'
DESTROY = f'{CLOUD} -X DELETE "http://cloud/vms/$NAME"'


class Story:
    def __init__(self, earth, directory):
        self.earth, self.atlas = earth, earth.atlas
        self.address = self.atlas.providers["cumulus"][0]
        self.took = {}
        slots = {
            home.name: [Slot(earth.world[name], 24, earth.world[home.router].addresses[home.name])
                        for name in home.machine_names()]
            for home in self.atlas.homes.values()
        }  # fmt: skip
        self.cloud = Cloud(directory / "cloud", slots)
        folder = directory / "tofu"
        folder.mkdir()
        for file in ("main.tf", "user-data.yaml"):
            shutil.copy(EXAMPLE / file, folder)
        controller = earth.of("controller")[0]
        self.server = controller.server
        self.tofu = tofu.Tofu(folder, self.server, prefix=controller.place.prefix)
        self.variables = {}

    # --- small steps

    def start(self):
        self.earth.start()
        known_hosts = self.server.cli("ca", "--ssh", "--data-dir", self.server.data)
        assert known_hosts.returncode == 0, known_hosts.stderr
        self.tofu.environment = {"WEIR_CA": str(self.server.ca), "CLOUD": str(self.cloud.socket)}
        self.variables = {
            "hostname": HOST,
            "known_hosts": known_hosts.stdout,
            "ssh_port": SSH_PORT,
            "edges": {region: self.earth[name].place.address for region, name in EDGES.items()},
            "machines": dict(MACHINES),
            "create": CREATE,
            "destroy": DESTROY,
        }
        assert self.tofu.good("fmt", "-check", "-diff", "main.tf") == ""
        self.tofu.good("init")

    def apply(self):
        (self.tofu.folder / "terraform.tfvars.json").write_text(json.dumps(self.variables, indent=1))
        return self.tofu.good("apply", "-auto-approve")

    def api(self, path):
        return self.earth.controller.api("GET", path).json

    def tunnels(self):
        return [one["spec"] for one in self.api("/v1/tunnels")["items"]]

    def serving(self):
        """Endpoints in the pool, as all edges have it."""
        return self.api("/v1/services/hello").get("status", {}).get("serving", 0)

    def wait_machines(self, count):
        wait_until(lambda: self.serving() == count, 60, f"{count} machines in the pool", 0.05)

    @contextlib.contextmanager
    def load(self):
        """Visitors of both cities, who take what comes."""
        with contextlib.ExitStack() as stack:
            made = [
                stack.enter_context(
                    Visitors(self.earth.world[city], HOST, [self.address], interval_s=0.02, tries_max=1)
                )
                for city in (FAR, NEAR)
            ]
            wait_until(lambda: all(len(one.visits) >= 2 for one in made), 10, "visitors in both cities")
            yield made

    def wait_served_by(self, made, name):
        """The first visit of the far city that is."""

        def first():
            return next((one for one in list(made[0].visits) if one.origin == name), None)

        return wait_until(first, 60, f"{name} serving {FAR}")

    @staticmethod
    def all_of(made):
        """What they have seen, none of which was lost."""
        visits = [visit for one in made for visit in one.visits]
        assert not visitors.lost(visits), visitors.told(visitors.lost(visits))
        return visits

    def curls(self, city):
        """20 times what a person does: {who answered: how often}."""
        url = f"http://{HOST}/"
        place = self.earth.world[city]
        words = ["curl", "-sS", "--max-time", "5", "--resolve", f"{HOST}:80:{self.address}", url]
        print(f"{city}$ for i in $(seq {CURLS}); do curl {url}; done")
        answers = []
        for _ in range(CURLS):
            done = subprocess.run([*place.prefix, *words], capture_output=True, text=True, timeout=20)
            assert done.returncode == 0, done.stderr
            answers.append(done.stdout.strip())
        seen = Counter(answers)
        print("  " + " ".join(answers))
        print("  " + ", ".join(f"{name} {seen[name]}" for name in sorted(seen)))
        return seen

    # --- what has to hold

    def machines_come_up(self):
        began = time.monotonic()
        said = self.apply()
        applied = time.monotonic()
        assert "Apply complete! Resources: 8 added" in said, said
        self.wait_machines(len(MACHINES))
        print(f"$ tofu apply                   # {applied - began:.1f} s")
        print(f"{time.monotonic() - applied:.1f} s later, all four machines serve:")
        for tunnel in self.tunnels():
            print(f"  {tunnel['service']} at {tunnel['edge']}, from {tunnel['client']}")
        edges = Counter(tunnel["edge"] for tunnel in self.tunnels())
        assert edges == {name: 2 for name in EDGES.values()}, edges
        again, changes = self.tofu.plan()
        assert not changes, again

    def visitors_see_all_alike(self):
        """From far; who lands in a region that has machines, gets those."""
        assert self.curls(FAR) == {name: CURLS // len(MACHINES) for name in MACHINES}
        near = [name for name, region in MACHINES.items() if region == "toronto"]
        assert self.curls(NEAR) == {name: CURLS // len(near) for name in near}

    def one_leaves(self):
        del self.variables["machines"][LEAVES]
        with self.load() as made:
            said = self.apply()
            self.wait_machines(len(MACHINES) - 1)
            gone = time.monotonic()
            time.sleep(0.5)  # a measurement
        assert "0 added, 0 changed, 1 destroyed" in said, said
        visits = self.all_of(made)
        late = [one for one in visits if one.origin == LEAVES and one.began > gone]
        assert not late, late
        self.took["leave"] = len(visits)
        longest = max(one.took_s for one in visits) * 1000
        print(f"$ tofu apply                   # without {LEAVES}, which shuts down")
        print(f"  {len(visits)} requests meanwhile, none failed, the longest took {longest:.0f} ms")

    def it_comes_again(self):
        """A machine that there has not been: from its network to the first request that it serves."""
        self.variables["machines"][LEAVES] = MACHINES[LEAVES]
        with self.load() as made:
            self.apply()
            first = self.wait_served_by(made, LEAVES)
        self.all_of(made)
        took = first.began + first.took_s - self.cloud.network_up_s(LEAVES)
        self.took["first request"] = took
        print(f"$ tofu apply                   # with {LEAVES}, a new machine")
        print(f"  it serves its first request {took:.2f} s after its network is up")
        assert took < FIRST_REQUEST_S_MAX, took
        self.cloud.wait_booted(LEAVES)
        self.wait_machines(len(MACHINES))

    def one_is_unplugged(self):
        """Its packets vanish, it does not know, and neither does anybody else at first."""
        place, network = self.cloud.place(UNPLUGGED), MACHINES[UNPLUGGED]
        with self.load() as made:
            self.wait_served_by(made, UNPLUGGED)
            self.earth.world.unplug(place.name, network)
            pulled = time.monotonic()
            wait_until(lambda: len(self.tunnels()) == 3, OUT_S_MAX + 5, "its tunnel being given up", 0.05)
            self.took["out"] = time.monotonic() - pulled
            time.sleep(1)  # a measurement
        self.judge_unplugged(self.all_of(made), pulled)
        self.earth.world.plug(place.name, network)
        began = time.monotonic()
        with self.load() as made:
            first = self.wait_served_by(made, UNPLUGGED)
        self.all_of(made)
        self.took["back"] = first.began + first.took_s - began
        print(f"  plugged in again, it serves after {self.took['back']:.1f} s")
        self.wait_machines(len(MACHINES))

    def judge_unplugged(self, visits, pulled):
        after = [one for one in visits if one.began + one.took_s > pulled]
        slow = [one for one in after if one.took_s > CONNECT_TIMEOUT_S / 2]
        last = max((one.began - pulled for one in slow), default=0)
        longest = max(one.took_s for one in after)
        self.took["delayed"], self.took["longest"] = len(slow), longest
        print(f"{UNPLUGGED} is unplugged:")
        print(f"  {len(after)} requests since, none failed, {len(slow)} were delayed")
        print(f"  the longest took {longest:.2f} s; the last that was delayed began after {last:.1f} s")
        print(f"  its tunnel is given up, and out of every pool, after {self.took['out']:.1f} s")
        assert longest < CONNECT_TIMEOUT_S + NOISE_S, longest
        assert slow and len(slow) <= len(after) / len(MACHINES), (len(slow), len(after))
        assert not [one for one in after if one.origin == UNPLUGGED and one.began > pulled]
        assert last < self.took["out"] < OUT_S_MAX, self.took

    def all_leave(self):
        said = self.tofu.good("destroy", "-auto-approve")
        assert "Destroy complete! Resources: 8 destroyed" in said, said
        assert self.cloud.listed() == {} and self.tunnels() == []

    def run(self):
        self.start()
        with self.cloud:
            self.machines_come_up()
            self.visitors_see_all_alike()
            self.one_leaves()
            self.it_comes_again()
            self.one_is_unplugged()
            self.all_leave()


def story(directory):
    for why in (machine.why_not(), tofu.why_not(), cloud.why_not()):
        if why:
            raise NotHere(why)
    with Earth(Atlas.read("multi-region"), directory) as earth:
        told = Story(earth, directory)
        told.run()
    took = told.took
    return (
        f"multi-region held: four machines in two regions behind NAT came by themselves, {CURLS} visitors "
        f"got 5/5/5/5; one left and none of {took['leave']} requests failed; a new one served "
        f"{took['first request']:.1f} s after its network was up; one unplugged delayed {took['delayed']} "
        f"requests by at most {took['longest']:.2f} s, was out of every pool after {took['out']:.1f} s and "
        f"came back by itself"
    )
