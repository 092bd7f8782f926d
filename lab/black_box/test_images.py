"""Images that are pushed to controllers, and how nodes get them: with real controllers and a real podman."""

import hashlib
import http.client
import json
import ssl
import subprocess

from lab import podman, weir
from lab.black_box.test_nodes import PATIENCE_S, instance, make_node, wait_attached, workload
from lab.process import wait_until

TAR = b"\0" * 257 + b"ustar\0" + b"\0" * 2000


def make_controller(directory, *flags):
    directory.mkdir()
    controller = weir.Controller(directory, flags=flags)
    # A build with AddressSanitizer keeps what was freed; memory is measured here.
    controller.environment = {"ASAN_OPTIONS": "quarantine_size_mb=1"}
    return controller.start()


def image(content, name="docker.io/library/built:latest"):
    """One that says what it is: an archive that calls itself something that it must not become."""
    files = {"bin": (None, 0o755), "tmp": (None, 0o1777)}
    with open(podman.BUSYBOX, "rb") as file:
        files["bin/busybox"] = (file.read(), 0o755)
    files |= {f"bin/{one}": ("busybox", 0o777) for one in ("sh", "sleep", "cat")}
    files["content"] = (content.encode(), 0o644)
    return podman.oci_archive(name, files)


def push(controller, name, archive, expect=0):
    path = controller.directory / "image.tar"
    path.write_bytes(archive)
    done = controller.cli("image", "push", name, path, timeout_s=60)
    assert done.returncode == expect, done.stderr
    return done.stdout if expect == 0 else done.stderr


def images(controller):
    return {one["name"]: one for one in controller.api("GET", "/v1/images").json["images"]}


# --- the controller


def test_images_are_pushed_listed_and_deleted_and_outlive_the_controller(tmp_path):
    with make_controller(tmp_path / "c") as controller:
        archive = image("one")
        digest = hashlib.sha256(archive).hexdigest()
        assert push(controller, "web:1", archive) == f"web:1 sha256:{digest}\n"
        piped = subprocess.run(
            [weir.BINARY, "image", "push", "web", "-", "--api", controller.api_url],
            input=archive, capture_output=True, timeout=60,
            env={"WEIR_TOKEN": controller.token, "WEIR_CA": str(controller.ca), "HOME": str(tmp_path)},
        )  # fmt: skip
        assert piped.returncode == 0, piped.stderr
        listed = controller.cli("image", "list")
        assert f"web:1       {digest[:12]}  " in listed.stdout and "web:latest  " in listed.stdout
        assert "of 8.0 GiB are used" in listed.stderr
        controller.stop()
        controller.start()
        assert images(controller)["web:1"]["sha256"] == digest
        assert controller.cli("image", "delete", "web:1").stdout == "image web:1 deleted\n"
        done = controller.cli("image", "delete", "web:1")
        assert done.returncode == 1 and "there is no image web:1 here" in done.stderr
        assert list(images(controller)) == ["web:latest"]
        events = [one["spec"] for one in controller.api("GET", "/v1/events?limit=500").json["items"]]
        done = [(one["verb"], one["name"]) for one in events if one["kind"] == "Image"]
        assert sorted(done) == [("delete", "web:1"), ("push", "web:1"), ("push", "web:latest")]


def test_an_image_passes_to_the_disk_and_not_through_memory(tmp_path):
    flags = ["--image-size-max", "300Mi", "--images-size-max", "400Mi"]
    with make_controller(tmp_path / "c", *flags) as controller:

        def peak():
            with open(f"/proc/{controller.pid}/status") as file:
                [line] = [one for one in file if one.startswith("VmHWM:")]
            return int(line.split()[1])

        before = peak()
        large = TAR + bytes(200 << 20)
        push(controller, "large:1", large)
        grown = peak() - before
        assert grown < 60 << 10, f"{grown} KiB more"
        answer = controller.api("GET", "/v1/images/large:1", timeout_s=60)
        assert len(answer.text) == len(large)
        assert "all images together may have 400 MiB at most" in push(
            controller, "large:2", TAR + b"x" + bytes(220 << 20), expect=1
        )
        assert "an image may have" in push(controller, "large:2", TAR + bytes(301 << 20), expect=1)
        kept = sorted(one.name for one in (controller.data / "images").iterdir())
        assert kept == [hashlib.sha256(large).hexdigest() + ".tar", "index.json"]


