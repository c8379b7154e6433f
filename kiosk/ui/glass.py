"""The one widget: paints a laid-out screen and tells what was pressed.

Every placed node has a canvas of its own; a node that is equal and stands where it stood is not painted again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kivy.graphics import Canvas
from kivy.uix.widget import Widget

from kiosk.ui.acts import Act
from kiosk.ui.layout import Placed, Pressing, Rect, Scene, lay_out
from kiosk.ui.nodes import Node
from kiosk.ui.paint import Pen, text_width
from kiosk.ui.pictures import PAINTERS


class Glass(Widget):
    """`on_act` is called with the act of a button on release over it, and with None for a touch anywhere else."""

    def __init__(self, on_act: Callable[[Act | None], None]) -> None:
        super().__init__()
        self.painted = 0  # nodes painted so far; the tests count what a change costs
        self._on_act = on_act
        self._tree: Node | None = None
        self._pen: Pen | None = None
        self._pressing = Pressing()
        self._pressed: Act | None = None
        self._touch: Any = None
        self._scene = Scene((), ())
        self._slots: list[tuple[Placed, Any]] = []
        self.bind(size=lambda *_: self._show_again())

    @property
    def scene(self) -> Scene:
        return self._scene

    def show(self, tree: Node, pen: Pen, waiting: Act | None, one_moment: str) -> None:
        """Paint what differs from the last call."""
        pressing = Pressing(self._pressed, waiting, one_moment)
        if tree == self._tree and pen == self._pen and pressing == self._pressing:
            return
        if pen != self._pen:
            self._slots = []
            self.canvas.clear()
        self._tree, self._pen, self._pressing = tree, pen, pressing
        self._paint()

    def _show_again(self) -> None:
        self._slots = []
        self.canvas.clear()
        if self._tree is not None:
            self._paint()

    def _paint(self) -> None:
        pen = self._pen
        if self._tree is None or pen is None:
            return

        def measure(words: str, size: float, bold: bool) -> float:
            return text_width(pen.face, words, size, bold)

        width, height = self.width / pen.scale, self.height / pen.scale
        self._scene = lay_out(self._tree, width, height, measure, self._pressing)
        placed = self._scene.placed
        if [slot.path for slot, _ in self._slots] != [item.path for item in placed]:
            known = dict(self._slots)
            self.canvas.clear()
            self._slots = []
            for item in placed:
                canvas = known.pop(item, None)
                if canvas is None:
                    canvas = Canvas()
                    self._paint_one(pen, item, canvas)
                self.canvas.add(canvas)
                self._slots.append((item, canvas))
            return
        for number, item in enumerate(placed):
            old, canvas = self._slots[number]
            if old != item:
                canvas.clear()
                self._paint_one(pen, item, canvas)
                self._slots[number] = (item, canvas)

    def _paint_one(self, pen: Pen, item: Placed, canvas: Any) -> None:
        self.painted += 1
        s, r = pen.scale, item.rect
        left, right = round(r.x * s), round((r.x + r.w) * s)
        top, bottom = round(self.height - r.y * s), round(self.height - (r.y + r.h) * s)
        with canvas:
            PAINTERS[type(item.node)](pen, item.node, Rect(left, bottom, right - left, top - bottom))

    # ---- touches: pressed at once, done on release over the same button -----------

    def _act_at(self, touch: Any) -> Act | None:
        if self._pen is None:
            return None
        x, y = touch.x / self._pen.scale, (self.height - touch.y) / self._pen.scale
        hit = [target for target in self._scene.targets if target.rect.holds(x, y) and target.is_enabled]
        return hit[-1].act if hit else None

    def on_touch_down(self, touch: Any) -> bool:
        if "button" in touch.profile and touch.button != "left":
            return False
        if self._touch is not None:
            # One finger at a time: a palm is no second one, and some panels report a finger and a mouse at once.
            return True
        self._touch = touch
        touch.grab(self)
        self._press(self._act_at(touch))
        return True

    def on_touch_move(self, touch: Any) -> bool:
        if touch.grab_current is self and self._pressed is not None and self._act_at(touch) != self._pressed:
            self._press(None)
        return True

    def on_touch_up(self, touch: Any) -> bool:
        if touch.grab_current is not self:
            return False
        touch.ungrab(self)
        self._touch = None
        act = self._pressed if self._act_at(touch) == self._pressed else None
        self._press(None)
        self._on_act(act)
        return True

    def _press(self, act: Act | None) -> None:
        if act != self._pressed:
            self._pressed = act
            self._pressing = Pressing(act, self._pressing.waiting, self._pressing.one_moment)
            self._paint()
