"""From a view to a page: what every phone page carries around its own values. Pure but for the template engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import HTMLResponse

from billing.pages.phone_order_view import PLAIN_EVERY_S, Shown
from billing.pages.phone_texts import PHONE
from billing.pages.render import LANGUAGES, page


def device_response(
    values: Mapping[str, Any], language: str, operator_name: str, help_contact: str, form_target: str = ""
) -> HTMLResponse:
    """p1. `values` of device_page, with `action`, `kept`, `seen`, `offer_mark`; the form may lead to `form_target`."""
    words = {"title": f"{values['heading']} · {PHONE[language].say('device.title')}"}
    return page(
        "phone_device.html",
        _shell(language, words, operator_name, help_contact) | dict(values),
        runs_script=not values["trouble"],
        form_target=form_target,
    )


def order_response(
    shown: Shown, language: str, operator_name: str, help_contact: str, pay_address: str = "", keep: str = ""
) -> HTMLResponse:
    """`keep`: "offer" to have it in an account, "kept" where it is in this reader's, "" where neither is said."""
    words = {"title": shown.values["title"]}
    extra = {
        "state": shown.state,
        "every_s": shown.every_s,
        "plain_every_s": PLAIN_EVERY_S,
        "pay_address": pay_address,
        "keep": keep,
    }
    values = _shell(language, words, operator_name, help_contact) | shown.values | extra
    return page(shown.template, values, runs_script=shown.every_s > 0)


def confirm_response(
    values: Mapping[str, Any], act: str, language: str, operator_name: str, help_contact: str
) -> HTMLResponse:
    """Asks once more. `act` is stop or cancel."""
    say = PHONE[language].say
    room, yes, no = ("stop", "yes", "no") if act == "stop" else ("trouble", "cancel_yes", "cancel_no")
    heading = "heading" if act == "stop" else "cancel_heading"
    own = {"act": act, "heading": say(f"{room}.{heading}"), "yes": say(f"{room}.{yes}"), "no": say(f"{room}.{no}")}
    words = {"title": values["title"]}
    return page("phone_confirm.html", _shell(language, words, operator_name, help_contact) | dict(values) | own)


def lost_response(room: str, language: str, operator_name: str, help_contact: str) -> HTMLResponse:
    """No such order ("lost"), or no such device ("unknown")."""
    say = PHONE[language].say
    prefix = "lost." if room == "lost" else "device.unknown_"
    return _words_response(
        {name: say(f"{prefix}{name}") for name in _WORDS}, language, operator_name, help_contact, 404
    )


def broken_response(reference: str, language: str, operator_name: str, help_contact: str) -> HTMLResponse:
    """The server itself failed. `reference` stands in its log, too."""
    say = PHONE[language].say
    texts = {name: say(f"broken.{name}") for name in _WORDS[:3]} | {"do": say("broken.do", reference=reference)}
    return _words_response(texts, language, operator_name, help_contact, 500)


_WORDS = ("title", "heading", "means", "do")


def _words_response(
    texts: dict[str, str], language: str, operator_name: str, help_contact: str, status: int
) -> HTMLResponse:
    shell = _shell(language, {"title": texts["title"]}, operator_name, help_contact)
    question = PHONE[language].say("page.question", contact=shell["contact"])
    return page("phone_lost.html", shell | texts | {"help": question}, status)


def _shell(language: str, words: dict[str, str], operator_name: str, help_contact: str) -> dict[str, Any]:
    say = PHONE[language].say
    return {
        "words": words | {"skip": say("page.skip"), "language": say("page.language")},
        "language": language,
        "languages": LANGUAGES,
        "operator_name": operator_name,
        "contact": help_contact or operator_name,
        "say": say,
    }
