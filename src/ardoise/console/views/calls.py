"""Calls: found by filters, fifty a page, added up, exported, and each one explained."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from ardoise.access.queries import scope_of
from ardoise.bill import calls, explanations, queries
from ardoise.bill.calls import CallFilter
from ardoise.collect.models import Source
from ardoise.console import clock, formatting, months, parameters, searches, words
from ardoise.console.pages import StaffRequest, file_made_by, page, staff_page
from ardoise.console.rights import log_numbers_shown, shows_numbers, viewer_of
from ardoise.core.schema import CHARGES
from ardoise.directory.queries import accounts, issuers

AREA = "calls"
SEARCHED = ("number", "account", "line", "account_code", "asked", "obtained")
CHOSEN = ("month", "source", "direction", "status", "state", "min_talk_s", "transferred", "numbers")
CSV = "text/csv; charset=utf-8"
MOST_SUGGESTIONS = 500


@staff_page
@require_http_methods(["GET", "POST"])
def call_list(request: StaffRequest) -> HttpResponse:
    if request.method == "POST":
        return _searched(request)
    return _list(request)


def _searched(request: StaffRequest) -> HttpResponse:
    """The posted filter becomes an address that names nobody, and the list of that address."""
    searching = searches.remember(request, AREA, SEARCHED)
    return HttpResponseRedirect(reverse("calls") + searches.address(request, CHOSEN, searching=searching))


def _list(request: StaffRequest) -> HttpResponse:
    scope = scope_of(request.user)
    viewer = viewer_of(request)
    month = months.choice(request, scope, now=clock.now())
    sources = list(Source.objects.filter(issuer__in=issuers(scope)).order_by("code"))
    reasons = calls.reasons(scope, month.chosen)
    wanted = _wanted(request, month.chosen, [source.code for source in sources])
    found = calls.page(viewer, wanted, page=parameters.page(request))
    if shows_numbers(viewer):
        log_numbers_shown(request, f"calls:{month.chosen}:page:{found.page}")
    context = {
        "here": "calls",
        "month": month,
        "wanted": wanted,
        "state": f"{wanted.state}/{wanted.why}" if wanted.why else wanted.state,
        "filtered": wanted != CallFilter(month.chosen),
        "sources": sources,
        "reasons": reasons,
        "directions": words.DIRECTIONS.items(),
        "statuses": words.STATUSES.items(),
        "states": words.STATES.items(),
        "accounts": accounts(scope)[:MOST_SUGGESTIONS],
        "found": found,
        "full_numbers": shows_numbers(viewer),
    }
    partial = request.htmx and not request.htmx.history_restore_request
    response = page(request, "console/parts/call_results.html" if partial else "console/calls.html", context)
    if partial:
        response["HX-Push-Url"] = request.get_full_path()
    return response


def _wanted(request: StaffRequest, month: str, sources: list[str]) -> CallFilter:
    searched = searches.recall(request, AREA)
    states = [*words.STATES, *(f"{state}/{why}" for state in words.STATES for why in words.WHYS)]
    state, _, why = parameters.choice(request, "state", states).partition("/")
    return CallFilter(
        month=month,
        source=parameters.choice(request, "source", sources),
        direction=parameters.choice(request, "direction", words.DIRECTIONS),
        status=parameters.choice(request, "status", words.STATUSES),
        state=state,
        why=why,
        min_talk_s=parameters.seconds(request, "min_talk_s"),
        transferred=parameters.choice(request, "transferred", ("yes", "no")),
        **{name: searched.get(name, "") for name in SEARCHED},
    )


@staff_page
def call_file(request: StaffRequest) -> HttpResponseBase:
    """The calls of the same filter as a file."""
    scope = scope_of(request.user)
    viewer = viewer_of(request)
    month = months.choice(request, scope, now=clock.now()).chosen
    sources = Source.objects.filter(issuer__in=issuers(scope)).values_list("code", flat=True)
    wanted = _wanted(request, month, list(sources))
    if shows_numbers(viewer):
        log_numbers_shown(request, f"calls:{month}:file")
    return file_made_by(
        lambda path: calls.write_csv(viewer, wanted, path, french=formatting.french()),
        name=f"ardoise-{month}.csv",
        content_type=CSV,
    )


@staff_page
def call_detail(request: StaffRequest, month: str, usage_id: str) -> HttpResponse:
    """One call: what happened, who pays, and why it costs what it costs."""
    viewer = viewer_of(request)
    found = calls.call(viewer, month=parameters.checked_month(month), usage_id=usage_id)
    if shows_numbers(viewer):
        log_numbers_shown(request, f"call:{usage_id}")
    language = get_language() or "fr"
    context = {
        "here": "calls",
        "call": found,
        "conversation": calls.conversation(viewer.scope, month=month, usage_id=usage_id),
        "parts": explanations.explain_call(viewer, month=month, usage_id=usage_id, language=language),
        "document": queries.document(viewer.scope, pk=found.document_id) if found.document_id else None,
        "full_numbers": shows_numbers(viewer),
        "rule": calls.charges_of(viewer.scope, month=month, usage_id=usage_id)[0][CHARGES.identifier_rule],
    }
    return page(request, "console/parts/call.html" if request.htmx else "console/call.html", context)
