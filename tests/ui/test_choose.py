"""Which screen, and what it says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from contract.iec61851 import PilotState
from contract.metering import Quality
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import NoticeCode, PhoneProblem, Snapshot
from kiosk.ui.acts import Choose, Page, Show
from kiosk.ui.choose import choose
from kiosk.ui.navigation import Nav
from kiosk.ui.screens.all import SCREENS, draw, name_of
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.views.charging import ChargingView
from kiosk.ui.views.ending import ParkedView, ReceiptView
from kiosk.ui.views.frame import Seen
from kiosk.ui.views.help import HelpView
from kiosk.ui.views.home import ChooseView, HomeView
from kiosk.ui.views.keypad import KeypadView
from kiosk.ui.views.phone import phone_way
from kiosk.ui.views.start import IdentifyView, PlugInView
from kiosk.ui.views.trouble import FaultScreen, NobodyScreen, NoticeScreen
from tests.ui import samples as s
from tests.ui.cases import AT_1, CASES, NAV, NOW_S


def view_of(name: str, language: str = "en") -> object:
    snapshot, nav, silence_s = CASES[name]
    return choose(snapshot, replace(nav, language=language), NOW_S, silence_s)


def test_every_screen_has_a_case() -> None:
    seen = {type(choose(snapshot, nav, NOW_S, silence_s)) for snapshot, nav, silence_s in CASES.values()}

    assert seen == set(SCREENS)


@pytest.mark.parametrize("name", CASES)
def test_a_case_shows_the_screen_it_is_named_after(name: str) -> None:
    words = {
        "01": {"home"}, "02": {"choose-connector"}, "03": {"identify", "authorizing", "prices", "reserved"},
        "04": {"plug-in"},
        "05": {"charging"}, "06": {"keypad", "limit"}, "07": {"parked", "closing"}, "08": {"receipt"},
        "09": {"out-of-service"}, "10": {"notice"}, "11": {"help", "languages"}, "12": {"no-controller"},
    }  # fmt: skip

    assert name_of(view_of(name)) in words[name[:2]]  # type: ignore[arg-type]


def test_an_equal_snapshot_gives_an_equal_screen() -> None:
    for snapshot, nav, silence_s in CASES.values():
        one, other = (choose(snapshot, nav, NOW_S, silence_s) for _ in range(2))

        assert one == other and draw(one) == draw(other)


def test_home_changes_only_when_what_it_shows_changes() -> None:
    """So an idle kiosk paints no frames, although a snapshot comes every second."""
    now = s.snapshot()
    later = replace(now, at_s=now.at_s + 7, evses=tuple(replace(evse, in_state_s=99.0) for evse in now.evses))

    assert choose(now, NAV, NOW_S) == choose(later, NAV, NOW_S + 7)


def test_price_stands_before_anything_that_costs() -> None:
    home, choice, identify = view_of("01-home"), view_of("02-choose"), view_of("03-identify-rich")
    assert isinstance(home, HomeView) and isinstance(choice, ChooseView) and isinstance(identify, IdentifyView)

    assert all("0.59" in tile.price for tile in (*home.tiles, *choice.tiles))
    assert "0.49" in identify.price
    for cost in ("€\u00a00.02", "€\u00a01.00", "€\u00a00.10", "19"):
        assert cost in identify.terms


def test_a_connector_without_a_price_cannot_be_chosen() -> None:
    view = view_of("01-home-out-of-service")
    assert isinstance(view, HomeView)

    assert [tile.act for tile in view.tiles] == [Show(1), None]


def test_a_second_driver_finds_the_free_connector_beside_the_one_in_use() -> None:
    view = view_of("01-home-one-in-use")
    assert isinstance(view, HomeView)

    assert view.tiles[0].status == "In use – 6.6\u00a0kWh" and view.tiles[0].act == Show(1)
    assert view.tiles[1].act == Choose(2)


def test_with_more_connectors_than_fit_all_can_be_reached() -> None:
    now = CASES["01-home-five"][0]
    shown = set()
    for first in range(2):
        view = choose(now, replace(NAV, first_tile=first), NOW_S)
        assert isinstance(view, HomeView) and view.more is not None
        shown |= {tile.number for tile in view.tiles}

    assert shown == {"1", "2", "3", "4", "5"}


def test_a_stale_meter_is_shown_as_stale() -> None:
    view = view_of("05-charging-stale")
    assert isinstance(view, ChargingView)

    assert view.is_stale and view.power == "–\u00a0kW" and view.live.text == "Last value 15:11:48"
    assert view.live.tint == "warn" and "only for energy it measured" in view.note.text


@pytest.mark.parametrize("quality", [Quality.STALE, Quality.MISSING])
def test_no_power_is_shown_that_the_meter_does_not_vouch_for(quality: Quality) -> None:
    now = s.snapshot(s.delivering(1, meter_quality=quality), s.evse(2))
    view = choose(now, AT_1, NOW_S)
    assert isinstance(view, ChargingView)

    assert view.power == "–\u00a0kW"


def test_a_silent_controller_makes_numbers_old_then_takes_them_away() -> None:
    now = s.snapshot(s.delivering(1), s.evse(2), minutes=18.7)
    fresh, old, gone = (choose(now, AT_1, NOW_S, silence_s) for silence_s in (1.9, 2.1, 20.1))
    assert isinstance(fresh, ChargingView) and isinstance(old, ChargingView)

    assert not fresh.is_stale and fresh.frame.silent is None
    assert old.is_stale and old.frame.silent == "Reconnecting, as of 15:12:00"
    assert isinstance(gone, NobodyScreen)


def test_the_sum_can_be_checked_by_anyone() -> None:
    view = view_of("05-charging")
    assert isinstance(view, ChargingView)

    assert (view.sum, view.cost) == ("6.626\u00a0kWh × €\u00a00.59", "€\u00a03.91")


def test_a_unit_price_keeps_the_digits_the_sum_needs() -> None:
    net = TariffOffer(
        Tariff("NET", 1, "EUR", (TariffElement((PriceComponent(Dimension.ENERGY, Decimal("0.40"), s.VAT),)),))
    )
    now = s.snapshot(s.delivering(1, offer=net, bill=s.bill_of(net, 1_048, 0)), s.evse(2))
    view = choose(now, AT_1, NOW_S)
    assert isinstance(view, ChargingView)

    assert view.sum == "1.048\u00a0kWh × €\u00a00.476" and view.cost == "€\u00a00.50"


def test_numbers_follow_the_language() -> None:
    german = view_of("05-charging", "de")
    assert isinstance(german, ChargingView)

    assert (german.cost, german.energy) == ("3,91\u00a0€", "6,626\u00a0kWh")


def test_the_coming_fee_is_announced_by_clock_time() -> None:
    free, paying = view_of("07-parked"), view_of("07-parked-paying")
    assert isinstance(free, ParkedView) and isinstance(paying, ParkedView)

    assert free.fee == "Parking fee starts at 15:33" and not free.is_paying
    assert paying.fee == "Parking fee since 15:33" and paying.is_paying


def test_the_stop_code_stands_where_the_charge_begins() -> None:
    view = view_of("04-plug-in")
    assert isinstance(view, PlugInView)

    assert view.code == "5 1 8 3"


def test_a_wrong_code_is_said_at_the_keypad() -> None:
    view = view_of("06-stop-wrong")
    assert isinstance(view, KeypadView)

    assert view.error == "Wrong code"


def test_a_voucher_is_told_to_be_used_once_before_the_start_and_what_is_left_after_it() -> None:
    before, after, other = view_of("04-plug-in-voucher"), view_of("08-receipt-voucher"), view_of("08-receipt")
    assert isinstance(before, PlugInView) and isinstance(after, ReceiptView) and isinstance(other, ReceiptView)

    assert before.steps[0].sub == "Up to €\u00a020.00, used once"
    assert "not paid out" in after.rest and "€" in after.rest
    assert other.rest == ""


def test_the_receipt_shows_lines_tax_total_and_address() -> None:
    view = view_of("08-receipt")
    assert isinstance(view, ReceiptView)

    assert [line.amount for line in view.lines] == ["€\u00a06.33", "€\u00a00.40"]
    assert view.total == "€\u00a06.73" and "1.07" in view.vat and view.payload == s.RECEIPT_URL


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", FaultCode)
def test_each_fault_answers_three_questions(code: FaultCode, language: str) -> None:
    now = s.snapshot(s.broken(code), s.evse(2))
    view = choose(now, replace(AT_1, language=language), NOW_S)
    assert isinstance(view, FaultScreen)

    assert all(answer.text and answer.detail for answer in view.answers)
    assert view.phone == "0800 555 0107" and view.say.startswith("HK07-1-F")


def test_after_an_emergency_stop_no_other_connector_is_offered() -> None:
    view = choose(s.snapshot(s.broken(FaultCode.EMERGENCY_STOP), s.evse(2)), AT_1, NOW_S)
    assert isinstance(view, FaultScreen)

    assert view.use_other_act is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [code for code in NoticeCode if code is not NoticeCode.WHICH_CONNECTOR])
def test_each_notice_has_its_words(code: NoticeCode, language: str) -> None:
    view = choose(s.snapshot(notice=s.notice(code)), Nav(language, language), NOW_S)
    assert isinstance(view, NoticeScreen)

    assert view.title and view.text and view.action


def test_a_notice_ends_with_its_time() -> None:
    def at(at_s: float) -> Snapshot:
        return s.snapshot(at_s=at_s, notice=s.notice(NoticeCode.UNKNOWN_TOKEN))

    assert isinstance(choose(at(10_007.9), NAV, NOW_S), NoticeScreen)
    assert isinstance(choose(at(10_008.0), NAV, NOW_S), HomeView)


def test_help_and_languages_are_open_over_everything() -> None:
    for page, name in ((Page.HELP, "help"), (Page.LANGUAGES, "languages")):
        for snapshot in (s.snapshot(), s.snapshot(s.delivering(1), s.evse(2))):
            assert name_of(choose(snapshot, replace(AT_1, page=page), NOW_S)) == name


def test_a_guest_is_promised_what_the_kiosk_keeps_and_never_more_than_the_voucher() -> None:
    charging, parked, used_up = (
        view_of("05-charging-cap-parking"),
        view_of("07-parked-voucher-paying"),
        view_of("07-parked-voucher-used-up"),
    )
    assert isinstance(charging, ChargingView)
    assert isinstance(parked, ParkedView) and isinstance(used_up, ParkedView)

    assert charging.note.text == "Stops by itself at €\u00a04.50. €\u00a01.50 are kept for parking."
    assert parked.then == "Never more than €\u00a015.00 in all"
    assert (used_up.fee, used_up.left) == ("Your voucher is used up", "Parking costs no more")


# ---- paying by phone -----------------------------------------------------------------------------------------------


def test_the_first_screen_offers_the_connector_where_a_car_waits_and_names_it() -> None:
    view = choose(s.snapshot(s.evse(1), s.evse(2, pilot=PilotState.B)), NAV, NOW_S)
    assert isinstance(view, HomeView) and view.phone is not None

    assert view.phone.qr == s.phone(2).address + "&hl=en"
    assert view.phone.below == "Connector\u00a02" and view.phone.code.replace("\u00a0", "") == s.phone(2).code


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["01-home-offline", "01-home-clock-unknown", "01-home-no-secret"])
def test_without_a_way_to_pay_by_phone_the_first_screen_says_why_and_what_to_do_instead(
    name: str, language: str
) -> None:
    view = view_of(name, language)
    assert isinstance(view, HomeView) and view.phone is not None

    assert view.phone.qr == "" and view.phone.code == ""
    assert view.phone.sorry and view.phone.instead


def test_where_the_server_takes_no_payments_by_phone_no_screen_offers_any() -> None:
    snapshot = s.snapshot(phone_problem=PhoneProblem.NOT_TAKEN)
    view = choose(snapshot, NAV, NOW_S)
    assert isinstance(view, HomeView) and view.phone is not None

    assert view.phone.title == "Your receipt on your phone" and view.phone.code == "" and view.phone.sorry == ""
    assert phone_way(Seen(snapshot, NAV, NOW_S, 0.0), snapshot.evses[0]) is None
    identify = view_of("03-identify-no-phones")
    assert isinstance(identify, IdentifyView) and identify.phone is None
    assert [way.text for way in identify.ways] == ["Charging card", "Member code or voucher (used once)"]
    guide = view_of("11-help-no-phones")
    assert isinstance(guide, HelpView) and guide.steps[1].text == "Hold a card to the reader, or a code to the scanner."


def test_a_voucher_is_told_to_stop_by_its_code_or_by_itself_never_by_a_card() -> None:
    begun, stop, limit = view_of("04-plug-in-voucher"), view_of("06-stop-voucher"), view_of("06-limit-code-voucher")
    assert isinstance(begun, PlugInView) and isinstance(stop, KeypadView) and isinstance(limit, KeypadView)

    assert begun.stop_note == "To stop: your voucher or"
    assert stop.or_card == limit.or_card == "or show your voucher to the scanner again"


def test_where_no_reader_works_and_no_network_is_there_somebody_can_be_called() -> None:
    view = choose(s.snapshot(is_online=False, readers=()), NAV, NOW_S)
    assert isinstance(view, HomeView) and view.phone is not None

    assert view.phone.instead == "Call 0800 555 0107."


def test_while_all_connectors_are_taken_the_first_screens_code_leads_to_receipts() -> None:
    view = view_of("01-home-all-in-use")
    assert isinstance(view, HomeView) and view.phone is not None

    assert view.phone.qr == "HTTPS://HARBOUR.EXAMPLE" and view.phone.code == ""


def test_a_charge_paid_by_phone_says_so_and_how_it_is_stopped_from_start_to_receipt() -> None:
    plug_in, charging, stop = view_of("04-plug-in-phone"), view_of("05-charging-phone"), view_of("06-stop-phone")
    receipt = view_of("08-receipt-phone")
    assert isinstance(plug_in, PlugInView) and isinstance(charging, ChargingView)
    assert isinstance(stop, KeypadView) and isinstance(receipt, ReceiptView)

    assert plug_in.steps[0].sub == "€\u00a050.00 held, not taken"
    assert plug_in.stop_note == "To stop: your phone or" and plug_in.code == "5 1 8 3"
    assert charging.frame.sub.endswith("paid by phone")
    assert stop.or_card == "or stop it on the phone that pays"
    assert receipt.frame.title == "Your phone pays €\u00a06.73"
    assert receipt.rest == "€\u00a050.00 was held: €\u00a043.27 of it is released"


def test_no_phone_is_promised_to_stop_what_a_payment_apps_code_has_started() -> None:
    plug_in, stop = view_of("04-plug-in-app"), view_of("06-stop-app")
    assert isinstance(plug_in, PlugInView) and isinstance(stop, KeypadView)

    assert plug_in.stop_note == "To stop you need this:" and plug_in.code == "5 1 8 3"
    assert stop.or_card == "it was shown at the start; without it, unplug at your car"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [code for code in NoticeCode if code.name.startswith("PAYMENT_")])
def test_a_refused_payment_code_is_told_apart_in_words(code: NoticeCode, language: str) -> None:
    say = LANGUAGES[language].say
    texts = [say(f"notice.{other.value}.text") for other in NoticeCode if other.name.startswith("PAYMENT_")]

    assert texts.count(say(f"notice.{code.value}.text")) == 1


def test_a_connector_that_is_offered_is_not_called_busy_for_the_card() -> None:
    offered, busy = view_of("02-choose-looked-at"), view_of("02-choose-busy")
    assert isinstance(offered, ChooseView) and isinstance(busy, ChooseView)

    assert offered.frame.sub == "Card …52F1 was read"
    assert busy.frame.sub == "Connector\u00a01 is not free for this card"