def test_what_is_no_image_or_nobodys_to_push_is_refused(tmp_path):
    with make_controller(tmp_path / "c") as controller:
        assert "this is no archive of an image" in push(controller, "web:1", b"hello", expect=1)
        assert "such as web:1.2" in push(controller, "Web", TAR, expect=2)
        for words in (["push", "web"], ["list", "web"], ["delete"], ["frobnicate"]):
            assert controller.cli("image", *words).returncode == 2
        missing = controller.cli("image", "push", "web", tmp_path / "none")
        assert missing.returncode == 1 and "no such file or directory" in missing.stderr
        viewer = {"kind": "Token", "metadata": {"name": "viewer"}, "spec": {"role": "viewer"}}
        token = json.loads(controller.api("POST", "/v1/tokens", viewer).text)["secret"]
        for method, path in (("GET", "/v1/images"), ("GET", "/v1/images/web"), ("DELETE", "/v1/images/web")):
            assert controller.api(method, path, token=token).status == 403
            assert controller.api(method, path, token=None).status == 401
        assert images(controller) == {}


# --- nodes


def test_a_node_runs_what_was_pushed_by_its_content(tmp_path, machine):
    with make_controller(tmp_path / "c") as controller:
        node = make_node(tmp_path, controller, machine.socket)
        with node.start(token=controller.join_token("node"), wait=False):
            wait_attached(controller)
            show = workload(["sh", "-c", "cat /content; exec sleep 3600"], image="weir/web:1")
            controller.apply(show)
            wait_until(lambda: instance(controller).get("state") == "failed", PATIENCE_S, "it can't start")
            assert instance(controller)["reason"] == "the image weir/web:1 is not there"

            digest = push(controller, "web:1", image("one")).split(":")[-1].strip()
            wait_until(lambda: instance(controller).get("state") == "ready", PATIENCE_S, "it is ready")
            [container] = machine.containers("weir.instance=web-all-fra-1")
            assert container["Image"] == f"localhost/weir/web:{digest}"
            # What the archive called itself is not what others would pull.
            assert machine.call("GET", "/images/docker.io/library/built:latest/exists")[0] == 404

            # The same tag, another content: for the next container, and for nobody who runs.
            other = push(controller, "web:1", image("two")).split(":")[-1].strip()
            assert machine.inspect("web-all-fra-1.app")["State"]["Running"]
            show["spec"]["containers"][0]["env"] = [{"name": "A", "value": "b"}]
            controller.apply(show)

            def image_of():
                return [one["Image"] for one in machine.containers("weir.instance=web-all-fra-1")]

            wait_until(lambda: image_of() == [f"localhost/weir/web:{other}"], PATIENCE_S, "the other runs")
            wait_until(lambda: instance(controller).get("state") == "ready", PATIENCE_S, "it is ready")

            # Without a controller that has it, what is there is what there is.
            controller.cli("image", "delete", "web:1")
            show["spec"]["containers"][0]["env"] = [{"name": "A", "value": "c"}]
            controller.apply(show)
            wait_until(lambda: image_of() == ["localhost/weir/web:1"], PATIENCE_S, "the last that there was")

            controller.api("DELETE", "/v1/workloads/web")
            wait_until(lambda: image_of() == [], PATIENCE_S, "it is gone")
            node.stop()


def test_a_certificate_reads_images_while_it_is_that_of_a_node(tmp_path):
    with make_controller(tmp_path / "c") as controller:
        push(controller, "web:1", TAR)
        node = make_node(tmp_path, controller, tmp_path / "no-podman.sock")
        with node.start(token=controller.join_token("node"), wait=False):
            wait_attached(controller)
            node.stop()
        kept = json.loads((node.data / "node.json").read_text())  # which is written by the end
        (tmp_path / "pem").write_text(kept["certificate"] + kept["private_key"])

        def ask(method, path):
            """As who has the node's certificate, and no token."""
            context = ssl.create_default_context(cafile=controller.ca)
            context.load_cert_chain(tmp_path / "pem")
            connection = http.client.HTTPSConnection(
                controller.address, controller.api_port, timeout=20, context=context
            )
            connection.request(method, path, TAR if method == "PUT" else None)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, content

        assert ask("GET", "/v1/images/web:1") == (200, TAR)
        assert ask("GET", "/v1/images/web:2")[0] == 404
        assert [ask(*one)[0] for one in (("GET", "/v1/images"), ("PUT", "/v1/images/web:1"))] == [401, 401]
        assert ask("DELETE", "/v1/images/web:1")[0] == 401 and ask("GET", "/v1/services")[0] == 401
        controller.change("nodes", "fra-n1", lambda spec: spec.update(revoked=True))
        assert ask("GET", "/v1/images/web:1")[0] == 401
