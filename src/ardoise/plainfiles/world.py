"""What would be in force after a load: what the checks between rows look at."""

from __future__ import annotations

from dataclasses import dataclass

from ardoise.plainfiles.rows import Cells, Folder, Key, Row


@dataclass(slots=True)
class World:
    """What would be in force: `cells` by table and key; `rows` are those of the folder."""

    folder: Folder
    cells: dict[str, dict[Key, Cells]]

    def rows(self, table: str) -> list[Row]:
        return self.folder.rows[table]

    def row(self, table: str, *key: object) -> Row | None:
        """The row of the folder with this key."""
        return self.by_key(table).get(key)

    def by_key(self, table: str) -> dict[Key, Row]:
        return {row.key: row for row in self.rows(table)}

    def codes(self, table: str) -> list[str]:
        """Codes that a reference may name, rows with errors of their own included."""
        return sorted({str(key[0]) for key in self.cells[table]} | self.folder.named[table])
