"""Commands on a PATH that need not import torch and fairseq: each is a fork of a server that has.

The command in the folder is a client of a few lines: it hands its arguments, folder, environment and open files to the
server over a socket, and ends with the status that comes back.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from user_dir_tests.helpers.running.warm import PRELOADED

REPO = Path(__file__).resolve().parents[3]
_CLIENT = """\
#!{python} -SE
import json, os, socket, sys
given = {words!r}
place = given.index("{{}}")
request = [*given[:place], *sys.argv[1:], *given[place + 1:]], os.getcwd(), dict(os.environ), sys.argv[0]
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"."], [0, 1, 2])
    server.sendall(json.dumps(request).encode())
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.recv(16) or b"1"))
"""


@contextlib.contextmanager
def warm_commands(folder: Path, commands: Mapping[str, str]) -> Iterator[None]:
    """Executable files in ``folder`` while the block runs. ``commands``: name -> module and options, ``{}`` in the
    place of the arguments."""
    with tempfile.TemporaryDirectory() as short:  # names of sockets have at most 107 characters
        address = os.path.join(short, "s")
        _write_clients(folder, commands, address)
        server = subprocess.Popen(
            [sys.executable, "-m", "user_dir_tests.helpers.running.warm_commands", address], cwd=REPO
        )
        try:
            while not os.path.exists(address):
                assert server.poll() is None, "the server of warm commands ended"
                time.sleep(0.05)
            yield
        finally:
            server.kill()
            server.wait()


def _write_clients(folder: Path, commands: Mapping[str, str], address: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, words in commands.items():
        script = folder / name
        script.write_text(_CLIENT.format(python=sys.executable, words=words.split(), address=address))
        script.chmod(0o755)


def serve(address: str) -> None:
    """Answer clients until killed."""
    for name in PRELOADED:
        __import__(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{address}.new")
        listener.listen()
        os.rename(f"{address}.new", address)  # now that it answers
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                if os.fork() == 0:
                    _answer(connection)
                os._exit(0)  # the one that answers is nobody's child
            connection.close()
            os.wait()


def _answer(connection: socket.socket) -> NoReturn:
    """Run the command in a process of its own and send its status."""
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    words, folder, env, name = json.loads(b"".join(parts))
    if child := os.fork():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with contextlib.suppress(OSError):
            connection.sendall(str(status if status >= 0 else 128 - status).encode())
        os._exit(0)
    connection.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [name, *words[1:]]
    sys.path.insert(0, folder)
    _run(words[0])


def _run(module: str) -> Any:
    try:
        runpy.run_module(module, None, "__main__", True)
    except SystemExit:
        raise
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise SystemExit(1) from None
    raise SystemExit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
