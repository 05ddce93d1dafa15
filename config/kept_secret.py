"""Secrets that a local installation makes for itself once and keeps in `var/`."""

import os
import secrets
from pathlib import Path

from config.paths import private_dir


def kept_secret(path: Path, size: int = 50) -> str:
    """The secret of `size` random bytes in `path`; made there with mode 0600 on first use.

    Processes that race agree on one.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    private_dir(path.parent)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(size))
    try:
        os.link(draft, path)  # fails when another process was first: a half-written secret is never seen
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()
