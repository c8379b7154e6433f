"""A stand-in for what localstripe has not: transfers, idempotency keys, fees, search, disputes, lost answers.

It speaks as much of Stripe's API as billing.payments.stripe_provider asks, and keeps money as Stripe does: charges
arrive on the platform's balance less a fee, transfers move it to connected accounts, reversals back, refunds return it
to cards. It is no copy of Stripe: what it accepts says nothing about what Stripe accepts. Cards: pm_ok, pm_poor
(insufficient_funds), pm_lost (lost_card), pm_asks (requires_action).

    python -m sim.stripe_stand_in --port 8421
"""

from __future__ import annotations

import argparse
import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

Words = dict[str, Any]

FEE_PERMILLE, FEE_FIXED_MINOR = 14, 25
CARDS, PLATFORM, FEES = "cards", "platform", "stripe's fees"
DECLINES = {"pm_poor": "insufficient_funds", "pm_lost": "lost_card"}
KEY_HEADER = "idempotency-key"


class Refusal(Exception):
    """An error as Stripe's API words it."""

    def __init__(self, status: int, kind: str, code: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.status, self.words = status, {"type": kind, "code": code, "message": message, **more}


@dataclass(slots=True)
class Trouble:
    """What goes wrong next. Counters are used up, one a request that changes something."""

    answers_first: int = 0  # before it begins to lose answers
    loses_answers: int = 0  # acts, then 504
    is_down: bool = False
    hides_fee: bool = False  # the balance transaction is not there yet
    refuses_transfers: bool = False
    forgets_keys: bool = False  # as Stripe does after a day


@dataclass(slots=True)
class Books:
    """Every object by its id, and every balance. Money only moves."""

    things: dict[str, Words] = field(default_factory=dict)
    balances: Counter[str] = field(default_factory=Counter)
    answers: dict[str, tuple[Words, int, Words]] = field(default_factory=dict)  # key → request, status, answer
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def new(self, kind: str, prefix: str, **words: Any) -> Words:
        number = next(self.numbers)
        thing = {"id": f"{prefix}_{number:06d}", "object": kind, "created": 1_790_000_000 + number, **words}
        self.things[thing["id"]] = thing
        return thing

    def find(self, thing_id: str, kind: str) -> Words:
        thing = self.things.get(thing_id)
        if thing is None or thing["object"] != kind:
            raise Refusal(404, "invalid_request_error", "resource_missing", f"No such {kind}: '{thing_id}'", param="id")
        return thing

    def every(self, kind: str, **wanted: Any) -> list[Words]:
        """Newest first, as Stripe lists."""
        found = [t for t in self.things.values() if t["object"] == kind]
        return [t for t in reversed(found) if all(t.get(name) == value for name, value in wanted.items())]

    def move(self, source: str, target: str, amount: int) -> None:
        self.balances[source] -= amount
        self.balances[target] += amount


class StripeStandIn:
    def __init__(self) -> None:
        self.books, self.trouble = Books(), Trouble()

    # ---- what it can do ----------------------------------------------------------------------------------------------

    def create_intent(self, w: Words) -> Words:
        method = w["payment_method"]
        if method != "pm_ok" and method != "pm_asks" and method not in DECLINES:
            raise Refusal(
                404,
                "invalid_request_error",
                "resource_missing",
                f"No such PaymentMethod: '{method}'",
                param="payment_method",
            )
        intent = self.books.new("payment_intent", "pi", amount=int(w["amount"]), currency=w["currency"])
        intent |= {"metadata": w.get("metadata", {}), "transfer_group": w.get("transfer_group"), "latest_charge": None}
        intent |= {"cancellation_reason": None, "last_payment_error": None, "status": "requires_capture"}
        if method == "pm_asks":
            intent["status"] = "requires_action"
        elif method in DECLINES:
            error = {"code": "card_declined", "decline_code": DECLINES[method], "message": "Your card was declined."}
            intent |= {"status": "requires_payment_method", "last_payment_error": error}
            raise Refusal(402, "card_error", "card_declined", error["message"], decline_code=error["decline_code"])
        else:
            charge = self.books.new("charge", "ch", payment_intent=intent["id"], amount=intent["amount"], metadata={})
            charge |= {"captured": False, "disputed": False, "balance_transaction": None}
            intent["latest_charge"] = charge["id"]
        return intent

    def capture_intent(self, intent: Words, w: Words) -> Words:
        self._want(intent, "requires_capture")
        amount = int(w["amount_to_capture"])
        if not 0 < amount <= intent["amount"]:
            raise Refusal(400, "invalid_request_error", "amount_too_large", f"{amount} of {intent['amount']}")
        fee = min(amount, FEE_FIXED_MINOR + amount * FEE_PERMILLE // 1000)
        self.books.move(CARDS, PLATFORM, amount)
        self.books.move(PLATFORM, FEES, fee)
        charge = self.books.find(intent["latest_charge"], "charge")
        balance = self.books.new("balance_transaction", "txn", amount=amount, fee=fee, currency=intent["currency"])
        balance["exchange_rate"] = None
        charge |= {"captured": True, "amount_captured": amount, "balance_transaction": balance["id"]}
        intent |= {"status": "succeeded", "amount_received": amount}
        return intent

    def cancel_intent(self, intent: Words, w: Words) -> Words:
        self._want(intent, "requires_capture", "requires_action", "requires_payment_method")
        intent |= {"status": "canceled", "cancellation_reason": w.get("cancellation_reason")}
        return intent

    def create_transfer(self, w: Words) -> Words:
        charge = self.books.find(w["source_transaction"], "charge")
        intent = self.books.find(charge["payment_intent"], "payment_intent")
        gone = sum(t["amount"] for t in self.books.every("transfer", source_transaction=charge["id"]))
        amount = int(w["amount"])
        if self.trouble.refuses_transfers or not charge["captured"] or gone + amount > charge["amount_captured"]:
            raise Refusal(400, "invalid_request_error", "balance_insufficient", "You have insufficient funds")
        self.books.move(PLATFORM, w["destination"], amount)
        return self.books.new(
            "transfer",
            "tr",
            amount=amount,
            destination=w["destination"],
            source_transaction=charge["id"],
            transfer_group=intent["transfer_group"],
            metadata=w.get("metadata", {}),
            reversals={"object": "list", "data": [], "has_more": False, "url": "/v1/transfers"},
        )

    def reverse_transfer(self, transfer: Words, w: Words) -> Words:
        amount, done = int(w["amount"]), transfer["reversals"]["data"]
        if sum(one["amount"] for one in done) + amount > transfer["amount"]:
            raise Refusal(400, "invalid_request_error", "amount_too_large", "more than was transferred")
        self.books.move(transfer["destination"], PLATFORM, amount)
        reversal = self.books.new("transfer_reversal", "trr", amount=amount, transfer=transfer["id"])
        reversal["metadata"] = w.get("metadata", {})
        done.append(reversal)
        return reversal

    def create_refund(self, w: Words) -> Words:
        intent = self.books.find(w["payment_intent"], "payment_intent")
        self._want(intent, "succeeded")
        amount = int(w["amount"])
        gone = sum(r["amount"] for r in self.books.every("refund", payment_intent=intent["id"]))
        if not 0 < amount <= intent["amount_received"] - gone:
            raise Refusal(400, "invalid_request_error", "amount_too_large", "greater than unrefunded amount")
        self.books.move(PLATFORM, CARDS, amount)
        refund = self.books.new("refund", "re", amount=amount, payment_intent=intent["id"], status="succeeded")
        refund["metadata"] = w.get("metadata", {})
        return refund

    def lose_dispute(self, intent: Words) -> Words:
        """The payer's bank took it all back, from the platform."""
        amount = intent["amount_received"] - sum(
            r["amount"] for r in self.books.every("refund", payment_intent=intent["id"])
        )
        self.books.find(intent["latest_charge"], "charge")["disputed"] = True
        self.books.move(PLATFORM, CARDS, amount)
        return self.books.new("dispute", "dp", amount=amount, payment_intent=intent["id"], status="lost")

    def _want(self, intent: Words, *states: str) -> None:
        if intent["status"] not in states:
            code = "payment_intent_unexpected_state"
            raise Refusal(400, "invalid_request_error", code, f"status {intent['status']}")

    # ---- what it shows -----------------------------------------------------------------------------------------------

    def shown(self, thing: Words) -> Words:
        """With the charge and its balance transaction expanded, as the adapter always asks for them."""
        if thing["object"] != "payment_intent" or thing["latest_charge"] is None:
            return thing
        charge = dict(self.books.find(thing["latest_charge"], "charge"))
        balance_id = charge["balance_transaction"]
        if balance_id is not None:
            charge["balance_transaction"] = None if self.trouble.hides_fee else self.books.things[balance_id]
        return thing | {"latest_charge": charge}

    def page(self, things: list[Words], query: Words, kind: str = "list") -> Words:
        limit, after = int(query.get("limit", 10)), query.get("starting_after")
        if after is not None:
            things = things[[t["id"] for t in things].index(after) + 1 :]
        data = [self.shown(t) for t in things[:limit]]
        return {"object": kind, "data": data, "has_more": len(things) > limit, "url": "/v1"}

    def search(self, query: Words) -> Words:
        found = re.fullmatch(r"metadata\['(\w+)'\]:'(.*)'", query["query"])
        if found is None:
            raise Refusal(400, "invalid_request_error", "parameter_invalid", "this stand-in searches metadata only")
        name, value = found[1], found[2].replace("\\'", "'").replace("\\\\", "\\")
        things = [t for t in self.books.every("payment_intent") if t["metadata"].get(name) == value]
        return self.page(things, query, "search_result")

    # ---- over HTTP ----

    def answer(self, method: str, path: list[str], words: Words) -> Words:
        books, rest = self.books, path[1:]
        match method, path[0], len(rest):
            case "GET", "payment_intents", 1 if rest[0] == "search":
                return self.search(words)
            case "GET", "payment_intents", 1:
                return self.shown(books.find(rest[0], "payment_intent"))
            case "GET", "payment_intents", 0:
                return self.page(books.every("payment_intent"), words)
            case "GET", "transfers", 0:
                return self.page(books.every("transfer", transfer_group=words["transfer_group"]), words)
            case "GET", "refunds" | "disputes", 0:
                kind = path[0].removesuffix("s")
                return self.page(books.every(kind, payment_intent=words["payment_intent"]), words)
            case "POST", "payment_intents", 0:
                return self.shown(self.create_intent(words))
            case "POST", "payment_intents", 1:
                intent = books.find(rest[0], "payment_intent")
                intent["metadata"] = intent["metadata"] | words.get("metadata", {})
                return self.shown(intent)
            case "POST", "payment_intents", 2:
                act = {"capture": self.capture_intent, "cancel": self.cancel_intent}[rest[1]]
                return self.shown(act(books.find(rest[0], "payment_intent"), words))
            case "POST", "transfers", 0:
                return self.create_transfer(words)
            case "POST", "transfers", 2:
                return self.reverse_transfer(books.find(rest[0], "transfer"), words)
            case "POST", "refunds", 0:
                return self.create_refund(words)
        raise Refusal(
            404, "invalid_request_error", "url_invalid", f"this stand-in has no {method} /v1/{'/'.join(path)}"
        )

    def answered(self, method: str, path: list[str], words: Words, key: str) -> tuple[int, Words]:
        """Once for a key, with the answer of that once, as Stripe keeps its promise for a day."""
        asked = {"path": path, "words": words}
        known = None if self.trouble.forgets_keys else self.books.answers.get(key)
        if known is not None:
            if known[0] != asked:
                message = "Keys for idempotent requests can only be used with the same parameters"
                return 400, {"error": {"type": "idempotency_error", "message": message}}
            return known[1], known[2]
        try:
            status, answer = 200, self.answer(method, path, words)
        except Refusal as refusal:
            status, answer = refusal.status, {"error": refusal.words}
        if key:
            self.books.answers[key] = (asked, status, answer)
        return status, answer

    def app(self) -> FastAPI:
        app = FastAPI(title="Stand-in for Stripe")

        @app.api_route("/v1/{path:path}", methods=["GET", "POST"])
        async def api(request: Request, path: str) -> Response:
            if self.trouble.is_down:
                return JSONResponse({"error": {"type": "api_error", "message": "down"}}, 503)
            if not request.headers.get("authorization", "").startswith("Bearer sk_"):
                return JSONResponse({"error": {"type": "invalid_request_error", "message": "no such key"}}, 401)
            form = await request.form() if request.method == "POST" else request.query_params
            words = unflattened({name: str(value) for name, value in form.multi_items()})
            key = request.headers.get(KEY_HEADER, "") if request.method == "POST" else ""
            status, answer = self.answered(request.method, path.split("/"), words, key)
            if request.method == "POST" and self.trouble.answers_first > 0:
                self.trouble.answers_first -= 1
            elif request.method == "POST" and self.trouble.loses_answers > 0:
                self.trouble.loses_answers -= 1
                return JSONResponse({"error": {"type": "api_error", "message": "lost"}}, 504)
            return JSONResponse(answer, status)

        @app.post("/sim/trouble")
        async def trouble(wish: Words) -> Words:
            for name, value in wish.items():
                if name not in Trouble.__slots__:
                    return {"unknown": name}
                setattr(self.trouble, name, value)
            return wish

        @app.post("/sim/disputes/{intent_id}")
        async def dispute(intent_id: str) -> Words:
            return self.lose_dispute(self.books.find(intent_id, "payment_intent"))

        @app.post("/sim/expiries/{intent_id}")
        async def expiry(intent_id: str) -> Words:
            return self.cancel_intent(self.books.find(intent_id, "payment_intent"), {"cancellation_reason": "expired"})

        @app.get("/sim/books")
        async def books() -> Words:
            return {"balances": self.books.balances, "intents": len(self.books.every("payment_intent"))}

        return app


def unflattened(form: dict[str, str]) -> Words:
    """metadata[key]=… and expand[0]=… as Stripe's clients send them."""
    words: Words = {}
    for name, value in form.items():
        found = re.fullmatch(r"(\w+)\[(\w+)\]", name)
        if found is None:
            words[name] = value
        else:
            words.setdefault(found[1], {})[found[2]] = value
    return words


def main() -> None:
    import uvicorn

    parser = argparse.ArgumentParser(description="A stand-in for the parts of Stripe that localstripe has not.")
    parser.add_argument("--port", type=int, default=8421)
    uvicorn.run(StripeStandIn().app(), host="127.0.0.1", port=parser.parse_args().port, log_level="warning")


if __name__ == "__main__":
    main()
