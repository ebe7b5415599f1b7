"""TAP files of a sender, one after the other: an event sent again in another file is a duplicate, whatever its rank."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ardoise.collect import operations
from ardoise.collect.models import Quarantined, Source, SourceEvent
from ardoise.collect.queries import folder_of
from stage.collect.pbx_wire import Pbx
from unit.formats.tap_files import mo_call, mt_call, tap_file


def test_an_event_sent_again_in_another_file_is_no_second_call(make_source: Callable[..., Source]) -> None:
    clearing = Pbx(make_source("clearing", format="tap3", transport=Source.Transport.FILES, pattern="CD*"))
    folder = folder_of(clearing.source)
    folder.mkdir(parents=True)
    files = {
        "CDMDGTMFRAZZ00178": tap_file([mo_call()], total=50_474, sequence="00178"),
        "CDMDGTMFRAZZ00180": tap_file([mt_call(), mo_call()], total=70_474, sequence="00180"),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
        clearing.now += timedelta(minutes=1)
        operations.collect_once(now=clearing.now, sources=["clearing"])
    # 3 events of which one was known; 2 headers and 2 audits that agree
    counts = clearing.counts()
    assert (counts.received, counts.in_calls, counts.quarantined, counts.events) == (7, 2, 1, 4)
    assert clearing.reasons() == ["duplicate"]
    assert bytes(Quarantined.objects.get().raw) == mo_call()
    assert {call["called"] for call in clearing.calls()} == {"33612345678", "33198765432"}
    assert not SourceEvent.objects.filter(kind="alarm").exists()


def test_a_file_whose_total_differs_is_said(make_source: Callable[..., Source]) -> None:
    clearing = Pbx(make_source("clearing", format="tap3", transport=Source.Transport.FILES))
    folder = folder_of(clearing.source)
    folder.mkdir(parents=True)
    (folder / "CDMDGTMFRAZZ00178").write_bytes(tap_file([mo_call()], total=50_475))
    operations.collect_once(now=clearing.now, sources=["clearing"])
    (event,) = SourceEvent.objects.filter(kind="alarm")
    assert "0.50474" in event.text
    assert "0.50475" in event.text
