"""A client that does nobody harm, as a process of its own: asks on a kept connection to each of its places in
turn, again and again, and writes down when each answer came, how long it took, its status, and which place
it was, from 0. `python3 lab/bystander.py ADDRESS:PORT,ADDRESS:PORT NAME FILE`"""

import http.client
import itertools
import sys
import time

PAUSE_S = 0.001  # between two requests
FLUSH_S = 0.2


def main():
    places, name, path = sys.argv[1:4]
    connections = [http.client.HTTPConnection(one, timeout=5) for one in places.split(",")]
    rows, flushed = [], 0.0
    with open(path, "a") as file:
        for place, connection in itertools.cycle(enumerate(connections)):
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
            rows.append(f"{now:.6f} {now - began:.6f} {status} {place}\n")
            if now - flushed > FLUSH_S:
                file.writelines(rows)
                file.flush()
                rows, flushed = [], now
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
