"""Streams of TCP that last: `python3 lab/tcp_streams.py serve ADDRESS PORT` gives back what it is sent;
`... COUNT ADDRESS PORT` opens so many, prints "open COUNT", and sends blocks of random size on each, now and
then, and wants each back as it was. After SIGUSR1 it ends them, and prints how many were whole:
"echoed N"."""

import asyncio
import hashlib
import random
import signal
import sys

ANSWER_S = 60  # for a block
TOGETHER = 100  # that are opened at a time
BLOCKS = (1, 100, 5_000, 200_000)
PAUSE_S = (0.2, 2.0)


async def give_back(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(address, port):
    server = await asyncio.start_server(give_back, address, port, backlog=4096)
    await server.serve_forever()


async def block(reader, writer):
    data = random.randbytes(random.choice(BLOCKS))
    writer.write(data)
    back = await asyncio.wait_for(reader.readexactly(len(data)), ANSWER_S)
    return hashlib.sha256(back).digest() == hashlib.sha256(data).digest()


async def opened(gate, address, port):
    async with gate:
        stream = await asyncio.open_connection(address, port)
        assert await block(*stream)
        return stream


async def talk(stream, goes, sent):
    """True: each block came back, and its end, too."""
    reader, writer = stream
    try:
        while not goes.is_set():
            if not await block(reader, writer):
                print("a block has changed", flush=True)
                return False
            sent.append(1)
            await asyncio.sleep(random.uniform(*PAUSE_S))
        writer.write_eof()
        return await asyncio.wait_for(reader.read(1), ANSWER_S) == b""
    except (OSError, EOFError, TimeoutError) as problem:
        print(repr(problem), flush=True)
        return False


async def streams(count, address, port):
    gate = asyncio.Semaphore(TOGETHER)
    all_of_them = await asyncio.gather(*(opened(gate, address, port) for _ in range(count)))
    goes = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, goes.set)
    print(f"open {len(all_of_them)}", flush=True)
    sent = []
    done = await asyncio.gather(*(talk(stream, goes, sent) for stream in all_of_them))
    print(f"{len(sent)} blocks\nechoed {sum(done)}", flush=True)


def main():
    first, address, port = sys.argv[1:]
    asyncio.run(serve(address, int(port)) if first == "serve" else streams(int(first), address, int(port)))


if __name__ == "__main__":
    main()
