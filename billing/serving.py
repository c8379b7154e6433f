"""Running the web server: one process, or several workers behind one socket on PostgreSQL.

Law:
- SQLite has one writing process, so several workers are refused there.
- A worker that dies or hangs is replaced; a signal to stop lets every request end that has begun. A worker whose
  parent is gone stops by itself, as nobody would replace or stop it any more.
- A client has HEAD_PATIENCE_S to send the head of a request and BODY_PATIENCE_S (billing.api.gate) for its body; more
  than MOST_CONNECTIONS at a time are answered 503. So slow or many clients cost a bounded number of sockets.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import socket
import sys
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from billing.app import create_app
from billing.database import open_database
from billing.front import log_to
from billing.migrations import migrate
from billing.settings import default_database_url, read_settings

MOST_WORKERS = 64
MOST_CONNECTIONS = 2_000  # of one worker; a kiosk in contact holds two
HEAD_PATIENCE_S = 10.0
IDLE_CONNECTION_S = 75  # a kiosk comes back sooner
STOP_PATIENCE_S = 20
HUNG_AFTER_S = 60  # a worker answers its parent from its first import on, which a busy machine may take long to reach
SWITCH_AFTER_S = 0.0005
GARBAGE_THRESHOLD = 100_000  # objects, a dozen megabytes; an upload of 100 rows makes more than Python's 700
OPEN_FILES = 3 * MOST_CONNECTIONS


@dataclass(frozen=True, slots=True)
class Options:
    """`certificate` and `key`: PEM files, None for plain HTTP; `access_log`: a file, "-", or "" for none."""

    data_dir: Path
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    certificate: Path | None = None
    key: Path | None = None
    is_behind_proxy: bool = False
    access_log: str = ""


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 for clients that may be slow on purpose: half a head is not waited for."""

    head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            if self.head_timer is None:
                self._await_head()
        else:
            self._forget_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_timer()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self.head_timer = self.loop.call_later(HEAD_PATIENCE_S, self.transport.abort)

    def _forget_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None


class Workers(Multiprocess):
    """One that is killed just as it is asked whether it lives is replaced at once: as nobody here holds the other end
    of its answer, the line breaks instead of being waited for."""

    def keep_subprocess_alive(self) -> None:
        for worker in self.processes:
            worker.child_conn.close()
        super().keep_subprocess_alive()


def serve(options: Options) -> None:
    """Serve until a signal says stop. Raises ValueError for what cannot be, OSError where the port is taken."""
    url = options.database_url or default_database_url(options.data_dir)
    if not 1 <= options.workers <= MOST_WORKERS:
        raise ValueError(f"--workers {options.workers}: want 1 to {MOST_WORKERS}")
    if options.workers > 1 and url.startswith("sqlite"):
        raise ValueError(
            f"--workers {options.workers}: SQLite is written by one process; several workers want PostgreSQL "
            "(--database postgresql://…)"
        )
    engine = open_database(url)
    migrate(engine)  # once, before workers begin
    engine.dispose()
    _allow_files()
    config = uvicorn.Config(
        partial(_app, options),
        factory=True,
        http=PatientProtocol,
        workers=options.workers,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=IDLE_CONNECTION_S,
        timeout_graceful_shutdown=STOP_PATIENCE_S,
        timeout_worker_healthcheck=HUNG_AFTER_S,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )
    listener = _listener(options)
    host = f"[{options.host}]" if ":" in options.host else options.host
    scheme, port = "http" if options.certificate is None else "https", listener.getsockname()[1]
    print(f"kiosk-billing: serving at {scheme}://{host}:{port}", file=sys.stderr, flush=True)
    if options.workers == 1:
        uvicorn.Server(config).run([listener])
    else:
        Workers(config, [listener]).run()
    listener.close()


def _app(options: Options) -> FastAPI:
    """Made in the process that serves it."""
    if (parent := parent_process()) is not None:
        Thread(target=_stop_with, args=(parent,), name="watches-parent", daemon=True).start()
    if options.access_log:
        log_to(options.access_log)
    # What was imported lives as long as the process: the collector need not look at it again and again.
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
    # The writer asks SQLite many short questions and wants the interpreter back after each; a loop that reads a large
    # upload would keep it for Python's 5 ms every time.
    sys.setswitchinterval(SWITCH_AFTER_S)
    settings = read_settings(options.data_dir, options.database_url)
    return create_app(replace(settings, is_behind_proxy=options.is_behind_proxy))


def _stop_with(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _listener(options: Options) -> socket.socket:
    """Bound here, so that all workers take connections from one queue."""
    family: Any = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        raise OSError(f"{options.host} port {options.port}: {error.strerror}") from error
    listener.set_inheritable(True)
    return listener


def _allow_files() -> None:
    """A connection is an open file; many systems allow 1024 unless asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
