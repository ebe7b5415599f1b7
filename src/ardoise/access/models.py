"""Users and grants, the append-only event log, the outbox. See README.md for the invariants."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        return self.create_user(email, password, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in, known by an e-mail address."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=2, default="fr")
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects = UserManager()

    def __str__(self) -> str:
        return self.email


class Grant(models.Model):
    """A role on one issuer and one branch; empty codes mean all. Codes, not keys: `access` lies below `directory`."""

    class Role(models.TextChoices):
        ADMIN = "admin"
        BILLING = "billing"
        READER = "reader"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=16, choices=Role.choices)
    issuer_code = models.CharField(max_length=40, blank=True)
    account_code = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role", "issuer_code", "account_code"], name="grant_once"),
        ]


class Event(models.Model):
    """One line of the event log: ids and hashes only, never a name or a number. Sealed lines carry the chain's hash.

    The chain has an order of its own, `rank` from 1: transactions may commit in another order than that of their ids.
    """

    at = models.DateTimeField()
    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    digest = models.CharField(max_length=64, blank=True)
    actor = models.CharField(max_length=60, default="system")
    chain = models.CharField(max_length=64, blank=True)
    rank = models.PositiveBigIntegerField(null=True, unique=True)

    class Meta:
        indexes = [models.Index(fields=["chain", "id"], name="event_unsealed")]


class OutboxMessage(models.Model):
    """Something to do after the commit that wrote it (rendering, mail), tried until done; one message a `key`."""

    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["kind", "done_at", "id"], name="outbox_waiting")]
