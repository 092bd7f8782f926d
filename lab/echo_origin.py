"""An origin of streams that stay open: `python3 lab/echo_origin.py ADDRESS PORT...`. WebSockets (RFC 6455)
and requests whose content comes in chunks get back what they send, piece by piece; other requests get 200
when their content is there."""

import asyncio
import base64
import hashlib
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def read_head(reader):
    """(first line, fields by lower-case name); None at the end of the connection."""
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = text[:-4].split("\r\n")
    return first, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def read_message(reader):
    """(opcode, content) of a WebSocket frame of at most 125 bytes."""
    begin = await reader.readexactly(2)
    length = begin[1] & 0x7F
    mask = await reader.readexactly(4) if begin[1] & 0x80 else bytes(4)
    content = await reader.readexactly(length)
    return begin[0] & 0xF, bytes(byte ^ mask[i % 4] for i, byte in enumerate(content))


async def echo_messages(reader, writer, key):
    accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
    writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    while True:
        opcode, content = await read_message(reader)
        writer.write(bytes([0x80 | opcode, len(content)]) + content)
        await writer.drain()


async def echo_chunks(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        content = await reader.readexactly(size + 2)
        writer.write(b"%x\r\n" % size + content)
        await writer.drain()
        if size == 0:
            return


async def serve(reader, writer):
    try:
        while head := await read_head(reader):
            _, fields = head
            if fields.get("upgrade", "").lower() == "websocket":
                await echo_messages(reader, writer, fields["sec-websocket-key"])
            elif "chunked" in fields.get("transfer-encoding", ""):
                await echo_chunks(reader, writer)
            else:
                await reader.readexactly(int(fields.get("content-length", 0)))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\necho")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    address, *ports = sys.argv[1:]
    servers = [await asyncio.start_server(serve, address, int(port), backlog=2048) for port in ports]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
