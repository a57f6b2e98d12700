"""People at a class's server, as sessions over Streamlit's own protocol: they open pages, move what is there, read."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from streamlit.proto.Element_pb2 import Element
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.protocol import Page, Session
from benchmarks.reruns import PAGES, components, drawing

LINKS: tuple[tuple[str, str], ...] = (
    *((page, "") for page in PAGES if page != "teacher"),
    ("architecture", "model=inception-mini&view=why"),
    ("architecture", "model=resnet-mini&view=graph"),
    ("architecture", "model=densenet&view=code"),
    ("convolution", "stride=2&kernel=5"),
    ("data", "view=recipe&dataset=mnist-sample"),
    ("data", "view=samples&dataset=mnist-sample"),
    ("evaluate", "view=compare&group=both&dataset=mnist-sample"),
    ("filters", "view=maps"),
    ("filters", "view=value&dataset=mnist-sample"),
    ("train", "model=mlp&dataset=mnist-sample"),
)
"""Pages and what a link to them says."""

_NEW_PAGE = 0.35
_GONE_SECONDS = 20.0
_LANGUAGE = "Language · 语言"


@dataclass(frozen=True)
class Waited:
    """How many ``seconds`` a person waited for a ``page``; ``what`` they did: "open", "change", or "timer" where a part
    of the page asked by itself.
    """

    page: str
    what: str
    seconds: float


@dataclass
class Person:
    """Somebody with a browser of their own; ``chance`` decides what they do."""

    session: Session
    chance: random.Random
    waited: list[Waited] = field(default_factory=list)
    page: str = ""
    query: str = ""
    see: Callable[[Page], object] = lambda _page: None
    """Is shown what comes."""
    patience: float = _GONE_SECONDS
    """After so many seconds a part of the page that does not answer counts as replaced by another one."""
    _shown: Page | None = None
    _states: dict[str, WidgetState] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    _part_of: dict[str, str] = field(default_factory=dict)

    async def open(self, page: str, query: str = "") -> None:
        """Open a page."""
        self.page, self.query = page, query
        self._states.clear()
        await self._run("open")

    async def change(self) -> None:
        """Move one of the things on the page: draw, choose, slide, tick; open another page where there are none."""
        if self._shown is None:
            raise RuntimeError("No page is open")
        choices = list(_other_values(self._shown, self.chance))
        if "sheet" in components(self._shown) and self.chance.random() < 0.5:
            for name, value in drawing(self._shown).items():
                await self._run("change", widgets={name: value})
        elif not choices:
            await self.open(*self.chance.choice(LINKS))
        else:
            state, fragment = self.chance.choice(choices)
            self._states[state.id] = state
            await self._run("change", fragment=fragment)

    async def use(self, key: str, state: WidgetState) -> None:
        """Give the widget of this ``key`` a state: a value, which stays, or a trigger.

        Raises:
            RuntimeError: the page shows none.
        """
        found = [name for name in self._part_of if name.endswith(f"-{key}")]
        if not found:
            raise RuntimeError(f"There is no {key!r} on the page")
        there = WidgetState(id=found[-1])
        there.MergeFrom(state)
        if not state.trigger_value:
            self._states[there.id] = there
        await self._run("change", self._part_of[there.id], pressed=[there] if state.trigger_value else ())

    async def act(self) -> None:
        """Open a page or change something."""
        if self._shown is None or self.chance.random() < _NEW_PAGE:
            await self.open(*self.chance.choice(LINKS))
        else:
            await self.change()

    async def read(self, seconds: float) -> None:
        """Do nothing for ``seconds``; what the page asks for by itself goes on."""
        end = time.monotonic() + seconds
        while True:
            name = min(self._due, key=self._due.__getitem__, default="")
            until = min(end, self._due[name]) if name else end
            await asyncio.sleep(max(0.0, until - time.monotonic()))
            if until == end:
                return
            await self._run("timer", fragment=name)

    async def _run(
        self,
        what: str,
        fragment: str = "",
        widgets: dict[str, object] | None = None,
        pressed: Sequence[WidgetState] = (),
    ) -> None:
        asked = self.session.run(
            self.page,
            self.query,
            widgets,
            states=[*self._states.values(), *pressed],
            fragment=fragment,
            by_itself=what == "timer",
        )
        try:
            found = await asyncio.wait_for(asked, self.patience if fragment else None)
        except TimeoutError:
            # a fragment that another one has replaced meanwhile: Streamlit says nothing at all
            self._due.pop(fragment, None)
            return
        self.waited.append(Waited(self.page, what, found.seconds))
        self.query = found.query
        self.see(found)
        now = time.monotonic()
        if found.whole:
            self._shown, self._due = found, {}
            there = {_id(element) for element in found.elements}
            self._states = {name: state for name, state in self._states.items() if name in there}
            self._part_of.clear()
        elif fragment in self._due and self._shown is not None:  # its timer goes on
            self._due[fragment] = now + self._shown.timers[fragment]
        self._due |= {name: now + seconds for name, seconds in found.timers.items()}
        self._part_of |= dict(zip(map(_id, found.elements), found.part_of, strict=True))


def _other_values(page: Page, chance: random.Random) -> Iterator[tuple[WidgetState, str]]:
    """For each thing that can be moved, a state drawn by ``chance``, and the fragment that it is in."""
    for element, fragment in zip(page.elements, page.part_of, strict=True):
        state = _state(element, chance)
        if state is not None:
            yield state, fragment


def _id(element: Element) -> str:
    return str(getattr(getattr(element, str(element.WhichOneof("type"))), "id", ""))


def _state(element: Element, chance: random.Random) -> WidgetState | None:
    kind = element.WhichOneof("type")
    if kind == "selectbox" and element.selectbox.options and not element.selectbox.disabled:
        return WidgetState(id=element.selectbox.id, string_value=chance.choice(element.selectbox.options))
    if kind == "button_group" and element.button_group.label != _LANGUAGE:
        state = WidgetState(id=element.button_group.id)
        state.string_array_value.data.append(chance.choice(element.button_group.options).content)
        return state
    if kind == "slider" and element.slider.step > 0:
        steps = round((element.slider.max - element.slider.min) / element.slider.step)
        state = WidgetState(id=element.slider.id)
        ends = len(element.slider.default)
        values = sorted(
            chance.randint(0, steps) * element.slider.step + element.slider.min for _ in range(ends)
        )
        state.double_array_value.data.extend(values)
        return state
    if kind == "checkbox" and not element.checkbox.disabled:
        return WidgetState(id=element.checkbox.id, bool_value=chance.random() < 0.5)
    return None
