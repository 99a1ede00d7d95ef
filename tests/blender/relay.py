"""A network between Blender and the stand-in that a test takes away and brings back.

    with Relay(stand_in.base) as net:
        net.base                 what XAI_API_BASE should be
        net.down()               connections end and new ones are refused
        net.up()                 at the same port again

The stand-in names its own address in what it answers; the relay's is written in its place, of the same length.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit


class Relay:
    """Carries bytes between loopback ports; threads of the test's own process."""

    def __init__(self, base: str) -> None:
        self._to = urlsplit(base).port or 0
        self._listener: socket.socket | None = None
        self._port = 0
        while len(str(self._port)) != len(str(self._to)):
            self._port = self._listen(0)
        self._open: set[socket.socket] = set()
        self.base = f"http://127.0.0.1:{self._port}"
        self._hosts = f"127.0.0.1:{self._to}".encode(), f"127.0.0.1:{self._port}".encode()
        self._accepting()

    def down(self) -> None:
        """The network is gone."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def up(self) -> None:
        """The network is back."""
        self._listen(self._port)
        self._accepting()

    def _listen(self, port: int) -> int:
        if self._listener is not None:
            self._listener.close()
        self._listener = socket.create_server(("127.0.0.1", port))
        return self._listener.getsockname()[1]

    def _accepting(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed: the network is gone
            while True:
                client, _ = listener.accept()
                service = socket.create_connection(("127.0.0.1", self._to))
                self._open |= {client, service}
                for source, sink in ((client, service), (service, client)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data.replace(*self._hosts))
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self._open.discard(end)
            end.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.down()
