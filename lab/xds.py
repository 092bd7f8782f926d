"""Foreign clients of discovery: Envoy's API in Python over gRPC's own core. Nothing of weir's is in it, so
that what both sides of weir misunderstand alike is found."""

import contextlib
import json
import queue
import subprocess
import threading

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from lab.process import ROOT, Timeout

DESCRIPTORS = ROOT / "build" / "envoy-api" / "descriptors"  # by ./dev setup
OWN = ROOT / "src" / "xds" / "weir.proto"
ADS = "envoy.service.discovery.v3.AggregatedDiscoveryService"
DEADLINE_S = 10
INVALID = 3  # google.rpc.Code

TYPES = {
    "cluster": "envoy.config.cluster.v3.Cluster",
    "endpoints": "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "listener": "envoy.config.listener.v3.Listener",
    "routes": "envoy.config.route.v3.RouteConfiguration",
    "secret": "envoy.extensions.transport_sockets.tls.v3.Secret",
    "object": "weir.v1.Object",
    "health": "weir.v1.ServiceHealth",
}
# The services for one type: package and name, and what the methods end with.
SERVICES = {
    "cluster": ("cluster.v3.ClusterDiscoveryService", "Clusters"),
    "endpoints": ("endpoint.v3.EndpointDiscoveryService", "Endpoints"),
    "listener": ("listener.v3.ListenerDiscoveryService", "Listeners"),
    "routes": ("route.v3.RouteDiscoveryService", "Routes"),
    "secret": ("secret.v3.SecretDiscoveryService", "Secrets"),
}


class Messages:
    """Classes by the full name of the message."""

    def __init__(self):
        self.pool = descriptor_pool.DescriptorPool()
        self.add(DESCRIPTORS.read_bytes())
        done = subprocess.run(
            ["protoc", f"-I{OWN.parent}", "--descriptor_set_out=/dev/stdout", OWN],
            capture_output=True,
            check=True,
        )
        self.add(done.stdout)
        self.factory = message_factory.MessageFactory(self.pool)

    def add(self, descriptors):
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors).file:
            self.pool.Add(file)

    def __call__(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(name))


message = Messages()


def url(kind):
    return f"type.googleapis.com/{TYPES[kind]}"


def unpack(any_message):
    return message(any_message.type_url.rpartition("/")[2]).FromString(any_message.value)


def name_of(resource):
    return getattr(resource, "name", "") or resource.cluster_name


def method(kind=None, *, delta):
    """Of the aggregated service, or of that for one type."""
    form = "Delta" if delta else "Stream"
    if kind is None:
        return f"/{ADS}/{form}AggregatedResources"
    service, what = SERVICES[kind]
    return f"/envoy.service.{service}/{form}{what}"


class Identity:
    """A certificate for a node, by `weir controller bootstrap`."""

    def __init__(self, controller, node, *flags):
        done = controller.cli("controller", "bootstrap", "--envoy", "--node", node, *flags)
        assert done.returncode == 0, done.stderr
        bootstrap = json.loads(done.stdout)
        self.node = bootstrap["node"]
        [cluster] = bootstrap["static_resources"]["clusters"]
        tls = cluster["transport_socket"]["typed_config"]["common_tls_context"]
        self.ca = tls["validation_context"]["trusted_ca"]["inline_string"].encode()
        [pair] = tls["tls_certificates"]
        self.certificate = pair["certificate_chain"]["inline_string"].encode()
        self.key = pair["private_key"]["inline_string"].encode()

    def save(self, path, controller):
        """For another process."""
        known = {"node": self.node, "controller": [controller.address, controller.xds_port, controller.NAME]}
        pems = {"ca": self.ca, "key": self.key, "certificate": self.certificate}
        path.write_text(json.dumps(known | {what: pem.decode() for what, pem in pems.items()}))

    def channel(self, controller):
        return channel(controller, grpc.ssl_channel_credentials(self.ca, self.key, self.certificate))


def channel(controller, credentials=None):
    """A connection of its own: gRPC would share it among channels with the same options."""
    target = f"{controller.address}:{controller.xds_port}"
    options = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", 1 << 26),
        ("grpc.enable_retries", 0),
    ]
    if credentials is None:
        return grpc.insecure_channel(target, options)
    options.append(("grpc.ssl_target_name_override", controller.NAME))
    return grpc.secure_channel(target, credentials, options)


