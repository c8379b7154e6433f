"""`kiosk-uplink`: joins the controller's socket and the server, and does what the drain says."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contract.codec import WireError
from kiosk.config import Config, ConfigError, Enrolment, NotEnrolled, load, url_problem
from kiosk.tls import KNOWN_TIME_FILE, BadAuthority, authority_file, trust
from kiosk.uplink.drain import LONGEST_REASON, Answer, Drain, DrainSettings, FetchRequest, Lane, ServerRequest
from kiosk.uplink.exchange import Exchange, RefusedByServer, Session, Unreachable
from kiosk.uplink.identity import Identity, load_identity, read_board_serial
from kiosk.uplink.known_time import KnownTime
from kiosk.wire import LONGEST_LINE, UplinkSays, WhyOffline, pack, read_hears, says_line, unpack

log = logging.getLogger("kiosk.uplink")

RECONNECT_LEAST_S, RECONNECT_MOST_S = 0.2, 5.0
ENROLMENT_LOOK_S = 2.0
LONGEST_SLEEP_S = 3600.0
PAYMENT_PATIENCE_S = 12.0  # the server waits for the payment provider before it answers


class Uplink:
    """One controller connection after the other; the drain outlives them."""

    def __init__(self, config: Config, identity: Identity, server_url: str) -> None:
        """Raises BadAuthority."""
        server, state_dir = config.server, Path(config.kiosk.state_dir)
        known_time = KnownTime(state_dir / "uplink" / KNOWN_TIME_FILE)
        ca_file = authority_file(server.ca_file, state_dir)
        self._socket_path = config.kiosk.socket
        self._drain = Drain(
            DrainSettings(
                poll_s=server.poll_s,
                list_every_s=server.list_every_s,
                retry_least_s=server.retry_least_s,
                retry_most_s=server.retry_most_s,
            ),
            random.random,
        )
        self._lanes: dict[Lane, tuple[ThreadPoolExecutor, Exchange]] = {}
        for lane in Lane:
            session = Session(trust(ca_file, known_time.bound), known_time)
            patience_s = server.timeout_s if lane is not Lane.PAYMENT else max(server.timeout_s, PAYMENT_PATIENCE_S)
            exchange = Exchange(server_url, identity, patience_s, session)
            self._lanes[lane] = (ThreadPoolExecutor(1, f"uplink-{lane}"), exchange)
        self._told = ""  # why the server does not answer, as it stands in the log
        self._because: WhyOffline | None = None  # the same, for the controller
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """For ever; cancelled by the signal to stop."""
        pause_s = RECONNECT_LEAST_S
        while True:
            try:
                reader, self._writer = await asyncio.open_unix_connection(self._socket_path, limit=LONGEST_LINE)
                pause_s = RECONNECT_LEAST_S
                log.info("controller found at %s", self._socket_path)
                await self._serve(reader)
            except (OSError, WireError, ValueError) as error:
                log.warning("controller at %s: %s", self._socket_path, error)
            finally:
                self._drain.lost()
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(RECONNECT_MOST_S, pause_s * 2)

    async def _serve(self, reader: asyncio.StreamReader) -> None:
        """While the controller is there. Raises OSError, WireError, ValueError (a line too long)."""
        assert self._writer is not None
        self._writer.write(pack({"hello": "uplink"}))
        self._say(self._drain.connected(time.monotonic()))
        self._say((self._because,) if self._because is not None else ())
        sending = asyncio.create_task(self._send())
        try:
            while line := await reader.readline():
                heard = unpack(line)
                if why := heard.get("refused") or heard.get("error"):
                    raise WireError(f"the controller says: {why}")
                self._drain.heard(read_hears(heard), time.monotonic())
                self._news.set()
                if sending.done():
                    sending.result()
            raise ConnectionResetError("it closed the connection")
        finally:
            sending.cancel()
            await asyncio.wait([sending])  # unlike awaiting it, this leaves our own cancellation alone

    async def _send(self) -> None:
        """Start whatever may go, then sleep until something happened or a deadline came."""
        while True:
            self._news.clear()
            while (request := self._drain.next_request(time.monotonic())) is not None:
                if isinstance(request, FetchRequest):
                    self._say((request.fetch,))
                else:
                    task = asyncio.create_task(self._carry(request))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
            sleep_s = min(LONGEST_SLEEP_S, max(0.0, self._drain.deadline_s - time.monotonic()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(sleep_s):  # wait_for of 3.11 may swallow a cancellation that meets the news
                    await self._news.wait()

    async def _carry(self, request: ServerRequest) -> None:
        pool, exchange = self._lanes[request.lane]
        was_online = self._drain.is_online
        try:
            answer: Answer = await asyncio.get_running_loop().run_in_executor(pool, exchange.carry, request)
        except Unreachable as error:
            if was_online or str(error) != self._told:
                self._told = str(error)
                log.warning("server: %s", error)
            says = (*self._drain.failed(request, time.monotonic()), *self._why(error))
        except RefusedByServer as error:
            log.error("server refuses %s: %s", type(request).__name__, error)
            says = self._drain.refused(request, time.monotonic(), str(error))
        else:
            if not self._drain.is_online:  # now, not when it was sent: another lane may have failed meanwhile
                self._told, self._because = "", None
                log.info("server answers")
            says = self._drain.succeeded(request, answer, time.monotonic())
        self._say(says)
        self._news.set()

    def _why(self, error: Unreachable) -> tuple[UplinkSays, ...]:
        """Said once per cause; its words may change with every try."""
        if self._because is not None and self._because.because is error.because:
            return ()
        self._because = WhyOffline(error.because, str(error)[:LONGEST_REASON])
        return (self._because,)

    def _say(self, says: tuple[UplinkSays, ...]) -> None:
        """To the controller, if it is there; what it misses then it will ask for again, or the server resends."""
        if self._writer is not None and not self._writer.is_closing():
            for said in says:
                self._writer.write(pack(says_line(said)))


async def wait_for_enrolment(config: Config, serial: str) -> tuple[Identity, Enrolment]:
    """Looks again and again; says once why it waits."""
    told = ""
    while True:
        try:
            return load_identity(Path(config.kiosk.state_dir), serial)
        except NotEnrolled as error:
            if str(error) != told:
                log.warning("%s", error)
                told = str(error)
        await asyncio.sleep(ENROLMENT_LOOK_S)


async def run(config: Config) -> None:
    serial = config.kiosk.board_serial or read_board_serial()
    identity, enrolment = await wait_for_enrolment(config, serial)
    url = config.server.url or enrolment.server_url
    if why := url_problem(url):
        raise NotEnrolled(f"{url}: {why}")
    log.info("kiosk %s, server %s", identity.kiosk_id, url)
    await Uplink(config, identity, url).run()


def main() -> int:
    parser = argparse.ArgumentParser(prog="kiosk-uplink", description="Carries the kiosk's questions and records.")
    parser.add_argument("--config", default=os.environ.get("KIOSK_CONFIG", "/etc/kiosk/kiosk.toml"))
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
    try:
        config = load(options.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2

    async def until_stopped() -> None:
        task = asyncio.create_task(run(config))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    try:
        asyncio.run(until_stopped())
    except (NotEnrolled, BadAuthority) as error:
        print(error, file=sys.stderr)
        return 1
    sys.stderr.flush()
    os._exit(0)  # a long poll under way in a thread must not hold the exit for half a minute


if __name__ == "__main__":
    sys.exit(main())
