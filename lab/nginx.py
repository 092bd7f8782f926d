"""nginx as an origin: one process (so that one SIGKILL ends it), logs off, keep-alive without end."""

import os
from pathlib import Path

from lab.process import Process, wait_listening

MAIN = """{user}daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections {connections}; multi_accept on; accept_mutex off; }}
http {{
  access_log off;
  server_tokens off;
  default_type text/plain;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  open_file_cache max=100;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
{http}
}}
"""


def start(directory, http, *, prefix=()):
    """nginx with `http` inside its http block; everything that it writes stays in `directory`."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "nginx.conf"
    config.write_text(
        MAIN.format(
            user="user root;\n" if os.geteuid() == 0 else "",
            directory=directory,
            files=20000,
            connections=16384,
            http=http,
        )
    )
    return Process(
        ["nginx", "-p", directory, "-c", config, "-e", "stderr"],
        directory / "nginx.log",
        prefix=prefix,
    )


def origin(directory, port, body, *, address="127.0.0.1", files=None, prefix=(), wait=True):
    """Answers 200 with `body` on every path, and the files of the directory `files` under /files/."""
    location = f"location /files/ {{ alias {files}/; }}" if files else ""
    process = start(
        directory,
        f"""  server {{
    listen {address}:{port} backlog=4096 reuseport;
    location / {{ return 200 "{body}"; }}
    {location}
  }}""",
        prefix=prefix,
    )
    if wait:
        wait_listening(process, port, address)
    return process
