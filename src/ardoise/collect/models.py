"""Sources, where each one's reading stands, fresh usage, quarantine, the counts of the completeness equation."""

from __future__ import annotations

from django.db import models

from ardoise.directory.models import Issuer


class Source(models.Model):
    """Where tickets come from: a PBX or an operator, its transport, its format and its dial plan."""

    class Transport(models.TextChoices):
        TCP_SERVER = "tcp_server"  # the PBX connects to us
        TCP_CLIENT = "tcp_client"  # we connect to the PBX
        FILES = "files"  # files dropped into a folder
        TAIL = "tail"  # one file that grows, followed as it is written
        SFTP = "sftp"  # files fetched from a server
        HTTPS = "https"  # records asked of a remote interface, page after page
        WEBHOOK = "webhook"  # records posted to us
        RADIUS = "radius"  # accounting requests sent to us
        AGENT = "agent"  # what a collector on another site keeps and forwards

    class LateUsage(models.TextChoices):
        NEXT_INVOICE = "next_invoice"  # dated lines of the next invoice
        REBILL = "rebill"  # they wait until the invoice of their period is cancelled and made anew

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT)  # unknown identifiers land in its "unassigned" account
    format = models.CharField(max_length=40)
    options = models.JSONField(default=dict)  # the format's own options; a profile is its TOML text
    transport = models.CharField(max_length=12, choices=Transport.choices)
    # tcp_client: "host[:port]" of each controller, comma separated, the first one preferred; tcp_server: the address to
    # listen on, empty = all
    host = models.CharField(max_length=120, blank=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    # what the transport must know beside host and port, by name (`collect.links`): user, path, host key, address ...;
    # a secret is only named there, "env:NAME" or "file:PATH"
    link = models.JSONField(default=dict, blank=True)
    folder = models.CharField(max_length=300, blank=True)  # relative = under ARDOISE_HOME
    pattern = models.CharField(max_length=60, default="*")
    zone = models.CharField(max_length=40, default="Europe/Paris")
    outside_prefix = models.CharField(max_length=8, blank=True)
    country = models.CharField(max_length=3, default="33")
    area = models.CharField(max_length=6, blank=True)
    prices_internal = models.BooleanField(default=False)
    assembly = models.JSONField(default=dict, blank=True)  # how segments become calls: see `core.assembly`
    buffer_tickets = models.PositiveIntegerField(null=True, blank=True)  # the PBX keeps so many while nobody listens
    active = models.BooleanField(default=True)
    # what is done with calls that come after the invoice of their period: see `bill`
    late_usage = models.CharField(max_length=12, choices=LateUsage.choices, default=LateUsage.NEXT_INVOICE)

    def __str__(self) -> str:
        return self.code


class SourceState(models.Model):
    """How far the journal of a source has been turned into usage: written in the same transaction as that usage.

    `seen` counts the tickets given an identity so far. `reader` holds what reading needs to go on in the middle of the
    journal: open connections and their unfinished record, replay under way, the entries to read again to warm up a
    format's reader. `waiting` names the tickets of calls that more tickets may complete, with their local day of
    arrival; a record whose end has not come is not yet a ticket.
    """

    source = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="state")
    segment = models.PositiveIntegerField(default=0)
    offset = models.PositiveBigIntegerField(default=0)
    clock = models.JSONField(default=dict)
    assembler = models.JSONField(default=dict)
    reader = models.JSONField(default=dict)
    waiting = models.JSONField(default=dict)
    version = models.PositiveBigIntegerField(default=0)  # compared and set by every batch
    seen = models.PositiveBigIntegerField(default=0)
    last_ticket_at = models.DateTimeField(null=True)  # arrival of the last ticket


class FreshUsage(models.Model):
    """A call not yet sealed into the usage table; `row` holds the columns of `core.schema.USAGE`, instants as text."""

    usage_id = models.CharField(max_length=120, primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="fresh")
    answered_at = models.DateTimeField()
    row = models.JSONField()
    written_version = models.PositiveBigIntegerField()  # of the source's state: tells a row from its rewriting

    class Meta:
        indexes = [models.Index(fields=["source", "answered_at"], name="fresh_by_time")]


