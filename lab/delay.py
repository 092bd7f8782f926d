"""A link that is slow, or loses packets: a process between the two ports of its bridge, which holds each
frame for so long. The kernels that the lab has to do with have no netem.

As a program, in the namespace of the bridges: delay.py PORT PORT MILLISECONDS PERCENT."""

import collections
import random
import select
import socket
import sys
import time
from pathlib import Path

FRAME_BYTES_MAX = 65536 + 64
FRAMES_MAX = 20000  # on the way; more are lost, as in any queue
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_ALL = 3


class Delay:
    """Takes the place of the bridge between the two routers at the ends of a link."""

    def __init__(self, world, link, ends, directory, delay_ms, loss_percent=0):
        from lab.process import Process, wait_until  # not in the program itself, which has no lab

        self.world, self.link, self.ends = world, link, ends
        ports = [world.port(end, link) for end in ends]
        for end in ends:
            world.cut(end, link)
        words = [sys.executable, Path(__file__).resolve(), *ports, delay_ms, loss_percent]
        prefix = ["nsenter", f"--net=/run/netns/{world.switch}", "--"]
        log = directory / f"slow-{link}.log"
        log.unlink(missing_ok=True)
        self.process = Process(words, log, prefix=prefix)
        wait_until(lambda: "forwarding" in self.process.log(), 10, f"the slow link {link}")

    def stop(self):
        self.process.kill()
        for end in self.ends:
            self.world.mend(end, self.link)


def opened(port):
    """Frames as the kernel has them: with the headers of segmentation and checksums that are left to do."""
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    one.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    one.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    one.bind((port, ETH_P_ALL))
    one.setblocking(False)
    return one


def take_in(one, queue, due, loss_percent):
    """All that has come, of which some are lost."""
    while True:
        try:
            frame = one.recv(FRAME_BYTES_MAX)
        except BlockingIOError:
            return
        if len(queue) < FRAMES_MAX and random.random() * 100 >= loss_percent:
            queue.append((due, frame))


def pass_on(one, queue, now):
    while queue and queue[0][0] <= now:
        try:
            one.send(queue.popleft()[1])
        except OSError as problem:  # a full queue or a port that is down loses it, as cables do
            print(f"lost: {problem}", flush=True)


def main(first, second, delay_ms, loss_percent):
    ports = [opened(first), opened(second)]
    queues = {ports[0]: collections.deque(), ports[1]: collections.deque()}  # what is to go out there
    other = {ports[0]: ports[1], ports[1]: ports[0]}
    print("forwarding", flush=True)
    while True:
        dues = [queue[0][0] for queue in queues.values() if queue]
        left = max(0.0, min(dues) - time.monotonic()) if dues else None
        for one in select.select(ports, [], [], left)[0]:
            take_in(one, queues[other[one]], time.monotonic() + delay_ms / 1000, loss_percent)
        for one, queue in queues.items():
            pass_on(one, queue, time.monotonic())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
