"""/account: for drivers who wish one. Sign in by mail, what is open, history, cards, household, and the way out.

Law:
- Asking for a link says the same for every address.
- Every page shows what belongs to the driver of this session and asks for nothing by an id of anybody else's.
- Nothing here is needed to charge, to pay, or to have a receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.drivers import cards, drivers, history, links
from billing.drivers.access import driver as signed_in_driver
from billing.drivers.access import driver_of, session_of_driver
from billing.drivers.drivers import Driver
from billing.pages.account_texts import ACCOUNT
from billing.pages.account_view import card_lines, counted, open_lines, owed_words, session_lines, use_lines
from billing.pages.narrow import language_of, narrow_page, words_of
from billing.pages.passkey_form import passkey_lines, passkey_values
from billing.pages.render import LANGUAGES, clock_text
from billing.people import pace, passkeys, sessions
from billing.people.access import checked_form
from billing.people.cookies import DRIVER, LOCAL_NAMES, address_of, browser_of, drop_cookie, read_cookie, set_cookie
from billing.people.next_page import safe_next
from billing.people.sessions import Stage

router = APIRouter(prefix="/account")
Signed = Annotated[Driver, Depends(signed_in_driver)]
OF_MAIL = pace.Limit(3, 900)  # mails to one address; whose mailbox it is did not ask for them
OF_CLAIM = pace.Limit(5, 300)


# ---- in and out --------------------------------------------------------------------------------------------------


@router.get("")
async def get_account(request: Request, next: str = "") -> Response:
    driver = await driver_of(request)
    if driver is None:
        return _sign_in_page(request, next_=safe_next(next))
    return await _account_page(request, driver)


@router.post("/link")
async def post_link(request: Request) -> Response:
    server = server_of(request)
    fields = await checked_form(request)
    words, now, next_ = words_of(request, ACCOUNT), server.now(), safe_next(fields.get("next", ""))
    typed = fields.get("mail", "")
    mail = drivers.mail_of(typed)
    if mail is None:
        return _sign_in_page(request, next_=next_, typed=typed, wrong=words["wrong_mail"], status=422)
    post = post_of(request)
    if post is None:
        return _sign_in_page(request, next_=next_, status=503)
    language = language_of(request)

    def send(connection: Connection) -> None:
        pace.begin_attempt(connection, pace.account_subject(f"mail to {mail}"), address_of(request), now, OF_MAIL)
        links.send_link(connection, post, mail, language, next_, now)

    try:
        await server.write(send)
    except pace.TooFast as error:
        said = words["too_fast"].format(wait=error.wait_s)
        return _sign_in_page(request, next_=next_, typed=typed, wrong=said, status=429)
    return narrow_page(request, "account_sent.html", ACCOUNT, {"mail": mail})


@router.get("/enter/{token}")
async def get_enter(request: Request, token: str) -> Response:
    server = server_of(request)
    link = await server.read(lambda c: links.find_link(c, token, server.now()))
    if link is None:
        return narrow_page(request, "account_lost.html", ACCOUNT, {}, 404)
    return narrow_page(request, "account_enter.html", ACCOUNT, {"link": link, "token": token})


@router.post("/enter/{token}")
async def post_enter(request: Request, token: str) -> Response:
    server = server_of(request)
    fields = await checked_form(request)
    now, language = server.now(), language_of(request)

    def enter(connection: Connection) -> tuple[str, links.Link] | None:
        opened = links.open_link(connection, token, language, now, joins="join" in fields)
        return None if opened is None else (open_for(connection, request, opened[0], now), opened[1])

    done = await server.write(enter)
    if done is None:
        return narrow_page(request, "account_lost.html", ACCOUNT, {}, 404)
    response = RedirectResponse(done[1].next or "/account", 303)
    carry(request, response, done[0])
    return response


@router.post("/sign-out")
async def post_sign_out(request: Request) -> Response:
    return await _sign_out(request, everywhere=False)


@router.post("/sign-out-everywhere")
async def post_sign_out_everywhere(request: Request) -> Response:
    return await _sign_out(request, everywhere=True)


async def _sign_out(request: Request, *, everywhere: bool) -> Response:
    server = server_of(request)
    await checked_form(request)
    found = await session_of_driver(request)
    if found is not None:
        session, now = found[0], server.now()
        if everywhere:
            await server.write(lambda c: sessions.end_all(c, session.holder, now))
        else:
            await server.write(lambda c: sessions.end_session(c, session.session_hash, session.holder, now))
    response = RedirectResponse("/account", 303)
    drop_cookie(request, response, DRIVER)
    return response


def open_for(connection: Connection, request: Request, driver: Driver, now: datetime) -> str:
    """The token of a new session of this driver; what the browser had before ends."""
    former = read_cookie(request, DRIVER)
    if former and (session := sessions.find_session(connection, former, now)) is not None:
        sessions.end_session(connection, session.session_hash, session.holder, now)
    holder, lives = drivers.holder_of(driver.driver_id), sessions.DRIVER_LIVES
    address, browser = address_of(request), browser_of(request)
    return sessions.open_session(connection, holder, Stage.FULL, lives, now, address=address, browser=browser)


def carry(request: Request, response: Response, token: str) -> None:
    set_cookie(request, response, DRIVER, token, int(sessions.DRIVER_LIVES.whole.total_seconds()))


def post_of(request: Request) -> links.Post | None:
    """What mails are made with; None where this operator sends none.

    The address in a mail is the operator's own word: one that came with a request could be anybody's.
    """
    settings = server_of(request).settings
    url = settings.public_url
    if not url and request.url.hostname in LOCAL_NAMES:
        url = str(request.base_url)
    if not settings.mail_server or not url:
        return None
    return links.Post(settings.server_key, url, settings.operator_name)


# ---- history, cards ----------------------------------------------------------------------------------------------


@router.get("/history")
async def get_history(request: Request, driver: Signed) -> Response:
    uses = await server_of(request).read(lambda c: history.uses_of(c, driver))
    words, language = words_of(request, ACCOUNT), language_of(request)
    heading = counted(words, "history", len(uses))
    values = {"heading": heading, "uses": use_lines(uses, words, language), "most": history.MOST}
    return narrow_page(request, "account_history.html", ACCOUNT, values)


@router.get("/keep")
async def get_keep(request: Request, driver: Signed, link: str = "") -> Response:
    return narrow_page(request, "account_keep.html", ACCOUNT, {"link": link[:64], "kept": {"link": link[:64]}})


@router.post("/keep")
async def post_keep(request: Request, driver: Signed) -> Response:
    """Have an order paid by phone in one's history: whoever has its link may."""
    server = server_of(request)
    link_id, now = (await checked_form(request)).get("link", "")[:64], server.now()

    def keep(connection: Connection) -> bool:
        return history.is_order(connection, link_id) and drivers.keep_order(connection, driver.driver_id, link_id, now)

    return RedirectResponse("/account/history" if await server.write(keep) else "/account", 303)


