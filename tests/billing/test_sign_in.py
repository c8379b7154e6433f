"""Staff and hosts come in and go: sign-up link, password, session, forms; over real HTTP on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from billing.cli import main
from billing.people import invitations, pace, passwords, persons
from billing.people.next_page import safe_next
from billing.people.passwords import Weak, check_choice
from billing.people.roles import Role
from billing.people.tables import audit_log, web_sessions
from billing.settings import Settings
from tests.billing.client import running
from tests.billing.conftest import SERVER_KEY
from tests.billing.desk import PASSWORD, Desk, open_desk, sign_in
from tests.billing.people import Browser, add, key_for
from tests.billing.stories import NOON


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    with open_desk(database_url) as desk:
        yield desk


def test_somebody_invited_chooses_a_password_and_signs_in_with_it_from_then_on(desk: Desk) -> None:
    link = desk.link_for("ole@harbour.example")
    first = desk.browser()
    page = first.get(link)
    assert "<title>Choose a password · " in page.text
    assert "Welcome, Ole Olsen" in page.text and "ole@harbour.example" in page.text
    too_short = first.post(link, data={"password": "short", "again": "short"})
    assert too_short.status_code == 422 and "At least 12 characters" in too_short.text
    assert "not the same" in first.post(link, data={"password": PASSWORD, "again": PASSWORD + "x"}).text
    assert first.post(link, data={"password": PASSWORD, "again": PASSWORD}).url == f"{desk.url}/operator"
    assert first.get(link).status_code == 404  # once

    second = desk.browser()
    asked = second.get("/operator/sessions?kiosk=hk-07")
    assert asked.url.endswith("/sign-in?next=%2Foperator%2Fsessions%3Fkiosk%3Dhk-07")
    fields = {"login": "Ole@Harbour.example ", "password": PASSWORD, "next": "/operator/sessions?kiosk=hk-07"}
    entered = second.post("/sign-in", data=fields)
    assert entered.url == f"{desk.url}/operator/sessions?kiosk=hk-07" and "Ole Olsen" in entered.text
    assert "Ole Olsen chose a password" in desk.deeds()
    assert not any(PASSWORD in deed for deed in desk.deeds())


def test_a_wrong_password_and_an_unknown_name_read_the_same(desk: Desk) -> None:
    desk.signed_up("ole")
    answers = [
        desk.browser().post("/sign-in", data={"login": login, "password": "not the password"})
        for login in ("ole", "nob")
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    texts = {answer.text.replace('value="ole"', "").replace('value="nob"', "") for answer in answers}
    assert len({text.split("<main")[1].split("form_token")[0] for text in texts}) == 1


def test_every_sign_in_has_a_session_of_its_own_and_ends_the_one_brought_along(desk: Desk) -> None:
    desk.signed_up("ole")
    browser = desk.of(Role.OPERATOR)
    brought = browser.cookies["session"]
    assert sign_in(browser, "ole", PASSWORD) == 303

    assert browser.cookies["session"] != brought
    old = desk.browser()
    old.carry(brought)
    assert "/sign-in" in old.get("/operator").url


def test_a_session_ends_when_nobody_was_there_for_an_hour_and_after_twelve_in_any_case(desk: Desk) -> None:
    idle, busy = desk.of(Role.OPERATOR), desk.of(Role.OPERATOR)
    for _ in range(14):
        desk.clock.pass_by(timedelta(minutes=50))
        assert busy.get("/operator", allow_redirects=False).status_code == 200
    assert idle.get("/operator", allow_redirects=False).status_code == 303
    desk.clock.pass_by(timedelta(minutes=50))

    assert busy.get("/operator", allow_redirects=False).status_code == 303


def test_signing_out_ends_the_session_on_the_server_too(desk: Desk) -> None:
    browser = desk.of(Role.OPERATOR)
    token = browser.cookies["session"]
    assert "signed out" in browser.post("/sign-out").text
    thief = desk.browser()
    thief.carry(token)

    assert "/sign-in" in thief.get("/operator").url


def test_whoever_is_disabled_is_out_at_once_and_the_last_administrator_stays(desk: Desk) -> None:
    browser = desk.of(Role.ADMIN)
    with desk.engine.begin() as connection:
        (only,) = persons.everybody(connection)
        with pytest.raises(ValueError, match="the last administrator"):
            persons.set_disabled(connection, only.login, NOON, disabled=True)
    add(desk.engine, Role.ADMIN)
    with desk.engine.begin() as connection:
        persons.set_disabled(connection, only.login, NOON, disabled=True)

    assert "/sign-in" in browser.get("/operator").url


def test_cookies_are_httponly_lax_and_secure_unless_the_browser_is_on_this_machine(desk: Desk) -> None:
    def cookie_of(headers: dict[str, str]) -> str:
        return desk.browser().get("/sign-in", headers=headers).headers["Set-Cookie"]

    here, elsewhere = cookie_of({}), cookie_of({"Host": "charge.example.org"})
    assert here.startswith("form=") and "HttpOnly; Path=/; SameSite=lax" in here and "Secure" not in here
    assert elsewhere.startswith("__Host-form=") and elsewhere.endswith("; Secure") and "Domain" not in elsewhere
    assert "Secure" in cookie_of({"X-Forwarded-Proto": "https"})


def test_behind_a_proxy_cookies_are_secure_whatever_it_calls_us(database_url: str) -> None:
    with running(Settings(database_url, SERVER_KEY, is_behind_proxy=True)) as url:
        assert Browser(url).get("/sign-in").headers["Set-Cookie"].endswith("; Secure")


@pytest.mark.parametrize("token", ["", "0" * 32, "another browser's"], ids=["missing", "made up", "of another browser"])
def test_a_form_counts_only_with_this_browsers_token(desk: Desk, token: str) -> None:
    browser = desk.of(Role.OPERATOR)
    sent = desk.of(Role.OPERATOR).form_token if token == "another browser's" else token
    answer = browser.post("/operator/alarms/hk-07/clear", data={"form_token": sent})

    assert answer.status_code == 403 and "Nothing was changed" in answer.text


def test_no_page_of_another_site_can_frame_ours_or_take_its_forms(desk: Desk) -> None:
    policy = desk.browser().get("/sign-in").headers["Content-Security-Policy"]

    assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy


def test_a_host_does_not_see_the_operators_pages(desk: Desk) -> None:
    answer = desk.of(Role.HOST, "pier-4").get("/operator")

    assert answer.status_code == 403 and "for the operator’s staff" in answer.text


def test_pages_want_a_session_and_the_api_a_key_and_neither_opens_the_others_door(desk: Desk) -> None:
    key = key_for(desk.engine)
    assert desk.browser().get("/operator", headers=key, allow_redirects=False).status_code == 303
    assert desk.of(Role.OPERATOR).get("/v1/operator/orders/x").status_code == 401
    assert desk.browser().get("/v1/operator/orders/x", headers={"Authorization": "Bearer kb_x"}).status_code == 401

    assert desk.browser().get("/v1/operator/orders/x", headers=key).status_code == 404


def test_after_five_wrong_passwords_a_strange_browser_waits_and_the_known_one_does_not(desk: Desk) -> None:
    known = desk.signed_up("ole")
    known.cookies.clear(domain="127.0.0.1", path="/", name="session")
    strange = desk.browser()
    assert [sign_in(strange, "ole", "guess") for _ in range(7)] == [403] * 5 + [429] * 2
    assert sign_in(strange, "ole", PASSWORD) == 429

    assert sign_in(known, "ole", PASSWORD) == 303
    desk.clock.pass_by(timedelta(seconds=2))
    assert sign_in(strange, "ole", PASSWORD) == 303  # slower, never locked out


def test_the_pause_doubles_to_its_longest() -> None:
    pauses = [pace.pause_s(attempts, 0, pace.Limit(5, 30)) for attempts in range(3, 12)]

    assert pauses == [0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert pace.pause_s(7, 3.5, pace.Limit(5, 30)) == 1 and pace.pause_s(1_000_000, 0, pace.Limit(5, 30)) == 30


@pytest.mark.parametrize(
    "asked",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\/evil.example", "/\t/evil.example", "evil", "",
     "/a b", "javascript:alert(1)", "/" + "x" * 600],
)  # fmt: skip
def test_nobody_is_led_off_this_server_after_signing_in(asked: str) -> None:
    assert safe_next(asked) == ""


def test_a_path_with_its_query_is_where_one_comes_back_to() -> None:
    assert safe_next("/operator/sessions?kiosk=hk-07&x=%2F") == "/operator/sessions?kiosk=hk-07&x=%2F"


@pytest.mark.parametrize("password", ["short", "a" * 40, "x" * 201, "ole@harbour.example1", "Harbour Energy 26",
     "password1234", "P@ssw0rd!2345",
     "qwertyuiop123", "admin-admin-12", "letmein welcome"],
)  # fmt: skip
def test_a_weak_password_is_not_taken(password: str) -> None:
    with pytest.raises(Weak):
        check_choice(password, "ole@harbour.example", "Ole", "Harbour Energy")


def test_a_password_with_the_login_in_it_is_not_taken_and_several_words_are() -> None:
    with pytest.raises(Weak, match="does not contain the login"):
        check_choice("seven mariela kiosks", "mariela", "Mariela Ruiz", "Harbour Energy")
    check_choice("seven kiosks in the rain", "mariela", "Mariela Ruiz", "Harbour Energy")
    check_choice("correct horse battery", "ole", "Ole", "Harbour Energy")


def test_a_newer_link_voids_the_older_one_and_old_age_both(desk: Desk) -> None:
    older = desk.link_for("ole")
    with desk.engine.begin() as connection:
        newer = invitations.invite(connection, persons.known_login(connection, "ole").person.person_id, desk.clock())
    assert desk.browser().get(older).status_code == 404
    assert desk.browser().get(newer).status_code == 200
    desk.clock.pass_by(timedelta(days=3))

    assert desk.browser().get(newer).status_code == 404


def test_the_audit_log_is_never_changed(desk: Desk) -> None:
    desk.link_for("ole")
    for statement in ("UPDATE audit_log SET who = 'x'", "DELETE FROM audit_log"):
        with pytest.raises(DatabaseError, match="append-only"), desk.engine.begin() as connection:
            connection.execute(text(statement))
    with desk.engine.begin() as connection:
        assert connection.execute(select(audit_log.c.who)).scalars().all() == ["command line"] * 2


def test_no_token_stands_in_the_database(desk: Desk) -> None:
    browser = desk.of(Role.OPERATOR)
    with desk.engine.begin() as connection:
        (row,) = connection.execute(select(web_sessions)).all()

    assert browser.cookies["session"] not in [str(value) for value in row]


def test_people_and_keys_are_kept_from_the_command_line(
    tmp_path: Path, at_database: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str, code: int = 0) -> Any:
        assert main([*words, "--json", "--data-dir", str(tmp_path / "data"), *at_database]) == code
        return json.loads(capsys.readouterr().out)

    made = run("init", "--public-url", "https://charge.example.org/")
    assert made["sign_up"].startswith("https://charge.example.org/sign-up/")
    assert "the last administrator" in run("person", "disable", "admin", code=2)["error"]
    assert "no host 'pier-4'" in run("person", "add", "eva", "--role", "host", "--host", "pier-4", code=1)["error"]
    run("person", "add", "ole@harbour.example", "--name", "Ole Olsen")
    assert run("person", "reset", "ole@harbour.example")["sign_up"] != made["sign_up"]
    run("person", "disable", "ole@harbour.example")
    states = {one["login"]: one["state"] for one in run("person", "list")}
    assert states == {"admin": "invited", "ole@harbour.example": "disabled"}
    key = run("api-key", "add", "fleet-tool")["key"]
    run("api-key", "revoke", "fleet-tool")
    assert "take another name" in run("api-key", "add", "fleet-tool", code=2)["error"]
    assert run("api-key", "list") == [{"name": "fleet-tool", "role": "operator", "is_revoked": True}]
    log = run("audit")
    assert [deed["what"] for deed in log[:2]] == ["revoked a key for programs", "made a key for programs as operator"]

    assert key not in json.dumps(log) and all(deed["who"] == "command line" for deed in log)


def test_a_name_that_nobody_has_costs_as_much_as_a_wrong_password() -> None:
    """The same algorithm with the same parameters runs either way, so the answer's time tells nothing."""
    passwords._of_nobody.cache_clear()
    parameters = [text.split("$")[1:4] for text in (passwords._of_nobody(), passwords.hash_password("x"))]

    assert parameters[0] == parameters[1]
    assert not passwords.password_matches("x", None)
