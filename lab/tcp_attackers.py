"""What attackers do to listeners of TCP, each as a process of its own: `python3 lab/tcp_attackers.py NAME
ADDRESS IDLE_PORT LIVE_PORT HOST SECONDS`. Behind both ports is an origin of HTTP, so that a line is enough to
have it send much.

The listener at IDLE_PORT ends what is silent, and bounds the connections of one source. That at LIVE_PORT is
patient with silence, and ends whoever acknowledges nothing or has vanished. Reports are those of
attackers.py."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab.attackers import CONNECTIONS_MAX, HOLDERS, RESET, Target, connected, hold  # noqa: E402

SOURCE_MAX = 300  # connections that the listener at IDLE_PORT lets one source have
SILENT = 500  # connections of one source
VANISHING = "10.78.0.67"  # the address of those who vanish


def ask(target):
    return f"GET /big HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode()


def tcp_zero_window(target):
    """Readers that take nothing: their silence ends them."""
    return hold(connected(target.idle, ask(target), receive_bytes=4096), read=False)


def tcp_zero_window_talks(target):
    """They are not silent, as they go on to send; what they don't take ends them."""
    asking = connected(target.live, ask(target), receive_bytes=4096)
    return hold(asking, drip=b"GET /big HTTP/1.1\r\n", read=False)


def tcp_silent(target):
    """More than one source may have: those beyond are refused at once, the others in their time."""
    sockets = []
    for _ in range(SILENT):
        with contextlib.suppress(ConnectionError):
            sockets.append(socket.socket())
            sockets[-1].settimeout(5)
            sockets[-1].connect(target.idle)
    return hold(sockets)


def ip(*arguments, check=True):
    subprocess.run(["ip", *arguments], check=check, stderr=None if check else subprocess.DEVNULL)


def tcp_half_open(target):
    """Peers that are no longer there: their host loses its network, half of them in the middle of a download.
    They can't see how they are ended: the caller asks weir."""
    lost = ["rule", "del", "from", VANISHING, "blackhole"]
    ip(*lost, check=False)  # of an earlier try
    ip("addr", "replace", f"{VANISHING}/24", "dev", "eth0")
    sockets = connected(target.live, count=HOLDERS // 2, source=VANISHING)
    sockets += connected(target.live, ask(target), HOLDERS // 2, 4096, source=VANISHING)
    ip("rule", "add", *lost[2:])
    print("held", flush=True)
    time.sleep(max(0, target.until - time.monotonic()))  # the length of the attack
    return {"connections": HOLDERS, "ended": HOLDERS, "sent": "nothing more"}


def tcp_churn(target):
    """Connections that are reset: before they stand, as soon as they do, and with an answer on its way."""
    connections = 0
    while time.monotonic() < target.until and connections < CONNECTIONS_MAX:
        connections += 1
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.settimeout(0 if connections % 3 == 0 else 5)
            with contextlib.suppress(BlockingIOError, ConnectionError, TimeoutError):
                one.connect(target.live)
                if connections % 3 == 1:
                    one.sendall(ask(target))
    return {"connections": connections, "ended": connections, "sent": f"{connections} connections"}


class TcpTarget(Target):
    def __init__(self, address, idle_port, live_port, host, seconds):
        super().__init__(address, idle_port, live_port, host, seconds)
        self.idle, self.live = (address, idle_port), (address, live_port)


HOLD = [tcp_zero_window, tcp_zero_window_talks]
CROWDS = [tcp_half_open]
FLOODS = [tcp_churn]
LAST = [tcp_silent]  # takes all that its source may have
ALL = (*HOLD, *CROWDS, *FLOODS, *LAST)


def main():
    name, address, idle_port, live_port, host, seconds = sys.argv[1:7]
    target = TcpTarget(address, int(idle_port), int(live_port), host, float(seconds))
    attacks = {attack.__name__: attack for attack in ALL}
    print(json.dumps(attacks[name](target)), flush=True)


if __name__ == "__main__":
    main()
