"""The API over real sockets: enrolment, signatures, nonces, limits, and one charge from code to receipt."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import requests
from sqlalchemy import Engine, func, select

from billing.commands import queue_command
from billing.database import open_database
from billing.enrolment import new_code
from billing.server_key import public_hex
from billing.settings import Settings
from billing.tables import alarms, cdrs, commands, events, quarantine
from contract.api import (
    AuthorizeAnswer,
    AuthorizeRequest,
    AuthorizeStatus,
    CommandAnswer,
    Commands,
    CommandStatus,
    Disclaim,
    EnrolAnswer,
    EnrolRequest,
    Row,
    RowAnswer,
    RowBatch,
    RowKind,
)
from contract.codec import from_bytes
from contract.commands import Command, CommandKind, read_command
from contract.identity import TokenKind
from contract.tokens import read_list
from tests.billing.client import Kiosk, running
from tests.billing.conftest import SERVER_KEY
from tests.billing.stories import CARD, charge, rows_of


@dataclass
class Place:
    url: str
    engine: Engine
    code: str

    def kiosk(self) -> Kiosk:
        """An enrolled kiosk."""
        kiosk = Kiosk(self.url)
        answer = requests.post(
            f"{self.url}/v1/enrol",
            json={"code": self.code, "public_key": kiosk.public_key, "board_serial": kiosk.serial},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return kiosk

    def alarm_codes(self) -> list[str]:
        with self.engine.begin() as connection:
            return sorted(connection.execute(select(alarms.c.code)).scalars())


@pytest.fixture
def place(database_url: str) -> Iterator[Place]:
    engine = open_database(database_url)
    with engine.begin() as connection:
        code = new_code(connection, "hk-07", datetime.now(UTC))
    settings = Settings(database_url, SERVER_KEY)
    with running(settings) as base_url:
        yield Place(base_url, engine, code)
    engine.dispose()


def rows() -> tuple[str, str, RowBatch]:
    """What a kiosk sends of a charge."""
    return "POST", "/v1/rows", RowBatch("", tuple(rows_of(charge())))


def ask(token: str = CARD) -> AuthorizeRequest:
    ids = [uuid.uuid4().hex for _ in range(3)]
    return AuthorizeRequest(ids[0], ids[1], ids[2], 1, TokenKind.ISO14443, token)


def test_a_charge_goes_from_enrolment_code_to_receipt(place: Place) -> None:
    kiosk = place.kiosk()
    asked = ask()
    first = kiosk.send("POST", "/v1/authorize", asked)
    again = kiosk.send("POST", "/v1/authorize", asked)
    answer = from_bytes(AuthorizeAnswer, first.content)
    assert answer.status is AuthorizeStatus.ACCEPTED and first.content == again.content
    assert answer.offer is not None and answer.account_id == "anna"

    waiting = requests.get(f"{place.url}/r/{asked.receipt_id}", timeout=30)
    assert waiting.status_code == 200 and "not arrived yet" in waiting.text

    story = charge(
        transaction_id=asked.transaction_id,
        order_id=asked.order_id,
        receipt_id=asked.receipt_id,
        offer=answer.offer,
    )
    sent = kiosk.send("POST", "/v1/rows", RowBatch("", tuple(rows_of(story))))
    taken = from_bytes(RowAnswer, sent.content)
    assert taken.acknowledged == tuple(range(1, len(story) + 1)) and not taken.quarantined

    receipt = requests.get(f"{place.url}/R/{asked.receipt_id.upper()}", headers={"Accept-Language": "de"}, timeout=30)
    assert "1,01\u00a0€" in receipt.text and "Angesteckt" not in receipt.text
    cdr = requests.get(f"{place.url}/r/{asked.receipt_id}/cdr.json", timeout=30).json()
    assert cdr["kiosk"]["rounded"]["incl_vat_minor"] == 101 and cdr["total_energy"] == 0.75


def test_an_enrolment_code_works_once_and_its_lost_answer_can_be_had_again(place: Place) -> None:
    kiosk = Kiosk(place.url)
    request = EnrolRequest(place.code.lower().replace("-", " "), kiosk.public_key, kiosk.serial)
    url = f"{place.url}/v1/enrol"
    body = {"code": request.code, "public_key": request.public_key, "board_serial": request.board_serial}
    first = requests.post(url, json=body, timeout=30)
    again = requests.post(url, json=body, timeout=30)
    thief = requests.post(url, json={**body, "public_key": Kiosk(place.url).public_key}, timeout=30)

    answer = from_bytes(EnrolAnswer, first.content)
    assert answer.kiosk_id == "hk-07" and answer.server_keys == (public_hex(SERVER_KEY),)
    assert again.content == first.content
    assert thief.status_code == 403 and "used already" in thief.json()["error"]


def test_a_replaced_board_is_enrolled_again_with_the_same_key(place: Place) -> None:
    kiosk = place.kiosk()
    with place.engine.begin() as connection:
        place.code = new_code(connection, "hk-07", datetime.now(UTC))
    assert kiosk.send(*rows()).status_code == 200
    body = {"code": place.code, "public_key": kiosk.public_key, "board_serial": "a-new-board"}
    assert requests.post(f"{place.url}/v1/enrol", json=body, timeout=30).status_code == 200

    refused = [kiosk.send(*rows()).status_code for _ in range(2)]
    assert refused == [401, 401], "the former board, heard of a moment ago"
    kiosk.serial = "a-new-board"
    assert kiosk.send("GET", "/v1/list?after=0").status_code == 200
    assert kiosk.send(*rows()).status_code == 200


def test_a_new_enrolment_locks_the_former_key_out_and_takes_none_of_its_rows(place: Place) -> None:
    former = place.kiosk()
    assert former.send(*rows()).status_code == 200
    with place.engine.begin() as connection:
        place.code = new_code(connection, "hk-07", datetime.now(UTC))
        before = connection.execute(select(func.count()).select_from(events)).scalar_one()
    following = place.kiosk()

    assert former.send(*rows()).status_code == 401
    assert former.send("GET", "/v1/list?after=0").status_code == 401
    with place.engine.begin() as connection:
        assert connection.execute(select(func.count()).select_from(events)).scalar_one() == before
    assert following.send(*rows()).status_code == 200


def test_guessing_enrolment_codes_is_slowed_down(place: Place) -> None:
    body = {"code": "WRONG", "public_key": Kiosk(place.url).public_key, "board_serial": "x"}
    statuses = [requests.post(f"{place.url}/v1/enrol", json=body, timeout=30).status_code for _ in range(7)]

    assert statuses == [403] * 5 + [429] * 2


def test_a_request_counts_once_and_only_with_its_own_signature(place: Place) -> None:
    kiosk = place.kiosk()
    assert kiosk.send("GET", "/v1/list?after=0").status_code == 200
    used = kiosk.nonce
    assert kiosk.send("GET", "/v1/list?after=0").status_code == 200

    kiosk.nonce = used
    assert kiosk.send("GET", "/v1/list?after=0").status_code == 401
    used = kiosk.nonce
    assert kiosk.send(*rows()).status_code == 200
    kiosk.nonce = used
    assert kiosk.send(*rows()).status_code == 401
    assert kiosk.send("GET", "/v1/list?after=0").status_code == 200  # the refusal brought a fresh nonce
    assert kiosk.send("GET", "/v1/list?after=0", **{"Kiosk-Boot": "another"}).status_code == 401
    stranger = Kiosk(place.url)
    assert stranger.send("GET", "/v1/list?after=0").status_code == 401
    assert stranger.send(*rows()).status_code == 401
    assert requests.get(f"{place.url}/v1/list?after=0", timeout=30).status_code == 401


def test_a_key_on_another_board_is_refused_and_alarms(place: Place) -> None:
    kiosk = place.kiosk()
    assert kiosk.send("GET", "/v1/list?after=0").status_code == 200
    kiosk.serial = "another-board"

    assert kiosk.send("GET", "/v1/list?after=0").status_code == 403
    assert place.alarm_codes() == ["other_board"]


def test_two_kiosks_with_one_key_alarm_and_the_honest_ones_rows_still_count(place: Place) -> None:
    kiosk = place.kiosk()
    for boot_id in ("boot-1", "boot-2"):
        kiosk.boot_id = boot_id
        kiosk.send("GET", "/v1/list?after=0")
    assert place.alarm_codes() == []  # a restart is no second kiosk

    kiosk.boot_id = "boot-1"
    sent = kiosk.send("POST", "/v1/rows", RowBatch("", tuple(rows_of(charge()))))
    assert sent.status_code == 200
    assert place.alarm_codes() == ["second_live_use"]
    with place.engine.begin() as connection:
        assert len(connection.execute(select(cdrs.c.cdr_id)).all()) == 1


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "not JSON"),
        (b'{"epoch":"","rows":[],"more":1}', "more: unknown key"),
        (b'{"epoch":"","rows":[{"kind":"audit"}]}', "journal_no"),
        (b"[" * 20_000, "not JSON"),
    ],
)
def test_a_batch_that_is_none_gets_one_clear_line(place: Place, body: bytes, word: str) -> None:
    answer = place.kiosk().send("POST", "/v1/rows", body)

    assert answer.status_code == 422
    assert word in answer.json()["error"] and "\n" not in answer.json()["error"]


def test_a_row_of_an_unknown_kind_is_kept_aside_and_its_neighbours_are_taken(place: Place) -> None:
    rows = [json.loads(json.dumps({"journal_no": 9, "kind": "hologram", "body": "{}"}))]
    rows += [{"journal_no": row.journal_no, "kind": row.kind.value, "body": row.body} for row in rows_of(charge(), 10)]
    answer = place.kiosk().send("POST", "/v1/rows", json.dumps({"epoch": "", "rows": rows}).encode())
    taken = from_bytes(RowAnswer, answer.content)

    assert sorted(taken.acknowledged) == [row["journal_no"] for row in rows]
    assert [one.journal_no for one in taken.quarantined] == [9]
    with place.engine.begin() as connection:
        assert connection.execute(select(quarantine.c.code)).scalars().all() == ["malformed"]


def test_a_body_above_its_limit_is_refused(place: Place) -> None:
    rows = (Row(1, RowKind.AUDIT, "x" * 5_000_000),)

    assert place.kiosk().send("POST", "/v1/rows", RowBatch("", rows)).status_code == 413


def test_the_list_is_sent_when_it_changed_and_only_then(place: Place) -> None:
    kiosk = place.kiosk()
    text = kiosk.send("GET", "/v1/list?after=0").text
    known = read_list(text, [SERVER_KEY.public_key()])

    assert set(known.offers) == {"1", "2"} and len(known.entries) == 1
    assert kiosk.send("GET", f"/v1/list?after={known.version}").status_code == 204


def test_a_long_poll_answers_as_soon_as_a_command_comes(place: Place) -> None:
    kiosk = place.kiosk()
    assert from_bytes(Commands, kiosk.send("GET", "/v1/commands?wait_s=0").content).commands == ()
    found: list[Commands] = []
    poll = threading.Thread(
        target=lambda: found.append(from_bytes(Commands, kiosk.send("GET", "/v1/commands?wait_s=30").content))
    )
    poll.start()
    time.sleep(0.2)
    with place.engine.begin() as connection:
        stop = Command("", CommandKind.STOP, 60, transaction_id="t1")
        command_id = queue_command(connection, "hk-07", stop, datetime.now(UTC))
    poll.join(30)

    keys = [SERVER_KEY.public_key()]
    assert [read_command(text, keys, "hk-07").command_id for text in found[0].commands] == [command_id]
    for status in (CommandStatus.ACCEPTED, CommandStatus.REJECTED):
        assert kiosk.send("POST", "/v1/commands/answer", CommandAnswer(command_id, status)).status_code == 204
    with place.engine.begin() as connection:
        assert connection.execute(select(commands.c.status)).scalar_one() == "Accepted"


def test_a_disclaimed_ask_is_not_accepted_later(place: Place) -> None:
    kiosk = place.kiosk()
    asked = ask()
    kiosk.send("POST", "/v1/authorize", asked)
    assert kiosk.send("POST", "/v1/disclaim", Disclaim((asked.transaction_id,))).status_code == 204
    answer = from_bytes(AuthorizeAnswer, kiosk.send("POST", "/v1/authorize", asked).content)

    assert answer.status is AuthorizeStatus.EXPIRED
    assert kiosk.send("POST", "/v1/authorize", replace(asked, transaction_id="")).status_code == 422
