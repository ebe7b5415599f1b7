"""Signing in and out. Tries are counted per address and account: after five, a wait."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.cache import cache
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ardoise.console.pages import with_headers

TRIES = 5
WAIT_S = 300


class SignInForm(AuthenticationForm):
    """E-mail and password; the answer to a wrong one never tells which of the two is wrong."""

    error_messages = {  # noqa: RUF012 - Django's own way
        "invalid_login": gettext_lazy(
            "This e-mail address and password do not go together. Check both, then try again."
        ),
        "inactive": gettext_lazy("This account is closed. Ask an administrator to open it again."),
    }


@method_decorator(with_headers, name="dispatch")
class SignIn(LoginView):
    template_name = "console/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if cache.get(_key(request), 0) >= TRIES:
            form = SignInForm(request)
            form.cleaned_data = {}
            wait = _("Too many tries. Wait five minutes, then try again.")
            return self.render_to_response(self.get_context_data(form=form, wait=wait), status=429)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Form) -> HttpResponse:
        key = _key(self.request)
        cache.add(key, 0, WAIT_S)
        cache.incr(key)
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        cache.delete(_key(self.request))
        response = super().form_valid(form)
        if settings.LANGUAGE_COOKIE_NAME not in self.request.COOKIES:
            response.set_cookie(settings.LANGUAGE_COOKIE_NAME, form.get_user().language, samesite="Lax")
        return response


def _key(request: HttpRequest) -> str:
    who = f"{request.META.get('REMOTE_ADDR', '')}|{request.POST.get('username', '').strip().lower()[:200]}"
    return f"tries:{hashlib.sha256(who.encode()).hexdigest()}"
