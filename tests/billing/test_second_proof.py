"""The second proof: codes by RFC 6238, each taken once; recovery codes; who must have it. And what /me changes."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from billing.cli import main
from billing.database import open_database
from billing.hosts.party import Host, add_host
from billing.people import persons, sealed, second_proof, totp
from billing.people.roles import Role
from billing.people.tables import people
from billing.settings import BadSettings, default_database_url, read_settings
from tests.billing.conftest import SERVER_KEY
from tests.billing.desk import PASSWORD, Desk, open_desk, sign_in
from tests.billing.people import Browser
from tests.billing.stories import NOON

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    with open_desk(database_url) as desk:
        yield desk


def set_up(desk: Desk, browser: Browser, current: str = "") -> tuple[str, list[str]]:
    """The generator's secret and the recovery codes, read off the pages."""
    page = browser.get("/sign-in/second-proof").text
    secret = re.findall(r'name="secret" value="([A-Z2-7]{32})"', page)[0]
    fields = {"secret": secret, "code": totp.code_of(secret, totp.step_at(desk.clock())), "current": current}
    done = browser.post("/sign-in/second-proof", data=fields)
    assert done.status_code == 200, done.text
    return secret, re.findall(r'<li class="mono">([^<]+)</li>', done.text)


def give_code(browser: Browser, code: str) -> int:
    return browser.post("/sign-in/code", data={"code": code}, allow_redirects=False).status_code


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"),
     (2000000000, "69279037"), (20000000000, "65353130")],
)  # fmt: skip
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)

    assert totp.code_of(RFC_SECRET, totp.step_at(moment), digits=8) == code


def test_a_clock_half_a_minute_off_is_taken_and_one_of_two_minutes_is_not() -> None:
    step = totp.step_at(NOON)
    taken = [
        totp.step_of_code(RFC_SECRET, totp.code_of(RFC_SECRET, step + off), NOON, None) for off in (-4, -1, 0, 1, 4)
    ]

    assert taken == [None, step - 1, step, step + 1, None]
    assert totp.step_of_code(RFC_SECRET, totp.code_of(RFC_SECRET, step), NOON, step) is None


def test_who_moves_money_sets_up_a_second_proof_before_any_page_opens(desk: Desk) -> None:
    browser = desk.signed_up("fin", Role.FINANCE)
    assert browser.get("/operator").url.startswith(f"{desk.url}/sign-in/second-proof")
    _, recovery = set_up(desk, browser)

    assert len(set(recovery)) == 10
    assert browser.get("/operator").url == f"{desk.url}/operator"


def test_a_password_alone_opens_nothing_where_a_code_is_asked_for_and_each_code_counts_once(desk: Desk) -> None:
    secret, _ = set_up(desk, desk.signed_up("ole"))
    browser, second = desk.browser(), desk.browser()
    assert sign_in(browser, "ole", PASSWORD) == 303
    half = browser.cookies["session"]
    assert "/sign-in/code" in browser.get("/operator").url
    assert give_code(browser, totp.code_of(secret, totp.step_at(desk.clock()))) == 403  # used to set it up
    desk.clock.pass_by(timedelta(seconds=30))
    code = totp.code_of(secret, totp.step_at(desk.clock()))
    assert give_code(browser, f"{code[:3]} {code[3:]}") == 303
    assert browser.cookies["session"] != half
    assert browser.get("/operator").url == f"{desk.url}/operator"
    sign_in(second, "ole", PASSWORD)

    assert give_code(second, code) == 403
    assert any("gave a wrong code" in deed for deed in desk.deeds())


def test_a_recovery_code_opens_once_however_it_is_typed(desk: Desk) -> None:
    _, recovery = set_up(desk, desk.signed_up("ole"))
    for typed, status in ((recovery[0].lower().replace("-", " "), 303), (recovery[0], 403), (recovery[1], 303)):
        browser = desk.browser()
        sign_in(browser, "ole", PASSWORD)
        assert give_code(browser, typed) == status


def test_guessing_codes_is_slowed_to_five_minutes_a_guess(desk: Desk) -> None:
    set_up(desk, desk.signed_up("ole"))
    browser = desk.browser()
    sign_in(browser, "ole", PASSWORD)
    tries = 0
    for _ in range(60):
        tries += give_code(browser, "000000") == 403
        desk.clock.pass_by(timedelta(seconds=9))

    assert tries == 13  # in nine minutes: five at once, then after 1, 2, 4, 8, 16, 32, 64 and 128 seconds


