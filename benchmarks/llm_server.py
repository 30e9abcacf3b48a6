"""A local server that speaks the Messages API, with latency and faults, for ``llm_throughput.py``.

python benchmarks/llm_server.py --latency 0.25 --faults 0.01 --log requests.log

It prints its port. A request's first try ends in a fault with the given probability, by its hash: 429 with and without
retry-after, 529, 500, a body that breaks off, JSON that breaks off. The answer selects candidates by a hash too. The
log has a line a request: the SHA-256 that the client keeps the answer under, a space, and "fault" or "answer".
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
from pathlib import Path
from typing import IO, Any

FAULTS = ("429", "429 retry-after", "529", "500", "drop", "truncated")
_CANDIDATE = re.compile(r"^\d+\. \{", re.MULTILINE)


class Server:
    """latency (float): Seconds an answer takes. faults (float): Share of requests whose first try fails."""

    def __init__(self, latency: float, faults: float, log: IO[str] | None) -> None:
        self.latency, self.faults = latency, faults
        self.log = log
        self.url = ""
        self.seen: set[str] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
                found = re.search(r"(?i)content-length: *(\d+)", head)
                body = json.loads(await reader.readexactly(int(found[1]) if found else 0))
                if not await self.answer(body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        """RETURNS (bool): Whether the connection stays."""
        whole = json.dumps([self.url, body], sort_keys=True, ensure_ascii=False)
        sha256 = hashlib.sha256(whole.encode("utf8", "surrogatepass")).hexdigest()
        number = int(sha256[:8], 16)
        await asyncio.sleep(self.latency)
        first, fault = sha256 not in self.seen, ""
        self.seen.add(sha256)
        if first and number / 0xFFFFFFFF < self.faults:
            fault = FAULTS[number % len(FAULTS)]
        if self.log is not None:
            self.log.write(f"{sha256} {'fault' if fault else 'answer'}\n")
            self.log.flush()
        query = body["messages"][0]["content"].rpartition("Input: ")[2]
        offered = len(_CANDIDATE.findall(query))
        said = {"selected": [i for i in range(1, offered + 1) if (number >> i) & 1]}
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "stop_reason": "end_turn",
            "stop_sequence": None, "content": [{"type": "text", "text": json.dumps(said)}],
            "usage": {"input_tokens": 900, "output_tokens": 12, "cache_creation_input_tokens": 0,
                      "cache_read_input_tokens": 700},
        }  # fmt: skip
        data, status, more = json.dumps(message).encode(), 200, ""
        length = len(data)
        if fault[:3].isdigit():
            status = int(fault[:3])
            data = json.dumps({"type": "error", "error": {"type": "x", "message": "later"}}).encode()
            length, more = len(data), "retry-after: 1\r\n" if "retry-after" in fault else ""
        elif fault == "drop":
            data = data[: length // 2]
        elif fault == "truncated":
            data = data[: length // 2]
            length = len(data)
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n"
        writer.write(head.encode() + data)
        await writer.drain()
        return fault != "drop"

    async def run(self) -> None:
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0, limit=1 << 24, backlog=512)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        print(self.url, flush=True)
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.25)
    parser.add_argument("--faults", type=float, default=0.01)
    parser.add_argument("--log", type=Path)
    args = parser.parse_args()
    log = args.log.open("a", encoding="utf8") if args.log else None
    asyncio.run(Server(args.latency, args.faults, log).run())


if __name__ == "__main__":
    main()
