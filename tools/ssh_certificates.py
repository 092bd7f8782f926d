#!/usr/bin/env python3
"""Makes the certificates that src/ssh/certificate_test.cc and certificate_fuzz.cc read, by ssh-keygen.

  ssh_certificates.py [CASE...]     all cases, unless some are named

New keys each time, so that nobody has the private halves. Run by hand, when a case is added."""

import base64
import hashlib
import struct
import subprocess
import sys
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
    "by_sk_ed25519": ("ed25519", "ed25519", ["-n", "me"]),
    "by_sk_ecdsa": ("ed25519", "ed25519", ["-n", "me"]),
}


def key(folder, name, kind):
    path = folder / f"{name}_{kind}"
    if not path.exists():
        kind, _, bits = kind.partition("_")
        words = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", path]
        subprocess.run([*words, *(["-b", bits] if bits else [])], check=True)
    return path


def run(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True).stdout


def string(data):
    return struct.pack(">I", len(data)) + data


def strings(data, count):
    """(the bytes of so many strings, what is behind them)"""
    end = 0
    for _ in range(count):
        end += 4 + struct.unpack_from(">I", data, end)[0]
    return data[:end], data[end:]


def sign_as_security_key(folder, case, certificate):
    """Signs it anew, as a security key does (OpenSSH's PROTOCOL.u2f); ssh-keygen then checks that."""
    is_ecdsa = case == "by_sk_ecdsa"
    application = b"ssh:"
    kind, _, comment = certificate.read_text().partition(" ")
    blob = base64.b64decode(comment.split()[0])
    head, rest = strings(blob, 3)  # type, nonce, key
    numbers, rest = rest[:12], rest[12:]  # serial, role
    names, rest = strings(rest, 2)
    times, rest = rest[:16], rest[16:]
    options, _ = strings(rest, 3)
    secret, public, message = folder / f"{case}.pem", folder / f"{case}.der", folder / "message"
    algorithm = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"] if is_ecdsa else ["ed25519"]
    run("openssl", "genpkey", "-algorithm", *algorithm, "-out", secret)
    run("openssl", "pkey", "-in", secret, "-pubout", "-outform", "DER", "-out", public)
    name = b"sk-ecdsa-sha2-nistp256@openssh.com" if is_ecdsa else b"sk-ssh-ed25519@openssh.com"
    point = public.read_bytes()[-65 if is_ecdsa else -32 :]
    curve = string(b"nistp256") if is_ecdsa else b""
    authority = string(name) + curve + string(point) + string(application)
    signed = head + numbers + names + times + options + string(authority)
    flags_and_counter = struct.pack(">BI", 1, 7)
    message.write_bytes(
        hashlib.sha256(application).digest() + flags_and_counter + hashlib.sha256(signed).digest()
    )
    if is_ecdsa:
        der = run("openssl", "dgst", "-sha256", "-sign", secret, message)
        r_end = 4 + der[3]
        signature = string(der[4:r_end]) + string(der[r_end + 2 :])
    else:
        signature = run("openssl", "pkeyutl", "-sign", "-rawin", "-in", message, "-inkey", secret)
    blob = signed + string(string(name) + string(signature) + flags_and_counter)
    certificate.write_text(f"{kind} {base64.b64encode(blob).decode()}\n")
    run("ssh-keygen", "-L", "-f", certificate)


def save(name, path):
    """The blob of a key's line."""
    (SEEDS / name).write_bytes(base64.b64decode(Path(path).read_text().split()[1]))


def main():
    SEEDS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = sys.argv[1:] or list(CASES)
        for case in cases:
            kind, authority, options = CASES[case]
            user = key(folder, "user", kind)
            words = ["ssh-keygen", "-q", "-s", key(folder, "authority", authority), "-I", f"the {case} one"]
            words += [] if "-V" in options else ["-V", VALID]
            subprocess.run([*words, *options, user.with_suffix(".pub")], check=True)
            if case.startswith("by_sk"):
                sign_as_security_key(folder, case, Path(f"{user}-cert.pub"))
            save(case, f"{user}-cert.pub")
            if case.startswith(("e", "rsa_sha512")):
                save(f"key_of_{case}", f"{user}.pub")
    print(len(cases), "certificates in", SEEDS)


if __name__ == "__main__":
    main()