class Response:
    """Of either form: resources by name (unpacked), what is gone, and what a client says of it again."""

    def __init__(self, raw):
        self.raw = raw
        self.type_url = raw.type_url
        self.kind = next(kind for kind in TYPES if url(kind) == raw.type_url)
        self.nonce = raw.nonce
        self.delta = raw.DESCRIPTOR.name.startswith("Delta")
        self.version = raw.system_version_info if self.delta else raw.version_info
        self.removed = list(raw.removed_resources) if self.delta else []
        if self.delta:
            self.versions = {one.name: one.version for one in raw.resources}
            self.resources = {one.name: unpack(one.resource) for one in raw.resources}
        else:
            unpacked = [unpack(one) for one in raw.resources]
            self.resources = {name_of(one): one for one in unpacked}

    def __repr__(self):
        return f"{self.kind} {sorted(self.resources)} without {self.removed}"


class Calls:
    """A call both ways on which messages are sent, and what comes is not looked at."""

    def __init__(self, its_channel, path):
        self.outbox = queue.SimpleQueue()
        call = its_channel.stream_stream(path, request_serializer=lambda one: one.SerializeToString())
        self.call = call(iter(self.outbox.get, None))
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        with contextlib.suppress(grpc.RpcError):
            for _ in self.call:
                pass

    def send(self, one):
        self.outbox.put(one)


class Stream:
    """One stream of discovery. Responses are taken by a thread as they come."""

    def __init__(self, its_channel, node, *, delta, kind=None):
        prefix = "Delta" if delta else ""
        self.request = message(f"envoy.service.discovery.v3.{prefix}DiscoveryRequest")
        response = message(f"envoy.service.discovery.v3.{prefix}DiscoveryResponse")
        self.delta, self.node = delta, node
        self.accepted = {}  # state of the world: the version of each type
        self.outbox, self.inbox = queue.SimpleQueue(), queue.SimpleQueue()
        self.over = threading.Event()
        call = its_channel.stream_stream(
            method(kind, delta=delta),
            request_serializer=self.request.SerializeToString,
            response_deserializer=response.FromString,
        )
        self.call = call(iter(self.outbox.get, None))
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        try:
            for raw in self.call:
                self.inbox.put(Response(raw))
        except grpc.RpcError:
            pass
        self.over.set()
        self.inbox.put(None)

    def send(self, **fields):
        """The node is in the first request."""
        request = self.request(**fields)
        if self.node:
            request.node.id = self.node["id"]
            request.node.user_agent_name = "lab"
            request.node.metadata.update(self.node.get("metadata", {}))
            self.node = None
        self.outbox.put(request)

    def ask(self, kind, names=(), *, leave=(), versions=None, nonce=""):
        if self.delta:
            self.send(
                type_url=url(kind),
                resource_names_subscribe=names,
                resource_names_unsubscribe=leave,
                initial_resource_versions=versions or {},
                response_nonce=nonce,
            )
        else:
            version = self.accepted.get(kind, "") if versions is None else versions
            self.send(type_url=url(kind), resource_names=names, version_info=version, response_nonce=nonce)

    def acknowledge(self, response, names=(), error=None):
        """names: all that is asked for, which the state of the world says again each time."""
        fields = {"type_url": response.type_url, "response_nonce": response.nonce}
        if error is not None:
            fields["error_detail"] = {"code": INVALID, "message": error}
        if not self.delta:
            if error is None:
                self.accepted[response.kind] = response.version
            fields |= {"version_info": self.accepted.get(response.kind, ""), "resource_names": names}
        self.send(**fields)

    def refuse(self, response, why, names=()):
        self.acknowledge(response, names, why)

    def next(self, deadline_s=DEADLINE_S):
        """The next response, not acknowledged yet."""
        try:
            response = self.inbox.get(timeout=deadline_s)
        except queue.Empty:
            raise Timeout(f"no response within {deadline_s:g} s") from None
        assert response is not None, f"the stream has ended: {self.ended()}"
        return response

    def take(self, names=(), deadline_s=DEADLINE_S):
        response = self.next(deadline_s)
        self.acknowledge(response, names)
        return response

    def ended(self, deadline_s=DEADLINE_S):
        """(code, details) of the end, behind whatever came before it."""
        if self.over.wait(deadline_s):
            return self.call.code().name, self.call.details()
        raise Timeout(f"the stream has not ended within {deadline_s:g} s")

    def close(self):
        self.outbox.put(None)
        self.call.cancel()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
