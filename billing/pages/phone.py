"""The driver's phone pages: /d/{kiosk}/{evse}, what is behind a device's address, and /o/{link}, an order's own link.

Law:
- No account, no app, no script needed. Whoever has the link has the order; it is 128 random bits and stands nowhere
  else. A reservation begins only from a phone that proved to stand before the kiosk (`?s=` from its screen, or the
  short code).
- Forms answer with a redirect; what is wrong is shown beside what was typed, and costs nothing.
- The price shown binds: a price that changed while the page was open is shown again before anything is held.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import Server, body_of, server_of
from billing.checkout import desk, store
from billing.checkout.acts import advance
from billing.checkout.checkout import Checkout, Reason, Stage
from billing.checkout.store import NoCheckout
from billing.checkout.view import Step, view_of
from billing.commands import NotReachable
from billing.device_codes import Checked, Verdict, check_code, check_signed
from billing.directory import NotKnown
from billing.drivers.access import driver_of
from billing.drivers.drivers import is_kept, keep_order
from billing.pages.account import post_of
from billing.pages.narrow import language_of, with_language
from billing.pages.phone_amounts import amounts_of
from billing.pages.phone_device_view import Asked, DeviceFacts, DeviceState, Proof, device_page
from billing.pages.phone_facts import device_facts, order_facts
from billing.pages.phone_order_view import cancel_page, order_page, stop_page
from billing.pages.phone_proof import is_seen, seen_word
from billing.pages.phone_shell import confirm_response, device_response, lost_response, order_response
from billing.pages.phone_words import Speech
from billing.pages.render import LANGUAGES
from billing.payments.social import SocialProvider
from billing.people.forms import OWN_SITES, WrongForm
from contract.codec import to_bytes

LARGEST_FORM, MOST_FIELDS = 4_000, 20
LONGEST_TOKEN = 200
AGAIN_WITHIN = timedelta(minutes=10)  # a refused payment may be tried again without the code
HOLD_PATIENCE_S = 4.0  # the browser waits so long for the provider; the till asks on after that
NOTICES = frozenset({"stop.unreachable", "stop.not_running", "trouble.cancel_unreachable", "trouble.cancel_late"})

router = APIRouter()
log = logging.getLogger("billing.phone")


# ---- a device ------------------------------------------------------------------------------------------------------


@router.get("/d/{kiosk}/{evse}")
async def get_device(request: Request, kiosk: str, evse: str, s: str = "", again: str = "") -> Response:
    server, language, now = server_of(request), language_of(request), server_of(request).now()

    def look(connection: Connection) -> tuple[DeviceFacts, Asked]:
        facts = device_facts(connection, kiosk, number_of(evse), _can_pay(server), now)
        if s:
            proof = (
                Proof.SCANNED
                if check_signed(connection, facts.kiosk_id, facts.evse_id, s[:80], now)
                else Proof.OLD_SCAN
            )
            return facts, Asked(proof=proof)
        return facts, _refused(connection, facts, again, now) if again else Asked()

    try:
        facts, asked = await server.read(look)
    except NotKnown:
        return with_language(request, lost_response("unknown", language, *_names(server)))
    kept = {name: value for name, value in (("s", s[:80]), ("again", again[:64])) if value}
    return with_language(request, _device(server, facts, asked, language, kept))


@router.post("/d/{kiosk}/{evse}")
async def post_device(request: Request, kiosk: str, evse: str) -> Response:
    server, language, now = server_of(request), language_of(request), server_of(request).now()
    form = await form_of(request)
    if form.get("lang") in LANGUAGES:
        language = form["lang"]
    try:
        facts = await server.read(lambda c: device_facts(c, kiosk, number_of(evse), _can_pay(server), now))
    except NotKnown:
        return lost_response("unknown", language, *_names(server))
    asked = _asked(server, facts, form, now)
    wants_start = form.get("act") == "start" and "step" not in form
    if not wants_start or facts.state is not DeviceState.FREE or asked.has_changed or asked.has_bad_amount:
        return _device(server, facts, asked, language, {}, form.get("seen", ""))
    if asked.proof is Proof.NEEDED:
        asked = await _checked(server, request, facts, asked, form, now)
        if asked.proof is not Proof.SCANNED:
            return _device(server, facts, asked, language, {})
    assert asked.amount_minor is not None
    hold_minor, driver = asked.amount_minor, await driver_of(request)

    def begin(connection: Connection) -> Checkout:
        begun = desk.begin(connection, facts.kiosk_id, facts.evse_id, language, now, hold_minor)
        if driver is not None:
            keep_order(connection, driver.driver_id, begun.link_id, now)
        return begun

    try:
        begun = await server.write(begin)
    except NotReachable:
        return RedirectResponse(f"/d/{facts.kiosk_id}/{facts.evse_id}", 303)
    return RedirectResponse(_pay_address(server, request, facts.kiosk_name, begun, language), 303)


def _asked(server: Server, facts: DeviceFacts, form: dict[str, str], now: datetime) -> Asked:
    """What the form says, before any code is looked at."""
    amounts = amounts_of(facts.offer.tariff.currency, facts.most_minor)
    text = form.get("amount", "")
    typed = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
    is_bad = typed is None or not amounts.least <= typed <= amounts.most
    amount = amounts.usual if typed is None else amounts.nearest(typed)
    if form.get("step") in ("-1", "1"):
        amount = amounts.nearest(amount + int(form["step"]) * amounts.step)
    is_proved = is_seen(server.settings.server_key, facts.kiosk_id, facts.evse_id, form.get("seen", ""), now)
    return Asked(
        amount,
        Proof.SCANNED if is_proved else Proof.NEEDED,
        typed=form.get("code", "")[:10],
        has_changed=form.get("offer", "") != _offer_mark(facts),
        has_bad_amount=is_bad,
    )


async def _checked(
    server: Server, request: Request, facts: DeviceFacts, asked: Asked, form: dict[str, str], now: datetime
) -> Asked:
    """The short code looked at; a wrong one is counted."""
    code = form.get("code", "").strip()[:20]
    if not code:
        return Asked(asked.amount_minor, Proof.MISSING)
    address = request.client.host if request.client is not None else ""
    verdict: Verdict = await server.write(lambda c: check_code(c, facts.kiosk_id, facts.evse_id, code, now, address))
    if verdict.is_good:
        return Asked(asked.amount_minor, Proof.SCANNED)
    proof = Proof.RESTS if verdict.outcome is Checked.RESTS else Proof.WRONG
    return Asked(asked.amount_minor, proof, verdict.tries_left, verdict.wait_s, typed=asked.typed)


def _refused(connection: Connection, facts: DeviceFacts, link_id: str, now: datetime) -> Asked:
    """Back from a payment that was refused: the amount and the proof are kept."""
    try:
        before = store.load(connection, link_id[:64])
    except NoCheckout:
        return Asked()
    is_here = (before.kiosk_id, before.evse_id) == (facts.kiosk_id, facts.evse_id)
    if not is_here or before.stage is not Stage.FAILED or now - before.begun > AGAIN_WITHIN:
        return Asked()
    refusal = {Reason.PAYMENT_REFUSED: before.detail, Reason.CANCELLED: "declined"}.get(
        before.reason or Reason.TOO_LATE, ""
    )
    return Asked(before.hold_minor, Proof.KEPT, refusal=refusal)


def _device(
    server: Server, facts: DeviceFacts, asked: Asked, language: str, kept: dict[str, str], seen: str = ""
) -> Response:
    """`seen`: the word the form came with; it goes back as it is, so that nobody prolongs it by asking."""
    now = server.now()
    is_proved = asked.proof in (Proof.SCANNED, Proof.KEPT)
    values = device_page(facts, asked, language, now)
    values |= {
        "action": f"/d/{facts.kiosk_id}/{facts.evse_id}",
        "kept": kept,
        "seen": (seen or seen_word(server.settings.server_key, facts.kiosk_id, facts.evse_id, now))
        if is_proved
        else "",
        "offer_mark": _offer_mark(facts),
    }
    return device_response(values, language, *_names(server), form_target=_pay_origin(server))


def _offer_mark(facts: DeviceFacts) -> str:
    """Another price has another mark."""
    return hashlib.sha256(to_bytes(facts.offer)).hexdigest()[:16]


# ---- an order ------------------------------------------------------------------------------------------------------


@router.get("/o/{link_id}")
async def get_order(request: Request, link_id: str, said: str = "") -> Response:
    server, language, now = server_of(request), language_of(request), server_of(request).now()
    try:
        facts = await server.read(lambda c: order_facts(c, link_id[:64], language, now))
    except NoCheckout:
        return with_language(request, lost_response("lost", language, *_names(server)))
    if facts.view.step is Step.FAILED and facts.view.reason is Reason.PAYMENT_REFUSED:
        return RedirectResponse(_again_address(facts.view.checkout), 303)
    shown = order_page(facts, language, now, notice=said if said in NOTICES else "")
    pay_address = ""
    if facts.view.step is Step.RESERVED:
        pay_address = _pay_address(server, request, facts.view.kiosk_name, facts.view.checkout, language)
    keep = await _keep(request, facts.view.link_id)
    return with_language(request, order_response(shown, language, *_names(server), pay_address, keep))


async def _keep(request: Request, link_id: str) -> str:
    """Whether this reader has the order in their account, or could; "" where there are no accounts."""
    driver = await driver_of(request)
    if driver is None:
        return "offer" if post_of(request) is not None else ""
    return "kept" if await server_of(request).read(lambda c: is_kept(c, driver.driver_id, link_id)) else "offer"


@router.get("/o/{link_id}/paid")
async def get_paid(request: Request, link_id: str, token: str = "", declined: str = "") -> Response:
    """Back from the payment app, with its token or without."""
    server, now = server_of(request), server_of(request).now()
    till = server.till(HOLD_PATIENCE_S / 2)
    try:
        if declined or not 1 <= len(token) <= LONGEST_TOKEN:
            before = await server.write(lambda c: desk.cancel(c, link_id[:64], now))
            return RedirectResponse(
                _again_address(before) if before.stage is Stage.FAILED else f"/o/{before.link_id}", 303
            )
        checkout = await server.write(lambda c: desk.pay(c, link_id[:64], SocialProvider.name, token, now))
    except NoCheckout:
        return lost_response("lost", language_of(request), *_names(server))
    except (ValueError, NotReachable):
        return RedirectResponse(f"/o/{link_id[:64]}", 303)
    if checkout.stage is Stage.PAYING:
        try:
            async with asyncio.timeout(HOLD_PATIENCE_S):
                await asyncio.to_thread(till.ask_now, checkout.payment_id)
        except TimeoutError:
            log.info("the payment provider is slow; the till goes on asking")
        await server.write(lambda c: advance(c, checkout.link_id, server.now()))
    return RedirectResponse(f"/o/{checkout.link_id}", 303)


@router.get("/o/{link_id}/{act}")
async def get_confirm(request: Request, link_id: str, act: str) -> Response:
    """Asks once more before it stops or cancels."""
    server, language, now = server_of(request), language_of(request), server_of(request).now()
    try:
        facts = await server.read(lambda c: order_facts(c, link_id[:64], language, now))
    except NoCheckout:
        return lost_response("lost", language, *_names(server))
    if facts.view.step not in _ACTS.get(act, ()):
        return RedirectResponse(f"/o/{facts.view.link_id}", 303)
    values = (stop_page if act == "stop" else cancel_page)(facts, language)
    return with_language(request, confirm_response(values, act, language, *_names(server)))


@router.post("/o/{link_id}/{act}")
async def post_act(request: Request, link_id: str, act: str) -> Response:
    server, now = server_of(request), server_of(request).now()
    await form_of(request)
    do = {"stop": desk.stop, "cancel": desk.cancel}.get(act)
    said = ""
    try:
        step = (await server.read(lambda c: view_of(c, link_id[:64], now))).step
        if do is not None and step in _ACTS[act]:
            await server.write(lambda c: do(c, link_id[:64], now))
        elif do is not None and step is not Step.FAILED:
            said = "?said=stop.not_running" if act == "stop" else "?said=trouble.cancel_late"
    except NoCheckout:
        return lost_response("lost", language_of(request), *_names(server))
    except NotReachable:
        said = "?said=stop.unreachable" if act == "stop" else "?said=trouble.cancel_unreachable"
    return RedirectResponse(f"/o/{link_id[:64]}{said}", 303)


# When what may be asked for: a cancel that comes after the charge has begun shall not stop it unawares.
_ACTS = {"stop": (Step.CHARGING,), "cancel": (Step.RESERVED, Step.PAYING, Step.STARTING, Step.PLUG_IN)}


def _again_address(checkout: Checkout) -> str:
    return f"/d/{checkout.kiosk_id}/{checkout.evse_id}?again={checkout.link_id}"


# ---- the payment app -----------------------------------------------------------------------------------------------


def _can_pay(server: Server) -> bool:
    return _pay_origin(server) != ""


def _pay_origin(server: Server) -> str:
    """Where the payment app's pages are: the only other place a form of ours may lead to."""
    social = server.settings.social
    parts = urlsplit("" if social is None else social.app_url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else ""


def _pay_address(server: Server, request: Request, kiosk_name: str, checkout: Checkout, language: str) -> str:
    social = server.settings.social
    if social is None or not _can_pay(server):
        return f"/o/{checkout.link_id}"
    own = server.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    connector = Speech(language, "UTC", checkout.currency).say("page.connector", evse=checkout.evse_id)
    query = {
        "amount_minor": str(checkout.hold_minor),
        "currency": checkout.currency,
        "text": f"{server.settings.operator_name} · {kiosk_name} · {connector}",
        "return_url": f"{own}/o/{checkout.link_id}/paid",
    }
    return f"{social.app_url.rstrip('/')}/app/pay?{urlencode(query)}"


# ---- what all of them share ----------------------------------------------------------------------------------------


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form from our own page. Raises WrongForm, TooLarge.

    A guest has no session whose power another site could use, and may have no cookies: where the form came from is
    all that is looked at.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in OWN_SITES:
        raise WrongForm("sent from another site")
    body = await body_of(request, LARGEST_FORM)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise WrongForm("not readable as a form") from error


def number_of(text: str) -> int:
    """An EVSE's number as it stands in an address; 0, which none has, where it is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0


def _names(server: Server) -> tuple[str, str]:
    return server.settings.operator_name, server.settings.help_contact
