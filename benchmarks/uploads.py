"""What uploaded files take of a server's memory: while they are there, and after their person has left.

Usage: python -m benchmarks.uploads [--files N] [--megabytes N]

One session sends many large files, as a browser does, and some that nothing on a page asked for. Exit status 1 if a
target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import sys
import tempfile
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.protocol import connect
from benchmarks.serving import Server, memory, serve

MOST_MEGABYTES = 200
"""Above the server at rest, while one person's files are there: half of ``CNNVIZ_UPLOADS_MB``, and one under way."""
LEFT_MEGABYTES = 40
"""Above it after the person has left."""
_LEFT_SECONDS = 10.0
_BOUNDARY = "cnnviz-benchmark"


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=60, help="of one file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server:
        return 0 if asyncio.run(measure(server, options.files, options.megabytes)) else 1


async def measure(server: Server, files: int, megabytes: int) -> bool:
    """Print the figures; whether the targets are met."""
    content = bytes(megabytes * 2**20)
    async with connect(server.url) as first:
        await first.run("filters", "view=maps")  # what it imports is not counted
    async with connect(server.url) as session:
        await session.run("filters", "view=maps")
        at_rest = held(server)
        strangers = Counter(
            [await put(server, session.session_id, f"made-up-{n}", content) for n in range(2)]
        )
        answers = Counter[int]()
        most = 0.0
        for number in range(files):
            name = (await session.upload_ids([f"{number}.png"]))[0]
            answers[await put(server, session.session_id, name, content)] += 1
            most = max(most, held(server) - at_rest)
    await asyncio.sleep(_LEFT_SECONDS)
    left = held(server) - at_rest
    print(f"files that nothing asked for: {dict(strangers)} (target: 403)")
    print(f"{files} files of {megabytes} MB in one session: {dict(answers)}")
    print(f"at most {most:,.0f} MB more in memory (target {MOST_MEGABYTES})")
    print(f"{_LEFT_SECONDS:.0f} s after the person has left {left:,.0f} MB (target {LEFT_MEGABYTES})")
    return set(strangers) == {403} and most <= MOST_MEGABYTES and left <= LEFT_MEGABYTES


def held(server: Server) -> float:
    """The server's memory in megabytes."""
    return (memory(server.pid) or 0) / 1e6


async def put(server: Server, session: str, name: str, content: bytes) -> int:
    """Send a file to Streamlit's upload address; the status of the answer."""
    return await asyncio.to_thread(_put, server, session, name, content)


def _put(server: Server, session: str, name: str, content: bytes) -> int:
    host = urlsplit(server.url).netloc
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("GET", "/_stcore/health")
    answer = connection.getresponse()
    answer.read()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="digit.png"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        "Cookie": cookie,
        "X-Xsrftoken": cookie.partition("=")[2],
    }
    connection.request("PUT", f"/_stcore/upload_file/{session}/{name}", body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


if __name__ == "__main__":
    sys.exit(main())
