"""CoreDNS as `dns` compares it: its `file` plugin, on one processor and as Go does by itself, and behind its
`cache` (README.md says what was tried)."""

from functools import partial

from bench.dns_peers import configured
from bench.peers import Running
from lab.process import ROOT, Process

PROGRAM = ROOT / "build" / "tools" / "coredns"
SERVER = """{zone}:{port} {{
  bind 127.0.0.1
{plugins}  file {directory}/zone {{
    reload 0
  }}
}}
"""
# What it has cached is without the name servers that `file` adds to every answer.
CACHED = "  cache\n  minimal\n"
ONE_PROCESSOR = {"GOMAXPROCS": "1"}
SELDOM_COLLECTED = {"GOGC": "400"}


def run(plugins, environment, _case, directory, _origin_port):
    config, port = configured(directory, SERVER, plugins=plugins)
    process = Process(
        [PROGRAM, "-quiet", "-conf", config], directory / "coredns.log", environment=environment
    )
    return Running(process, port, process.stop)


PEERS = {
    "coredns": partial(run, "", ONE_PROCESSOR),
    "coredns-default": partial(run, "", {}),
    "coredns-cache": partial(run, CACHED, ONE_PROCESSOR | SELDOM_COLLECTED),
}
