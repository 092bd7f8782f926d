"""weir in a terminal of its own, as a person has one."""

import fcntl
import os
import pty
import select
import struct
import termios
import time

from lab import weir

PATIENCE_S = 90  # for what takes a second on a machine that is not busy


class Terminal:
    """weir in a terminal of the test's."""

    def __init__(self, environment, *words, rows=33, columns=101):
        self.text = b""
        environment = {**os.environ, **environment}
        self.process, self.master = pty.fork()
        if self.process == 0:
            os.execve(weir.BINARY, ["weir", *words], environment)
        self.resize(rows, columns)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, keys):
        os.write(self.master, keys)

    def until(self, words, timeout_s=PATIENCE_S):
        end = time.monotonic() + timeout_s
        while words not in self.text:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], self.text[-2000:]
            try:
                self.text += os.read(self.master, 65536)
            except OSError:  # its end
                assert words in self.text, self.text[-2000:]
        before, self.text = self.text.split(words, 1)
        return before

    def end(self):
        code = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        os.close(self.master)
        return code
