"""The databases of tests that Django gives them: begun as a copy of a migrated one, emptied where a test wrote.

Django would migrate in each process, and after each test truncate every table and write the permissions again: on
PostgreSQL that takes longer than many a test.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache

from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase
from tests.made_once import migrated_postgresql, migrated_sqlite

KEPT = {"django_content_type", "auth_permission"}  # what migrating writes about the models; no test does
_held: list[sqlite3.Connection] = []


def begin_with_the_migrated_one() -> None:
    """Before Django makes the database of this process: it then finds nothing left to migrate."""
    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated_postgresql(os.environ["ARDOISE_DATABASE_URL"])
        return
    name = connection.creation._get_test_db_name()
    memory = sqlite3.connect(name, uri=True)
    with closing(sqlite3.connect(migrated_sqlite())) as made:
        made.backup(memory)
    _held.append(memory)  # a database in memory lasts as long as a connection to it


def empty_after_a_test(case: TransactionTestCase) -> None:
    """In the place of Django's flush."""
    for alias in case._databases_names(include_mirrors=False):
        _empty(connections[alias])


def _empty(database: BaseDatabaseWrapper) -> None:
    with transaction.atomic(using=database.alias), database.cursor() as cursor:
        cursor.execute(_which_are_written(database))
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {table}")  # keys between them are looked at when the transaction ends


@cache
def _which_are_written(database: BaseDatabaseWrapper) -> str:
    return " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})" for table in _tables(database))


def _tables(database: BaseDatabaseWrapper) -> Sequence[str]:
    return sorted(set(database.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT)