@router.get("/cards")
async def get_cards(request: Request, driver: Signed) -> Response:
    return await _cards_page(request, driver)


@router.post("/cards/link")
async def post_claim(request: Request, driver: Signed) -> Response:
    server = server_of(request)
    code, now, words = (await checked_form(request)).get("code", ""), server.now(), words_of(request, ACCOUNT)
    subject = pace.account_subject(f"claims of {driver.driver_id}")
    try:
        attempt_no = await server.write(lambda c: pace.begin_attempt(c, subject, address_of(request), now, OF_CLAIM))
    except pace.TooFast as error:
        return await _cards_page(request, driver, wrong=words["too_fast"].format(wait=error.wait_s), status=429)

    def claim(connection: Connection) -> str | None:
        account_id = cards.claim(connection, driver, code, now)
        if account_id is not None:
            pace.forgive(connection, subject, attempt_no)
        return account_id

    if await server.write(claim) is None:
        return await _cards_page(request, driver, wrong=words["claim_wrong"], typed=code[:60], status=422)
    return RedirectResponse("/account/cards?done=linked", 303)


@router.post("/cards/block")
async def post_block(request: Request, driver: Signed) -> Response:
    server = server_of(request)
    name, now = (await checked_form(request)).get("card", ""), server.now()
    card = await server.write(lambda c: cards.block(c, driver, name, now))
    return RedirectResponse(f"/account/cards{'?done=blocked' if card is not None else ''}", 303)


# ---- household ---------------------------------------------------------------------------------------------------


@router.get("/household")
async def get_household(request: Request, driver: Signed) -> Response:
    return await _household_page(request, driver)


@router.post("/household/invite")
async def post_invite(request: Request, driver: Signed) -> Response:
    server = server_of(request)
    typed, now, words = (await checked_form(request)).get("mail", ""), server.now(), words_of(request, ACCOUNT)
    mail, post = drivers.mail_of(typed), post_of(request)
    if mail is None or mail == driver.mail:
        return await _household_page(request, driver, wrong=words["wrong_mail"], typed=typed[:120], status=422)
    if post is None:
        return await _household_page(request, driver, wrong=words["no_mail"], status=503)

    def invite(connection: Connection) -> None:
        pace.begin_attempt(connection, pace.account_subject(f"mail to {mail}"), address_of(request), now, OF_MAIL)
        mine = drivers.find_driver(connection, driver.driver_id)
        assert mine is not None
        links.send_invitation(connection, post, mine, mail, now)

    try:
        await server.write(invite)
    except pace.TooFast as error:
        return await _household_page(request, driver, wrong=words["too_fast"].format(wait=error.wait_s), status=429)
    return RedirectResponse("/account/household?done=invited", 303)


@router.post("/household/leave")
async def post_leave(request: Request, driver: Signed) -> Response:
    await checked_form(request)
    server = server_of(request)
    await server.write(lambda c: drivers.leave_household(c, driver, server.now()))
    return RedirectResponse("/account/household?done=left", 303)


# ---- settings ----------------------------------------------------------------------------------------------------


