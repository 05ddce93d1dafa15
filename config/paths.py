"""Where the standalone project keeps what it makes. Standard library only, for the bootstrap."""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

# A UNIX socket's address holds 108 bytes with the closing zero (sun_path in unix(7)); some systems give fewer.
LONGEST_SOCKET_PATH = 100


def var_dir() -> Path:
    """The private folder of this checkout: `var/`, or `SLUICEGATE_VAR` when the checkout cannot be written to."""
    return Path(os.environ.get("SLUICEGATE_VAR") or PROJECT / "var").absolute()


def private_dir(path: Path) -> Path:
    """Make `path` with mode 0700; refuse a folder that another user could have laid there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.getuid():
        raise PermissionError(f"{path} is not yours. Remove it, or point SLUICEGATE_VAR at your own folder.")
    if status.st_mode & 0o077:
        path.chmod(0o700)
    return path


def keep_private(file: Path) -> None:
    """Take from others what they may do with a file of ours; nothing where there is none, or it is another user's."""
    with suppress(FileNotFoundError, PermissionError):
        if (mode := file.stat().st_mode) & 0o077:
            file.chmod(mode & 0o700)


def socket_path(name: str, home: Path) -> Path:
    """`home/name`, or a short path of its own per `home` where that is too long for a UNIX socket."""
    direct_path = home / name
    if len(os.fsencode(direct_path)) <= LONGEST_SOCKET_PATH:
        return direct_path
    key = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    root = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(root) / f"sluicegate-{os.getuid()}-{key}" / name
