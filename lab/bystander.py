"""A client that does nobody harm, as a process of its own: asks on a kept connection to each of its ports in
turn, again and again, and writes down when each answer came and how long it took. `python3 lab/bystander.py
HOST PORT,PORT NAME FILE`"""

import http.client
import itertools
import sys
import time

PAUSE_S = 0.001  # between two requests
FLUSH_S = 0.2


def main():
    host, ports, name, path = sys.argv[1:5]
    connections = [http.client.HTTPConnection(host, int(port), timeout=5) for port in ports.split(",")]
    rows, flushed = [], 0.0
    with open(path, "a") as file:
        for connection in itertools.cycle(connections):
            began = time.monotonic()
            try:
                connection.request("GET", "/", headers={"Host": name})
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            now = time.monotonic()
            rows.append(f"{now:.6f} {now - began:.6f} {status}\n")
            if now - flushed > FLUSH_S:
                file.writelines(rows)
                file.flush()
                rows, flushed = [], now
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