@router.get("/settings")
async def get_settings(request: Request, driver: Signed) -> Response:
    found = await session_of_driver(request)
    assert found is not None
    server = server_of(request)
    live = await server.read(lambda c: sessions.live_sessions(c, found[0].holder, server.now()))
    keys = await server.read(lambda c: passkeys.passkeys_of(c, found[0].holder))
    words = words_of(request, ACCOUNT)
    values = {
        "driver": driver,
        "passkey": passkey_values(request, driver),
        "passkeys": passkey_lines(keys, words, language_of(request)),
        "said": _said(request, words, ("passkey", "passkey_gone")),
        "wrong": words["passkey_wrong"] if request.query_params.get("wrong") == "passkey" else "",
        "is_wrong": request.query_params.get("wrong") == "delete",
        "sessions": session_lines(live, found[0], words, language_of(request)),
    }
    return narrow_page(request, "account_settings.html", ACCOUNT, values)


@router.post("/settings/language")
async def post_language(request: Request, driver: Signed) -> Response:
    language = (await checked_form(request)).get("language", "")
    if language in LANGUAGES:
        await server_of(request).write(lambda c: drivers.set_language(c, driver.driver_id, language))
    return RedirectResponse(f"/account/settings?lang={language if language in LANGUAGES else 'en'}", 303)


@router.post("/settings/sessions/end")
async def post_end_session(request: Request, driver: Signed) -> Response:
    server = server_of(request)
    name, now = (await checked_form(request)).get("session", ""), server.now()
    holder = drivers.holder_of(driver.driver_id)
    await server.write(lambda c: sessions.end_session(c, name, holder, now))
    return RedirectResponse("/account/settings", 303)


@router.post("/delete")
async def post_delete(request: Request, driver: Signed) -> Response:
    """Asked twice: by the form that says what stays, and by the mail address typed into it."""
    server = server_of(request)
    typed = drivers.mail_of((await checked_form(request)).get("mail", ""))
    if typed != driver.mail:
        return RedirectResponse("/account/settings?wrong=delete#delete", 303)
    await server.write(lambda c: drivers.delete_driver(c, driver, server.now()))
    response = narrow_page(request, "account_deleted.html", ACCOUNT, {})
    drop_cookie(request, response, DRIVER)
    return response


# ---- pages -------------------------------------------------------------------------------------------------------


def _sign_in_page(
    request: Request, *, next_: str = "", typed: str = "", wrong: str = "", status: int = 200
) -> Response:
    if request.query_params.get("wrong") == "passkey" and not wrong:
        wrong = words_of(request, ACCOUNT)["passkey_wrong"]
    values = {
        "next": next_,
        "typed": typed[:120],
        "wrong": wrong,
        "can_mail": post_of(request) is not None,
        "passkey": passkey_values(request),
        "kept": {"next": next_} if next_ else {},
    }
    return narrow_page(request, "account_sign_in.html", ACCOUNT, values, status)


async def _account_page(request: Request, driver: Driver) -> Response:
    server, now = server_of(request), server_of(request).now()
    words, language = words_of(request, ACCOUNT), language_of(request)
    charges = await server.read(lambda c: history.open_charges(c, driver))
    orders = await server.read(lambda c: history.open_orders(c, driver, now))
    owed = await server.read(lambda c: history.owed(c, driver))
    values = {
        "driver": driver,
        "now": clock_text(now, "UTC", language),
        "open": open_lines(charges, orders, words, language),
        "owed": owed_words(owed, words, language),
        "is_owing": bool(owed),
    }
    return narrow_page(request, "account.html", ACCOUNT, values)


async def _cards_page(
    request: Request, driver: Driver, *, wrong: str = "", typed: str = "", status: int = 200
) -> Response:
    words, server = words_of(request, ACCOUNT), server_of(request)
    found = await server.read(lambda c: cards.cards_of(c, driver))
    values = {
        "cards": card_lines(found, words),
        "heading": counted(words, "cards", len(found)),
        "wrong": wrong,
        "typed": typed,
        "said": _said(request, words, ("linked", "blocked")),
        "help_contact": server.settings.help_contact or server.settings.operator_name,
    }
    return narrow_page(request, "account_cards.html", ACCOUNT, values, status)


async def _household_page(
    request: Request, driver: Driver, *, wrong: str = "", typed: str = "", status: int = 200
) -> Response:
    words, household = words_of(request, ACCOUNT), driver.household_id
    members = [] if household is None else await server_of(request).read(lambda c: drivers.members_of(c, household))
    values = {
        "members": [(member.mail, member.driver_id == driver.driver_id) for member in members],
        "heading": words["household_count"].format(count=len(members)) if members else words["household_none"],
        "wrong": wrong,
        "typed": typed,
        "said": _said(request, words, ("invited", "left")),
        "can_mail": post_of(request) is not None,
    }
    return narrow_page(request, "account_household.html", ACCOUNT, values, status)


def _said(request: Request, words: Mapping[str, str], known: tuple[str, ...]) -> str:
    done = request.query_params.get("done", "")
    return words[f"done_{done}"] if done in known else ""