def test_replacing_a_generator_asks_for_a_code_of_the_present_one(desk: Desk) -> None:
    browser = desk.signed_up("ole")
    _, recovery = set_up(desk, browser)
    secret = totp.new_secret()
    fields = {"secret": secret, "code": totp.code_of(secret, totp.step_at(desk.clock())), "current": "000000"}
    assert browser.post("/sign-in/second-proof", data=fields).status_code == 403
    _, newer = set_up(desk, browser, current=recovery[0])

    assert not set(newer) & set(recovery)


def test_a_generators_secret_is_sealed_for_its_person_and_opens_with_no_other_key(desk: Desk) -> None:
    secret, _ = set_up(desk, desk.signed_up("ole"))
    with desk.engine.begin() as connection:
        (row,) = connection.execute(select(people.c.person_id, people.c.totp_secret)).all()

    assert secret not in row.totp_secret
    assert base64.b32encode(sealed.unseal(SERVER_KEY, row.totp_secret, row.person_id)).decode() == secret
    with pytest.raises(sealed.NotOurs):
        sealed.unseal(SERVER_KEY, row.totp_secret, "somebody else")


def test_a_new_link_does_not_get_around_the_second_proof(desk: Desk) -> None:
    from billing.people.invitations import invite

    set_up(desk, desk.signed_up("ole"))
    with desk.engine.begin() as connection:
        link = invite(connection, persons.known_login(connection, "ole").person.person_id, desk.clock())
    browser = desk.browser()

    assert "/sign-in/code" in browser.post(link, data={"password": PASSWORD, "again": PASSWORD}).url


def test_a_changed_password_signs_all_other_browsers_out_and_wants_the_present_one(desk: Desk) -> None:
    browser, other = desk.signed_up("ole"), desk.browser()
    sign_in(other, "ole", PASSWORD)
    newer = "eight kiosks in the harbour"
    fields = {"current": "wrong", "password": newer, "again": newer}
    assert browser.post("/me/password", data=fields).status_code == 403
    done = browser.post("/me/password", data={**fields, "current": PASSWORD})

    assert "The password is changed" in done.text
    assert "/sign-in" in other.get("/operator").url
    assert sign_in(desk.browser(), "ole", PASSWORD) == 403 and sign_in(desk.browser(), "ole", newer) == 303


def test_sessions_are_listed_and_ended_one_by_one_or_all(desk: Desk) -> None:
    browser, other, third = desk.signed_up("ole"), desk.browser(), desk.browser()
    other.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    sign_in(other, "ole", PASSWORD)
    sign_in(third, "ole", PASSWORD)
    page = browser.get("/me").text
    assert page.count("127.0.0.1") == 3 and "Firefox, Linux" in page and "this browser" in page
    for session in re.findall(r'name="session" value="([0-9a-f]{64})"', page)[:1]:
        browser.post("/me/sessions/end", data={"session": session})
    alive = [one for one in (other, third) if "/sign-in" not in one.get("/me").url]
    assert len(alive) == 1
    browser.post("/me/sessions/end-all")

    assert "/sign-in" in browser.get("/me").url and "/sign-in" in alive[0].get("/me").url


def test_nobody_ends_the_session_of_another(desk: Desk) -> None:
    mine, theirs = desk.signed_up("ole"), desk.signed_up("eva")
    page = theirs.get("/me").text
    sign_in(desk.browser(), "eva", PASSWORD)
    (session,) = re.findall(r'name="session" value="([0-9a-f]{64})"', theirs.get("/me").text)
    mine.post("/me/sessions/end", data={"session": session})

    assert 'name="session"' not in page and session in theirs.get("/me").text


def test_a_host_may_remove_the_generator_and_who_moves_money_may_not(desk: Desk) -> None:
    host, finance = desk.signed_up("host", Role.HOST), desk.signed_up("fin", Role.FINANCE)
    codes = {browser: set_up(desk, browser)[1] for browser in (host, finance)}
    refused = finance.post("/me/second-proof/remove", data={"code": codes[finance][0]})
    assert refused.status_code == 403 and "keeps its second proof" in refused.text
    done = host.post("/me/second-proof/remove", data={"code": codes[host][0]})

    assert "The code generator is removed" in done.text
    assert sign_in(desk.browser(), "host", PASSWORD) == 303


