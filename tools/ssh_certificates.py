#!/usr/bin/env python3
"""Makes the certificates that src/ssh/certificate_test.cc and certificate_fuzz.cc read, by ssh-keygen.

New keys each time, so that nobody has the private halves. Run by hand, when a case is added."""

import base64
import subprocess
import tempfile
from pathlib import Path

ROOM = Path(__file__).resolve().parent.parent / "src/ssh"
SEEDS = ROOM / "corpus/certificate_fuzz"
VALID = "20260101000000Z:20270101000000Z"

# name: type of the user's key, authority, options of ssh-keygen
CASES = {
    "ed25519": ("ed25519", "ed25519", ["-z", "42", "-n", "me"]),
    "ecdsa_256": ("ecdsa_256", "ecdsa_256", ["-n", "me"]),
    "ecdsa_384": ("ecdsa_384", "ecdsa_384", ["-n", "me"]),
    "ecdsa_521": ("ecdsa_521", "ecdsa_521", ["-n", "me"]),
    "rsa_sha512": ("rsa", "rsa", ["-n", "me", "-t", "rsa-sha2-512"]),
    "rsa_sha256": ("rsa", "rsa", ["-n", "me", "-t", "rsa-sha2-256"]),
    "rsa_sha1": ("ed25519", "rsa", ["-n", "me", "-t", "ssh-rsa"]),
    "host": ("ed25519", "ed25519", ["-h", "-n", "me"]),
    "nobody": ("ed25519", "ed25519", []),
    "several": ("ed25519", "ed25519", ["-n", "you,me,them"]),
    "forever": ("ed25519", "ed25519", ["-n", "me", "-V", "always:forever"]),
    "from_networks": ("ed25519", "ed25519", ["-n", "me", "-O", "source-address=192.0.2.0/24,2001:db8::/33"]),
    "command": ("ed25519", "ed25519", ["-n", "me", "-O", "force-command=status"]),
    "unknown_critical": ("ed25519", "ed25519", ["-n", "me", "-O", "critical:other@example.org=1"]),
    "unknown_extension": ("ed25519", "ed25519", ["-n", "me", "-O", "extension:other@example.org=1"]),
    "no_forwards": ("ed25519", "ed25519", ["-n", "me", "-O", "no-port-forwarding"]),
    "nothing": ("ed25519", "ed25519", ["-n", "me", "-O", "clear"]),
}


def key(folder, name, kind):
    path = folder / f"{name}_{kind}"
    if not path.exists():
        kind, _, bits = kind.partition("_")
        words = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", path]
        subprocess.run([*words, *(["-b", bits] if bits else [])], check=True)
    return path


def save(name, path):
    """The blob of a key's line."""
    (SEEDS / name).write_bytes(base64.b64decode(Path(path).read_text().split()[1]))


def main():
    SEEDS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case, (kind, authority, options) in CASES.items():
            user = key(folder, "user", kind)
            words = ["ssh-keygen", "-q", "-s", key(folder, "authority", authority), "-I", f"the {case} one"]
            words += [] if "-V" in options else ["-V", VALID]
            subprocess.run([*words, *options, user.with_suffix(".pub")], check=True)
            save(case, f"{user}-cert.pub")
            if case.startswith(("e", "rsa_sha512")):
                save(f"key_of_{case}", f"{user}.pub")
    print(len(CASES), "certificates in", SEEDS)


if __name__ == "__main__":
    main()
