"""Hands that do to the world what a fault says, and mend it: as the power goes, as a supervisor starts
again."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

from lab import parts
from lab.world import ip

SLOW_MS, LOSSY_MS, LOSS_PERCENT = 60, 5, 20  # each way
RESTARTS_S, RESTART_AFTER_S = 30.0, 0.3
END_S = 30.0  # for what was asked to end


class Hands:
    def __init__(self, earth):
        self.earth = earth
        self.busy = {name: threading.Lock() for name in (*earth.parts, *earth.atlas.ends)}

    def strike(self, fault):
        self.do(fault, "strike")

    def mend(self, fault):
        self.do(fault, "mend")

    def do(self, fault, what):
        word = f"{what}_{fault.kind}_{fault.mode}".replace(" ", "_").lower()
        try:
            with self.busy[fault.victim]:
                setattr(fault, "struck" if what == "strike" else "mended", time.monotonic())
                getattr(self, word)(self.earth.parts.get(fault.victim, fault.victim))
                if what == "mend":
                    fault.whole = time.monotonic()
        except Exception as problem:  # the story tells of it, in whose thread nobody sees it
            fault.problem = f"{what}: {problem!r}"

    # --- any machine

    def revive(self, part, start=None):
        """As a supervisor: started again, and once more when it ends at once."""
        end = time.monotonic() + RESTARTS_S
        while True:
            try:
                return (start or part.start)()
            except (AssertionError, OSError):
                if part.running():
                    return None  # it will be ready, which the story waits for
                if time.monotonic() >= end:
                    raise
            time.sleep(RESTART_AFTER_S)

    def cables(self, part):
        node = next(one for one in self.earth.atlas.nodes if one.name == part.name)
        return list(node.links)

    def power_off(self, part):
        """Nothing comes out of it any more, not even that its connections end."""
        for network in self.cables(part):
            self.earth.world.cut(part.name, network)
        for pid in ip("netns", "pids", part.place.namespace).split():
            signal_one(int(pid), signal.SIGKILL)
        for process in part.processes():
            process.wait(10)

    def power_on(self, part):
        for network in self.cables(part):
            self.earth.world.mend(part.name, network)
        self.revive(part)

    # --- edges

    def strike_edge_killed(self, edge):
        kill(*parts.Weir.processes(edge))

    def mend_edge_killed(self, edge):
        self.revive(edge)

    def strike_edge_power_lost(self, edge):
        self.power_off(edge)

    def mend_edge_power_lost(self, edge):
        self.power_on(edge)

    def strike_edge_hangs(self, edge):
        for process in parts.Weir.processes(edge):
            process.signal(signal.SIGSTOP)

    def mend_edge_hangs(self, edge):
        edge.thaw()

    def strike_edge_restarted(self, edge):
        """It is asked to end, and takes its time."""
        process = edge.server.process
        process.signal(signal.SIGTERM)
        code = process.wait(END_S)
        assert code == 0, f"it ended with {code}"

    def mend_edge_restarted(self, edge):
        self.revive(edge)

    def strike_edge_upgraded(self, edge):
        edge.server.upgrade()

    def mend_edge_upgraded(self, edge):
        for old in edge.server.replaced:
            assert old.wait(END_S) == 0, "the one before"
        edge.server.replaced = []

    # --- controllers, the database, name servers

    def strike_controller_killed(self, part):
        part.kill()

    def mend_controller_killed(self, part):
        self.revive(part)

    def strike_controller_hangs(self, part):
        part.freeze()

    def mend_controller_hangs(self, part):
        part.thaw()

    def strike_database_crashed(self, part):
        part.kill()

    def mend_database_crashed(self, part):
        part.start()

    def strike_database_hangs(self, part):
        pid = part.postgres.process.pid
        for one in (pid, *children(pid)):  # the first of them makes no more
            signal_one(one, signal.SIGSTOP)

    def mend_database_hangs(self, part):
        pid = part.postgres.process.pid
        for one in (*children(pid), pid):
            signal_one(one, signal.SIGCONT)

    strike_name_server_killed, mend_name_server_killed = strike_controller_killed, mend_controller_killed
    strike_name_server_hangs, mend_name_server_hangs = strike_controller_hangs, mend_controller_hangs

    # --- links

    def strike_link_cut(self, link):
        self.earth.cut(*link.split("~"))

    def strike_link_slow(self, link):
        self.earth.slow(*link.split("~"), delay_ms=SLOW_MS)

    def strike_link_lossy(self, link):
        self.earth.slow(*link.split("~"), delay_ms=LOSSY_MS, loss_percent=LOSS_PERCENT)

    def mend_link_cut(self, link):
        self.earth.mend(*link.split("~"))

    mend_link_slow = mend_link_lossy = mend_link_cut

    # --- origins, and the tunnels of those at homes

    def strike_origin_killed(self, origin):
        kill(origin.process)

    def mend_origin_killed(self, origin):
        self.revive(origin, lambda: parts.Origin.start(origin))

    def strike_origin_power_lost(self, origin):
        self.power_off(origin)

    def mend_origin_power_lost(self, origin):
        self.power_on(origin)

    def strike_origin_hangs(self, origin):
        origin.process.signal(signal.SIGSTOP)

    def mend_origin_hangs(self, origin):
        origin.process.signal(signal.SIGCONT)

    def strike_origin_answers_503(self, origin):
        origin.broken.touch()

    def mend_origin_answers_503(self, origin):
        origin.broken.unlink()

    def strike_tunnel_agent_killed(self, origin):
        kill(origin.agent)

    def mend_tunnel_agent_killed(self, origin):
        origin.start_agent()

    def strike_tunnel_agent_hangs(self, origin):
        origin.agent.signal(signal.SIGSTOP)

    def mend_tunnel_agent_hangs(self, origin):
        origin.agent.signal(signal.SIGCONT)

    def strike_tunnel_flows_forgotten(self, gateway):
        gateway.forget()

    def mend_tunnel_flows_forgotten(self, gateway):
        """There is nothing to mend: who has a flow makes another."""

    # --- routers

    def strike_router_bird_killed(self, router):
        """What it had told the kernel stays there, as with a router whose control plane is gone."""
        router.kill()

    def mend_router_bird_killed(self, router):
        self.revive(router)

    def strike_router_power_lost(self, router):
        self.power_off(router)
        for family in ("-4", "-6"):
            with contextlib.suppress(RuntimeError):  # there may be none
                ip(family, "route", "flush", "proto", "bird", namespace=router.place.namespace)

    def mend_router_power_lost(self, router):
        self.power_on(router)


def kill(*processes):
    for process in processes:
        process.signal(signal.SIGKILL)
    for process in processes:
        process.wait(10)


def children(pid):
    """Of a process of ours."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(one) for task in tasks for one in task.read_text().split()]


def signal_one(pid, number):
    with contextlib.suppress(ProcessLookupError):  # it has ended just now
        os.kill(pid, number)
