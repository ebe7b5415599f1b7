"""What `ardoise verify` looks at: the event log's chain, the files of the tables, the blobs, the frozen documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from ardoise.access.queries import LogState, verify_log
from ardoise.bill.models import Document
from ardoise.core import canonical
from ardoise.store import queries as store
from ardoise.store.blobs import Blobs
from ardoise.store.models import TableName
from ardoise.store.tables import verify_files


def sealed_state() -> LogState:
    return verify_log()


def problems_found() -> Iterator[str]:
    """One sentence for each thing that is not what was written."""
    state = verify_log()
    if state.broken_at is not None:
        yield f"the event log was altered at line {state.broken_at}: compare it with a backup"
    for table in TableName.values:
        yield from verify_files(store.files(table))
    yield from Blobs(Path(settings.ARDOISE_HOME) / "blobs").verify()
    for row in Document.objects.order_by("id").iterator():
        if canonical.digest(row.content) != row.sha256:
            yield f"the content of {row.number} is not what was issued: restore it from a backup"
