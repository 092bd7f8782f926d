"""A program in a terminal of its own, as a person has one."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from lab.process import LEASH

PATIENCE_S = 90  # for what takes a second on a machine that is not busy


class Terminal:
    """environment: all that the program has."""

    def __init__(self, arguments, environment, *, rows=33, columns=101):
        self.text = b""
        self.master, terminal = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen(
            [*LEASH, "setsid", "--ctty", *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environment,
        )
        os.close(terminal)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, keys):
        os.write(self.master, keys)

    def shows(self, *words, timeout_s=PATIENCE_S):
        """Until all of them are there, in whatever order."""
        end = time.monotonic() + timeout_s
        while not all(word in self.text for word in words):
            left = end - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], self.text[-2000:]
            try:
                self.text += os.read(self.master, 65536)
            except OSError:  # its end
                assert all(word in self.text for word in words), self.text[-2000:]

    def until(self, words):
        """What was there before these words; what comes after them is for the next call."""
        self.shows(words)
        before, self.text = self.text.split(words, 1)
        return before

    def end(self):
        """The exit code of what ends by itself."""
        code = self.process.wait(PATIENCE_S)
        os.close(self.master)
        return code

    def hang_up(self):
        os.close(self.master)
        self.process.wait(PATIENCE_S)
