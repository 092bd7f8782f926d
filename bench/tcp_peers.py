"""The contestants of `tcp`: the same proxies, taking whole connections to the origin without a look into
them, each in the best configuration that was found for it (README.md says what was tried).

One worker or thread each, no logs, no timeout that a run could reach. The peers check no health; weir does
all that it does by default."""

import os
from contextlib import ExitStack
from pathlib import Path

from bench import peers
from bench.peers import Running
from bench.tunnel import wait_open
from lab import weir
from lab.process import Process, free_port, wait_listening

CONNECTIONS_MAX = 9900  # HAProxy reserves two descriptors each, and 20,000 is a common hard limit

HAPROXY = """global
  nbthread 1
  maxconn {connections}
  tune.bufsize {bufsize}
  maxpipes 40
  tune.pipesize 1048576
defaults
  mode tcp
  timeout connect 10s
  timeout client 3600s
  timeout server 3600s
  {splice}
listen in
  bind 127.0.0.1:{port} backlog 4096
  server origin 127.0.0.1:{origin}
"""

# Debian has the module in a package of its own; elsewhere it may be built in.
NGINX_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
NGINX = """{module}{user}daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections {sockets}; multi_accept on; accept_mutex off; }}
stream {{
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    proxy_pass 127.0.0.1:{origin};
    proxy_connect_timeout 10s;
    proxy_timeout 3600s;
    proxy_buffer_size {buffer};
  }}
}}
"""


def run_haproxy(case, directory, origin_port, *, splice=False):
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "haproxy.cfg"
    config.write_text(
        HAPROXY.format(
            port=port,
            origin=origin_port,
            connections=CONNECTIONS_MAX,
            bufsize=262144 if case.huge and not splice else 16384,
            splice=f"option splice-{'response' if case.huge else 'auto'}" if splice else "",
        )
    )
    process = Process(["haproxy", "-db", "-f", config], directory / "haproxy.log")
    wait_listening(process, port)
    return Running(process, port, process.stop)


def run_haproxy_splice(case, directory, origin_port):
    return run_haproxy(case, directory, origin_port, splice=True)


def run_nginx(case, directory, origin_port):
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "nginx.conf"
    config.write_text(
        NGINX.format(
            module=f"load_module {NGINX_MODULE};\n" if NGINX_MODULE.exists() else "",
            user="user root;\n" if os.geteuid() == 0 else "",
            directory=directory,
            sockets=2 * CONNECTIONS_MAX,
            port=port,
            origin=origin_port,
            buffer="256k" if case.huge else "16k",
        )
    )
    command = ["nginx", "-p", directory, "-c", config, "-e", "stderr"]
    process = Process(command, directory / "nginx.log")
    wait_listening(process, port)
    return Running(process, port, process.stop)


def run_envoy(_case, directory, origin_port):
    port = free_port()
    listener = {
        "name": "in",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "tcp_backlog_size": 4096,
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "tcp",
                        "typed_config": {
                            "@type": "type.googleapis.com/"
                            "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                            "stat_prefix": "in",
                            "cluster": "origin",
                        },
                    }
                ]
            }
        ],
    }
    return peers.start_envoy(directory, port, listener, origin_port)


def run_weir(_case, directory, origin_port):
    edge = weir.Weir(directory, workers=1).start()
    stack = ExitStack()
    stack.callback(edge.stop)
    port = free_port()
    service = weir.service(
        "db",
        [f"127.0.0.1:{origin_port}"],
        protocol="TCP",
        health_check={"interval": "5s", "timeout": "2s", "tcp": {}},
        circuit_breakers={"connections_max": 2 * CONNECTIONS_MAX, "requests_max": 2 * CONNECTIONS_MAX},
    )
    balancer = {
        "kind": "LoadBalancer",
        "metadata": {"name": "db"},
        "spec": {
            "listeners": [{"protocol": "TCP", "port": port}],
            "routes": [{"backends": [{"service": "db"}]}],
        },
    }
    edge.apply(service, balancer)
    wait_open(port, stack)
    return Running(edge.process, port, edge.stop)


PEERS = {
    "weir": run_weir,
    "haproxy": run_haproxy,
    "haproxy-splice": run_haproxy_splice,
    "haproxy-http": peers.run_haproxy,
    "nginx": run_nginx,
    "envoy": run_envoy,
    "forwarder-epoll": peers.run_forwarder_epoll,
    "forwarder-uring": peers.run_forwarder_uring,
}
