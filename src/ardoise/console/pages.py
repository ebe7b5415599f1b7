"""What every page shares: the sign-in it needs, the headers it is sent with, how it is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from ardoise.access.models import User
from ardoise.bill.calls import NoSuchCall
from ardoise.bill.queries import NoSuchDocument
from ardoise.console.parameters import BadParameter
from ardoise.console.rights import may_see_numbers

View = Callable[..., HttpResponseBase]


class StaffRequest(HttpRequest):
    """A request behind `staff_page`, as the middleware leaves it."""

    user: User
    htmx: HtmxDetails


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)


def with_headers(view: View) -> View:
    """The headers of every page: nothing is loaded from elsewhere, no script in the page, nothing kept by caches."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = never_cache(view)(request, *args, **kwargs)
        response["Content-Security-Policy"] = POLICY
        return response

    return guarded


def signed_in(view: View) -> View:
    """Sends whoever is not signed in to the sign-in page; a fragment asked by a page sends the whole page there."""
    to_sign_in = login_required(view)

    @wraps(view)
    def guarded(request: StaffRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.htmx and not request.user.is_authenticated:
            return HttpResponseClientRedirect(reverse("login"))
        return to_sign_in(request, *args, **kwargs)

    return guarded


def staff_page(view: View) -> View:
    """A page for somebody signed in. What does not exist and what is not theirs are the same 404."""

    @wraps(view)
    def answered(request: StaffRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except BadParameter as refused:
            return page(request, "console/refused.html", {"message": str(refused)}, status=400)
        except (NoSuchDocument, NoSuchCall) as missing:
            raise Http404(str(missing)) from missing

    return with_headers(signed_in(answered))


def page(request: HttpRequest, template: str, context: dict[str, object], status: int = 200) -> HttpResponse:
    """Render a page with what the frame around it needs."""
    frame = {"may_see_numbers": isinstance(request.user, User) and may_see_numbers(request.user)}
    return render(request, template, {**frame, **context}, status=status)


def file_made_by(write: Callable[[Path], object], *, name: str, content_type: str) -> FileResponse:
    """A file written now, sent, and gone from the disk as soon as it is open."""
    with NamedTemporaryFile(prefix="ardoise-", delete=False) as made:
        path = Path(made.name)
    try:
        write(path)
        opened = path.open("rb")
    finally:
        path.unlink()
    return FileResponse(opened, as_attachment=True, filename=name, content_type=content_type)
