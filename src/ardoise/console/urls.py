"""Addresses of the console: ids only, nothing that names a person."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter
from django.views.i18n import set_language

from ardoise.console.views import calls, documents, formats, home, quarantine, session
from ardoise.deliver.models import Rendering


class UsageId:
    """source:segment:offset[.place in a file]"""

    regex = r"[A-Za-z0-9_.-]{1,64}:[0-9]{1,12}:[0-9]{1,18}(\.[0-9]{1,18})?"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class RenderingKind(UsageId):
    regex = "|".join(Rendering.Kind.values)


register_converter(UsageId, "usage")
register_converter(RenderingKind, "rendering")

urlpatterns = [
    path("", home.home, name="home"),
    path("readiness/", home.readiness, name="readiness"),
    path("calls/", calls.call_list, name="calls"),
    path("calls/file.csv", calls.call_file, name="call_file"),
    path("calls/<str:month>/<usage:usage_id>/", calls.call_detail, name="call"),
    path("documents/", documents.document_list, name="documents"),
    path("documents/<int:pk>/", documents.document_detail, name="document"),
    path("documents/<int:pk>/calls.csv", documents.document_calls, name="document_calls"),
    path("documents/<int:pk>/<rendering:kind>/", documents.document_file, name="document_file"),
    path("drafts/<int:pk>/", documents.draft_detail, name="draft"),
    path("quarantine/", quarantine.quarantine_list, name="quarantine"),
    path("formats/", formats.format_page, name="formats"),
    path("sign-in/", session.SignIn.as_view(), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("language/", set_language, name="language"),
]
