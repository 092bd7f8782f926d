"""An origin of gRPC streams that stay open: `python3 lab/grpc_origin.py ADDRESS PORT...`. A real server, with
one method, /lab.Echo/Chat: a message back for each message. Messages are bytes, so nothing is generated."""

import asyncio
import sys

import grpc
import grpc.aio

METHOD = "/lab.Echo/Chat"


async def chat(requests, _):
    async for message in requests:
        yield message


async def main():
    address, *ports = sys.argv[1:]
    server = grpc.aio.server()
    _, service, method = METHOD.split("/")
    handlers = {method: grpc.stream_stream_rpc_method_handler(chat)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    for port in ports:
        assert server.add_insecure_port(f"{address}:{port}") == int(port)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
