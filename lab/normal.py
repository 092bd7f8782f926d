"""Whether everything in the world is as it should be, asked of those who know: BIRD, controllers, edges, name
servers. What is not is told in words."""

import re

from lab import routing, visitors
from lab.dns import Client
from lab.writers import TIMEOUT_S

NUMBER_FIELD = "x-number"  # that the load balancer of a story adds to its answers


class Normal:
    def __init__(self, earth, *, host, zone, services, writers):
        """services: {name: how many endpoints an edge has of it}. writers: {what follows them: writer}"""
        self.earth, self.atlas = earth, earth.atlas
        self.host, self.zone, self.services, self.writers = host, zone, services, writers
        self.last = []  # what was told at last, before there was nothing more to tell

    def __call__(self):
        told = list(self.complaints())
        self.last = told or self.last
        return not told

    def complaints(self):
        yield from self.of_processes()
        yield from self.of_routers()
        for look, what in (
            (self.of_controller, self.earth.of("controller")),
            (self.of_edge, self.earth.of("edge")),
            (self.of_name_server, self.earth.of("dns")),
        ):
            for part in what:
                try:
                    yield from (f"{part.name}: {text}" for text in look(part))
                except (OSError, AssertionError) as problem:
                    yield f"{part.name}: {problem!r}"

    def of_processes(self):
        for part in self.earth.parts.values():
            for process in part.processes():
                if not process.running():
                    yield f"{part.name}: {process.arguments[0]} has ended with {process.popen.returncode}"

    def of_routers(self):
        for router in self.earth.of("router"):
            sessions = self.atlas.sessions[router.name]
            names = {routing.word(one.peer, family) for one in sessions for family in (4, 6)}
            shown = set(re.findall(r"^(\S+)\s+BGP\s.*Established", router.bird.ask("show protocols"), re.M))
            for name in sorted(names - shown):
                yield f"{router.name}: its session {name} is not up"
        for region in self.atlas.regions.values():
            bird = self.earth[region.router].bird
            for address in self.atlas.providers[region.provider]:
                family, bits = (6, 128) if ":" in address else (4, 32)
                found = bird.routes(f"{address}/{bits}")
                for edge in region.names("edges"):
                    if found.get(routing.word(edge, family), {}).get("path") != 1:
                        yield f"{edge}: {address} is not announced as it should be"

    def of_controller(self, controller):
        answer = controller.api("GET", "/v1/edges", timeout_s=TIMEOUT_S)
        if answer.status != 200:
            yield f"it answers {answer.status}"
            return
        attached = {one["metadata"]["name"] for one in answer.json["items"] if one["status"].get("attached")}
        for name in sorted(set(self.atlas.names("edges")) - attached):
            yield f"{name} is not attached"
        answer = controller.api("GET", "/v1/tunnels", timeout_s=TIMEOUT_S)
        for origin in (name for home in self.atlas.homes.values() for name in home.names()):
            count = sum(one["spec"]["instance"] == origin for one in answer.json["items"])
            if count != 2:  # as agents do
                yield f"{origin} is attached to {count} edges"
        for writer in self.writers.values():
            found = writer.at(controller)
            if found != writer.answered:
                yield f"{writer.path} has {found}, and {writer.answered} was acknowledged"

    def of_edge(self, edge):
        text = edge.metrics()
        for service, count in self.services.items():
            states = samples(text, "weir_endpoint_healthy", service)
            if states != [1.0] * count:
                yield f"endpoints of {service}: {states}, of {count}"
            if any(samples(text, "weir_endpoint_ejected", service)):
                yield f"it has ejected endpoints of {service}"
        with edge.place.inside():
            number = visitors.field(edge.place.address, self.host, NUMBER_FIELD)
        wanted = self.writers["edges"].answered
        if number != str(wanted):
            yield f"its configuration is of {number}, and {wanted} was acknowledged"

    def of_name_server(self, server):
        with server.place.inside(), Client(53, server.place.address, TIMEOUT_S) as client:
            answer = client.ask(f"number.{self.zone}", "TXT").sections[0]
        texts = [data[1:].decode() for _, kind, _, data in answer if kind == "TXT"]
        wanted = self.writers["names"].answered
        if texts != [str(wanted)]:
            yield f"its records are of {texts}, and {wanted} was acknowledged"


def samples(text, name, service):
    """The values of a gauge of each endpoint of a service."""
    lines = re.findall(rf'^{name}\{{([^\n]*)\}} (\S+)$', text, re.M)
    return [float(value) for labels, value in lines if f'service="{service}"' in labels]
