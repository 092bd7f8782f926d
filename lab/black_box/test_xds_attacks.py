"""Clients of discovery that flood, stall, lie or never answer: each harms itself only."""

import sys
import time

import pytest

pytest.importorskip("grpc", reason="python3-grpcio is not installed (./dev setup lab)")
from lab import weir, xds_attackers  # noqa: E402
from lab.black_box.test_xds_peers import Site, start  # noqa: E402
from lab.process import ROOT, Process, status_kib, wait_until  # noqa: E402
from lab.shift import percentile, shown  # noqa: E402

BALANCERS = 10
SERVICES = 200  # of each
ANSWER_TIMEOUT_S = 30  # xds/limits.h: kAnswerTimeout
SHIFT_MS_MAX = 100  # the ninety-ninth of a hundred
OVERDUE = ("nonsense_nonces", "never_answers", "never_reads")
GROWTH_KIB_MAX = 64 * 1024
# The attackers are on other machines: what they do must not take this one's processors from who is measured.
ELSEWHERE = ("nice", "-n", "19")


@pytest.fixture
def site(tmp_path):
    with start(tmp_path / "controller") as controller:
        yield Site(controller)


class Attack:
    def __init__(self, directory, name, site):
        self.name, self.node = name, name.replace("_", "-")
        identity = directory / f"{name}.json"
        site.identity(self.node).save(identity, site.controller)
        script = ROOT / "lab" / "xds_attackers.py"
        command = [sys.executable, script, name, identity]
        self.process = Process(command, directory / f"{name}.log", prefix=ELSEWHERE)

    def ends(self):
        return set(self.process.log().splitlines())


def shifts(site, stream, seconds):
    """Milliseconds from a PUT's beginning to the endpoints' arrival, again and again."""
    took = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        port = 10000 + len(took)
        wanted = weir.service("web", [f"127.0.0.1:{port}"])
        began = time.monotonic()
        answer = site.controller.api("PUT", "/v1/services/web", wanted, headers={"If-Match": "*"})
        assert answer.status == 200, answer
        response = stream.take()
        took.append((time.monotonic() - began) * 1000)
        [endpoint] = response.resources["web"].endpoints[0].lb_endpoints
        assert endpoint.endpoint.address.socket_address.port_value == port
        time.sleep(0.05)  # what is measured is one change at a time
    return took


def test_each_harms_itself_only(site, tmp_path):
    controller = site.controller
    site.serve("web")
    for name in range(BALANCERS):
        names = [f"s-{name}-{number}" for number in range(SERVICES)]
        balancer = weir.load_balancer(f"lb-{name}", [f"lb-{name}.example"], {f"/{one}": one for one in names})
        controller.apply(*(weir.service(one, ["127.0.0.1:9"]) for one in names), balancer)
    with site.stream(node="good") as stream:
        stream.ask("endpoints", ["web"])
        stream.take()
        before = status_kib(controller.pid, "VmRSS")
        attacks = [Attack(tmp_path, name, site) for name in xds_attackers.ATTACKS]
        took = shifts(site, stream, ANSWER_TIMEOUT_S + 10)  # and some to begin
        metrics, log = controller.metrics(), controller.process.log()
        ends = {one.name: one.ends() for one in attacks}
        for one in attacks:
            assert one.process.running(), one.process.log()
            one.process.kill()
        print(f"{len(took)} changes meanwhile: {shown(took)}")
        assert percentile(took, 99) < SHIFT_MS_MAX, shown(took)
        assert status_kib(controller.pid, "VmHWM") - before < GROWTH_KIB_MAX
        # Who is ended is ended for what it does, and that is written down, at most once a second of those
        # who have a name, and of those who have none.
        assert ends["giant_lists"] == {"RESOURCE_EXHAUSTED the stream names too many resources of one type"}
        is_overdue = "DEADLINE_EXCEEDED no answer to a response"
        assert "INVALID_ARGUMENT not a request of discovery" in ends["garbage"]
        assert ends["half_messages"] == {"CLOSED all of them"}
        # The last one that is overdue can't see it, because it does not read.
        assert metrics["weir_discovery_overdue_total"] >= len(OVERDUE)
        assert all(is_overdue in ends[name] for name in OVERDUE[:-1])
        assert ends["flood"] == ends["unknown_types"] == set()  # they wait
        said = [line for line in log.splitlines() if "is ended for what its client does" in line]
        assert any("edge=giant-lists" in line for line in said), log
        assert len(said) <= 2 * (ANSWER_TIMEOUT_S + 10)
        wait_until(lambda: controller.metrics()["weir_discovery_streams"] == 1, 20, "their streams' end")
        stream.ask("cluster", ["web"])
        assert set(stream.take().resources) == {"web"}
