"""Searches by name or number: kept in the session, never in an address.

An address stays in browser histories and in the logs of proxies; what names a person does not belong there. The form
posts, the session keeps, and the mark `s=1` in the address says that this page is the one that uses it.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, QueryDict

from ardoise.console.parameters import TEXT_LIMIT

MARK = "s"


def remember(request: HttpRequest, area: str, names: Sequence[str]) -> bool:
    """Keep the searched texts of the posted form; says whether there is any."""
    texts = {name: _clean(request.POST.get(name, "")) for name in names}
    request.session[f"search.{area}"] = texts
    return any(texts.values())


def recall(request: HttpRequest, area: str) -> dict[str, str]:
    """The searched texts of this page, empty when its address does not carry the mark."""
    if request.GET.get(MARK) != "1":
        return {}
    kept = request.session.get(f"search.{area}")
    return dict(kept) if isinstance(kept, dict) else {}


def address(request: HttpRequest, names: Sequence[str], *, searching: bool) -> str:
    """The posted choices that name nobody, as a query string."""
    query = QueryDict(mutable=True)
    for name in names:
        if value := _clean(request.POST.get(name, "")):
            query[name] = value
    if searching:
        query[MARK] = "1"
    return f"?{query.urlencode()}" if query else ""


def _clean(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).strip()[:TEXT_LIMIT]
