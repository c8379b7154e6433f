"""A tariff in words, the same on the screen, the receipt and the phone."""

from __future__ import annotations

from contract.words.tariff import Entry, NowWords, Row, TariffWords, now_words, tariff_words

__all__ = ["Entry", "NowWords", "Row", "TariffWords", "now_words", "tariff_words"]
