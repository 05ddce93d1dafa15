"""Rows of another database, a Django alias, as a source: by keyset, within the window, read-only.

See docs/how-to/read-another-database.md.
"""

from integrations.databases.rows import Rows, everything

__all__ = ["Rows", "everything"]