class SeenTicket(models.Model):
    """The identity of a ticket of a file, or with an id of its sender, that was already taken (never twice).

    `content` is the hash of the line, `identity` that of the line and its ordinal, or of the sender's own id. When a
    sender gives an id again with other content, `ticket_id` moves to the new ticket and `usage_id` keeps the first.
    """

    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    identity = models.BinaryField(max_length=16)
    content = models.BinaryField(max_length=16)
    ticket_id = models.CharField(max_length=120)
    usage_id = models.CharField(max_length=120, blank=True)
    printed_date = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["source", "content"], name="ticket_by_content")]
        constraints = [models.UniqueConstraint(fields=["source", "identity"], name="ticket_seen_once")]


class RecentTickets(models.Model):
    """The hashes of the last tickets of a stream, one after the other, to know a replay of them after a reconnection.

    `first` is the number of the first one in the stream (`SourceState.seen` counts them). What is older than any PBX's
    buffer is dropped.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE)
    first = models.PositiveBigIntegerField()
    contents = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "first"], name="recent_tickets_once")]


class Quarantined(models.Model):
    """A ticket that is not usage: unreadable or duplicate, with its bytes and its reason. Never the bin."""

    ticket_id = models.CharField(max_length=120, unique=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="quarantined")
    raw = models.BinaryField()
    reason = models.CharField(max_length=40)
    detail = models.TextField()
    arrived_at = models.DateTimeField()
    line_number = models.PositiveIntegerField(null=True)  # in its file

    class Meta:
        indexes = [models.Index(fields=["source", "arrived_at"], name="quarantined_by_time")]


class SourceEvent(models.Model):
    """What a source said that is not a call (header, alarm, time change), and what we noticed (connected, lost)."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="events")
    ticket_id = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=20)
    text = models.TextField()
    arrived_at = models.DateTimeField()
    noticed = models.BooleanField(default=False)  # by us: no ticket stands behind it, no count includes it

    class Meta:
        indexes = [models.Index(fields=["source", "arrived_at"], name="source_event_by_time")]


class DayCount(models.Model):
    """Per source and local day of arrival: tickets received = in calls + events + quarantined (+ waiting)."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="day_counts")
    date = models.DateField()
    received = models.PositiveIntegerField(default=0)
    in_calls = models.PositiveIntegerField(default=0)
    events = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "date"], name="day_count_once")]


class HourCount(models.Model):
    """Tickets by UTC hour of arrival: what a source usually sends in a week, so that silence can be told."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="hour_counts")
    hour_at = models.DateTimeField()
    tickets = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "hour_at"], name="hour_count_once")]


class Alarm(models.Model):
    """Something wrong with a source, from `opened_at` until `over_at` (empty = it lasts). See `alarms`.

    `kind` has its words in `wording`, with `params`; `subject` tells it from others of its kind.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="alarms")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=120, blank=True)
    params = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    over_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["source", "over_at"], name="alarm_by_state")]
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "subject", "opened_at"], name="alarm_once"),
            models.UniqueConstraint(
                fields=["source", "kind", "subject"], condition=models.Q(over_at=None), name="alarm_lasts_once"
            ),
        ]


class CallCoverage(models.Model):
    """Calls per source and local day of the CALL: the coverage calendar, and "are there tickets up to the last day"."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="coverage")
    date = models.DateField()
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "date"], name="coverage_once")]


class TakenFile(models.Model):
    """A dropped file that was imported whole: its digest makes a second drop a no-op with a clear message."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    tickets = models.PositiveIntegerField()
    taken_at = models.DateTimeField()
    tidied_at = models.DateTimeField(null=True)  # when it left the folder for done/

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "sha256"], name="file_taken_once")]