def test_administrators_add_people_by_a_link_and_nobody_else_does(desk: Desk) -> None:
    admin, operator = desk.of(Role.ADMIN), desk.of(Role.OPERATOR)
    fields = {"login": "eva@harbour.example", "name": "Eva", "role": "host", "host_id": "pier-4"}
    assert operator.post("/operator/people", data=fields).status_code == 403
    assert "/operator/people" not in operator.get("/operator").text
    assert "a host wants" in admin.post("/operator/people", data={**fields, "host_id": ""}).text
    assert "no host &#39;pier-4&#39;" in admin.post("/operator/people", data=fields).text
    with desk.engine.begin() as connection:
        add_host(connection, Host("pier-4", "Pier 4", "Pier 4, 20457 Hamburg", "EUR"), NOON)
    made = admin.post("/operator/people", data=fields).text
    (link,) = re.findall(rf"{desk.url}(/sign-up/[\w-]+)", made)
    assert "Welcome, Eva" in desk.browser().get(link).text

    eva = re.findall(r"/operator/people/([0-9a-f]+)/disable", admin.get("/operator/people").text)
    assert len(eva) == 3
    with desk.engine.begin() as connection:
        person_id = persons.known_login(connection, "eva@harbour.example").person.person_id
    assert "Disabled" in admin.post(f"/operator/people/{person_id}/disable").text
    assert desk.browser().get(link).status_code == 404
    log = admin.get(f"/operator/audit?subject={person_id}").text
    assert "added eva@harbour.example as host" in log and "disabled eva@harbour.example" in log
    assert operator.get("/operator/audit").status_code == 403


def test_the_last_administrator_is_not_disabled_by_a_click(desk: Desk) -> None:
    admin = desk.of(Role.ADMIN)
    with desk.engine.begin() as connection:
        (only,) = persons.everybody(connection)
    answer = admin.post(f"/operator/people/{only.person.person_id}/disable")

    assert answer.status_code == 422 and "the last administrator" in answer.text


def test_a_lost_phone_is_answered_by_an_administrator(desk: Desk) -> None:
    set_up(desk, desk.signed_up("fin", Role.FINANCE))
    with desk.engine.begin() as connection:
        person_id = persons.known_login(connection, "fin").person.person_id
    desk.of(Role.ADMIN).post(f"/operator/people/{person_id}/remove-second-proof")
    browser = desk.browser()
    sign_in(browser, "fin", PASSWORD)

    assert "/sign-in/second-proof" in browser.get("/operator").url


def test_the_command_line_answers_where_the_last_administrator_lost_their_phone(
    tmp_path: Path, at_database: list[str]
) -> None:
    data = ["--data-dir", str(tmp_path / "data"), *at_database]
    assert main(["init", *data]) == 0
    engine = open_database(at_database[1] if at_database else default_database_url(tmp_path / "data"))
    key = read_settings(tmp_path / "data").server_key
    with engine.begin() as connection:
        admin = persons.known_login(connection, "admin").person
        second_proof.enrol(connection, key, admin.person_id, totp.new_secret(), 1)
        assert persons.known_login(connection, "admin").proofs == ["code generator"]
    assert main(["person", "reset", "admin", "--second-proof", *data]) == 0

    with engine.begin() as connection:
        assert persons.known_login(connection, "admin").proofs == []
        assert second_proof.recovery_codes_left(connection, admin.person_id) == 0
    engine.dispose()


@pytest.mark.parametrize(
    "url", ["charge.example.org", "https://", "https://x.org/pay", "ftp://x.org", "https://x.org?a"]
)
def test_a_public_address_that_cannot_be_one_is_refused(tmp_path: Path, url: str) -> None:
    (tmp_path / "billing.toml").write_text(f'public_url = "{url}"\n')
    with pytest.raises(BadSettings, match="public_url"):
        read_settings(tmp_path)


def test_a_password_of_weaker_making_is_made_anew_at_the_next_sign_in(desk: Desk) -> None:
    from argon2 import PasswordHasher

    desk.signed_up("ole")
    weak = PasswordHasher(time_cost=1, memory_cost=512, parallelism=1).hash(PASSWORD)
    with desk.engine.begin() as connection:
        connection.execute(update(people).values(password_hash=weak))
    assert sign_in(desk.browser(), "ole", PASSWORD) == 303

    with desk.engine.begin() as connection:
        assert "m=1024" in (persons.known_login(connection, "ole").password_hash or "")
    assert sign_in(desk.browser(), "ole", PASSWORD) == 303
