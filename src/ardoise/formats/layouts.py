"""A format of several known layouts: the source names one, or each line is put to all of them until one reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ardoise.core.usage import Event, Leg, Reading, Unreadable
from ardoise.formats.cells import blank_all_but
from ardoise.formats.lines import frame_lines, replay_crlf
from ardoise.formats.options import checked_options
from ardoise.formats.spec import FormatSpec, OptionSpec, Reader

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to write records. `reads` tells whether a record alone, its header known, is one of this layout."""

    reader: Callable[[], Reader]
    reads: Callable[[bytes], bool]
    redact: Callable[[bytes, frozenset[str]], bytes]


def layout_option(names: Sequence[str]) -> OptionSpec:
    return OptionSpec(
        "layout",
        AUTO,
        (AUTO, *names),
        "Forme des tickets ; auto prend la première qui lit l'en-tête ou un ticket, et la garde jusqu'à la fin du "
        "fichier ou de la connexion.",
        "Layout of the records; auto takes the first one that reads the header or a record, and keeps it until the end "
        "of the file or connection.",
    )


class LayoutsFormat:
    """A `Format` whose option `layout` is one of these."""

    def __init__(self, spec: FormatSpec, layouts: Mapping[str, Layout]) -> None:
        self.spec, self._layouts = spec, layouts

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_lines(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        chosen = self._chosen(options)
        if len(chosen) == 1:
            return next(iter(chosen.values())).reader()
        return _Finder(chosen)

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        if not protected:
            return record
        for layout in self._chosen(options or {}).values():
            if layout.reads(record):
                return layout.redact(record, protected)
        # Nobody can tell whose record this is.
        text = record.decode("latin-1")
        return blank_all_but(text, {number.lstrip("+") for number in protected}).encode("latin-1")

    def replay(self, records: Sequence[bytes]) -> bytes:
        return replay_crlf(records)

    def _chosen(self, options: Mapping[str, str]) -> Mapping[str, Layout]:
        name = checked_options(self.spec, options)["layout"]
        return self._layouts if name == AUTO else {name: self._layouts[name]}


class _Finder:
    """Reads one stream; remembers the layout that it turned out to have."""

    def __init__(self, layouts: Mapping[str, Layout]) -> None:
        self._candidates = {name: layout.reader() for name, layout in layouts.items()}
        self._found: Reader | None = None

    def __call__(self, record: bytes) -> Reading:
        if self._found is not None:
            return self._found(record)
        said: Reading | None = None
        for reader in self._candidates.values():
            reading = reader(record)
            if isinstance(reading, Leg) or (isinstance(reading, Event) and reading.kind == "header"):
                self._found = reader
                return reading
            if isinstance(reading, Event) and said is None:
                said = reading
        known = ", ".join(self._candidates)
        return said or Unreadable(
            "unknown_layout", f"no layout reads this line ({known}): name one, or write a profile"
        )
