"""Filters and tags of the templates: values to text, stable codes to words, links that keep the filters."""

from __future__ import annotations

from base64 import b64encode

from django import template
from django.http import QueryDict

from ardoise.console import formatting, words

register = template.Library()

for _function in (
    formatting.count,
    formatting.minor,
    formatting.micros,
    formatting.exact,
    formatting.price,
    formatting.percent,
    formatting.rounded_micros,
    formatting.duration,
    formatting.alarm,
    formatting.day,
    formatting.instant,
    formatting.month_name,
    formatting.size,
):
    register.filter(_function.__name__, _function)
for _group in (words.state, words.why, words.direction, words.status, words.kind, words.section, words.quarantine):
    register.filter(f"{_group.__name__}_word", _group)
register.filter("basis_word", words.basis)
register.filter("transport_word", words.transport)
register.filter("rendering_word", words.rendering)


@register.simple_tag(takes_context=True)
def here_with(context: template.Context, **changes: object) -> str:
    """The query string of this page with some parameters changed; an empty value removes one."""
    query: QueryDict = context["request"].GET.copy()
    for name, value in changes.items():
        if value in ("", None):
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.filter
def as_image(svg: str) -> str:
    """An SVG as the address of an image: as an image it runs no script and loads nothing."""
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


@register.filter
def in_language(finding: object, language: str) -> str:
    """The sentence of a finding in the language of the page."""
    return finding.french if language.startswith("fr") else finding.english  # type: ignore[attr-defined]


@register.filter
def zone_word(call: object, language: str) -> str:
    return call.zone_fr if language.startswith("fr") else call.zone_en  # type: ignore[attr-defined]
