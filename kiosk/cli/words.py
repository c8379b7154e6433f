"""Numbers as a technician reads them. Pure; no decimal module, no dataclass: part of the start-up path."""

from __future__ import annotations

UNKNOWN = "–"


def duration(seconds: float | None) -> str:
    """45 s, 12 min, 2 h 03 min, 3 d 04 h."""
    if seconds is None:
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"


def power(power_w: int | None) -> str:
    return UNKNOWN if power_w is None else f"{power_w / 1000:.2f} kW" if abs(power_w) >= 1000 else f"{power_w} W"


def energy(energy_wh: int | None) -> str:
    """Exact to the watt-hour: 7.250 kWh."""
    if energy_wh is None:
        return UNKNOWN
    sign = "-" if energy_wh < 0 else ""
    return f"{sign}{abs(energy_wh) // 1000}.{abs(energy_wh) % 1000:03d} kWh"


def money(amount_minor: int | None, currency: str) -> str:
    """EUR 3.41, JPY 450. The digits come from the one table of currencies, loaded only where there is a bill."""
    if amount_minor is None:
        return UNKNOWN
    from contract.currency import MINOR_DIGITS

    digits = MINOR_DIGITS.get(currency, 0)
    text = f"{abs(amount_minor):0{digits + 1}d}"
    if digits:
        text = f"{text[:-digits]}.{text[-digits:]}"
    return f"{currency} {'-' if amount_minor < 0 else ''}{text}"


def age(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def state(name: str) -> str:
    return name.replace("_", " ")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Columns two spaces apart, the last one ragged."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    ]
