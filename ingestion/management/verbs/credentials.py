"""`ingest credential`: store, look at, date, delete, try out; and replace the keys.

Values never come from the arguments, which other users of the machine can read, and are never shown.
"""

from __future__ import annotations

import argparse
import getpass
import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from ingestion import actions
from ingestion.core.errors import IngestionError, Transient
from ingestion.management.verbs import arguments, lookups, serializers
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.models import Credential, CredentialVersion
from ingestion.vault import expiry, key_holders, rotation
from ingestion.vault.values import parsed

COLUMNS = ("tenant", "integration", "version", "last_four", "rotated_at", "expires_at")
_NONE = "No credential is stored. Store one: manage.py ingest credential set --tenant KEY --integration NAME"


def add(verbs: Verbs) -> None:
    group = verbs.add_parser("credential", help="Store, list, date, delete and try out credentials; replace keys.")
    inner = group.add_subparsers(metavar="WHAT", dest="what", required=True)
    _add_set(arguments.verb(inner, "set", store, "Store a credential in the place of the one before."))
    parser = arguments.verb(inner, "list", list_credentials, "Credentials without their values.")
    arguments.add_tenant(parser)
    parser.add_argument("--expiring", action="store_true", help="only those that have expired or soon will")
    _add_address(arguments.verb(inner, "show", show, "A credential with its history, without its values."))
    parser = _add_address(arguments.verb(inner, "expire", expire, "Note when the source will refuse it."))
    parser.add_argument("--at", required=True, type=_ahead, metavar="TIME", help="an ISO time, 90d from now, or never")
    parser = _add_address(arguments.verb(inner, "delete", delete, "Delete it beyond recovery."))
    parser.add_argument("--reason", required=True)
    parser = arguments.verb(inner, "test", test, "Ask a connection's source for a sign of life; nothing is loaded.")
    arguments.add_connection(parser)
    parser = arguments.verb(inner, "rotate-keys", rotate_keys, "Seal everything again under the first master key.")
    arguments.add_tenant(parser)
    parser.add_argument("--older-than", type=_age, metavar="AGE", help="also replace data keys of this age, like 90d")
    parser.add_argument(
        "--anyway", action="store_true", help="also while some process may lack the first master key, or nobody knows"
    )


def _add_set(parser: CommandParser) -> None:
    _add_address(parser)
    parser.add_argument("--prompt", action="append", default=[], metavar="NAME", help="ask for this value")
    parser.add_argument("--env", action="append", default=[], type=_pair, metavar="NAME=VARIABLE")
    parser.add_argument("--file", action="append", default=[], type=_pair, metavar="NAME=PATH")
    parser.add_argument("--stdin", action="store_true", help="lines NAME=VALUE, or a JSON object, from standard input")
    parser.add_argument("--keep", action="store_true", help="keep what is stored of values not named or left empty")
    parser.add_argument("--expires", type=_ahead, metavar="TIME", help="an ISO time, or 90d from now")
    parser.add_argument("--reason", default="", help="kept in the audit trail")


def _add_address(parser: CommandParser) -> CommandParser:
    arguments.add_tenant(parser, required=True)
    parser.add_argument("--integration", required=True, metavar="NAME", help='for example "stripe"')
    return parser


def store(options: Options, output: Output) -> None:
    credential = actions.set_credential(
        arguments.COMMAND_LINE,
        lookups.tenant(options),
        options["integration"],
        dict(_values_from_options(options)),
        keep=options["keep"],
        expires_at=options["expires"] or None,
        reason=options["reason"],
    )
    output.rows("credentials", [serializers.credential(credential)], COLUMNS)


def _values_from_options(options: Options) -> Iterator[tuple[str, str]]:
    if not any(options[name] for name in ("prompt", "env", "file", "stdin")):
        raise CommandError("Say where the values come from: --prompt, --env, --file or --stdin.", returncode=Exit.USAGE)
    if options["stdin"]:
        yield from parsed(sys.stdin.read()).items()
    for name in options["prompt"]:
        yield name, _typed(name)
    for name, variable in options["env"]:
        if variable not in os.environ:
            raise CommandError(f"The variable {variable} is not set.", returncode=Exit.USAGE)
        yield name, os.environ[variable]
    for name, path in options["file"]:
        try:
            yield name, Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {type(error).__name__}.", returncode=Exit.USAGE) from None


def _typed(name: str) -> str:
    try:
        return getpass.getpass(f"{name}: ")
    except EOFError:
        raise CommandError(
            f"Nobody is there to type {name}. Where there is no terminal, use --stdin, --env or --file.",
            returncode=Exit.USAGE,
        ) from None


def list_credentials(options: Options, output: Output) -> None:
    rows = lookups.scoped(Credential, options).order_by("tenant__key", "integration")
    if options["expiring"]:
        rows = rows.filter(pk__in=expiry.expiring().values("pk"))
    output.rows("credentials", [serializers.credential(row) for row in rows], COLUMNS, _NONE)


def show(options: Options, output: Output) -> None:
    row = _require_credential(options)
    history = CredentialVersion.objects.for_tenant(row.tenant).filter(integration=row.integration).order_by("-version")
    output.fields("credential", serializers.credential(row))
    output.say("\nVersions")
    versions = [
        {"version": version.version, "cause": version.cause, "created_at": version.created_at}
        for version in history[:20]
    ]
    output.rows("versions", versions, ("version", "cause", "created_at"))


def expire(options: Options, output: Output) -> None:
    row = _require_credential(options)
    actions.expire_credential(arguments.COMMAND_LINE, row, options["at"] or None)
    row.refresh_from_db()
    output.rows("credentials", [serializers.credential(row)], COLUMNS)


def delete(options: Options, output: Output) -> None:
    row = _require_credential(options)
    actions.delete_credential(arguments.COMMAND_LINE, row, options["reason"])
    output.fields("deleted", {"tenant": options["tenant"], "integration": options["integration"]})


def test(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    output.fields(
        "test", {"connection": str(connection), "answer": actions.test_connection(arguments.COMMAND_LINE, connection)}
    )


def rotate_keys(options: Options, output: Output) -> None:
    tenant = lookups.tenant(options) if options["tenant"] else None
    rows, failed = [], []
    replaced = actions.rotate_keys(
        arguments.COMMAND_LINE, tenant=tenant, older_than=options["older_than"], anyway=options["anyway"]
    )
    for owner, outcome in replaced:
        if isinstance(outcome, IngestionError):
            failed.append(f"{owner.key}: {outcome}")
        else:
            rows.append({"tenant": owner.key, "credentials": outcome.credentials, "dropped": outcome.dropped})
    _say_who_was_heard(output)
    output.rows("rotated", rows, ("tenant", "credentials", "dropped"), "Nothing was left to do.")
    output.say("\nMaster keys, and how many data keys are under each. One with 0 may be taken out of the settings.")
    keys = [{"master_key": key_id, "data_keys": count} for key_id, count in rotation.in_use().items()]
    output.rows("master_keys", keys, ("master_key", "data_keys"))
    if not failed and (problem := rotation.problem()):
        failed.append(problem)  # nothing left to do is no success where nothing can be opened
    if failed:
        raise CommandError("\n".join(failed), returncode=Exit.FAILED)


def _say_who_was_heard(output: Output) -> None:
    """Silence does not prove that no process lives: an idle web process says nothing for an hour."""
    try:
        processes = key_holders.announced_processes()
    except Transient as error:
        output.say(f"Nobody could be asked which master keys they have: {error}")
        return
    if processes:
        output.say(f"Live processes that have the first master key: {', '.join(processes)}.")
    else:
        output.say("No live process has said which master keys it has; see that all were started with the first one.")


def _require_credential(options: Options) -> Credential:
    tenant = lookups.tenant(options)
    credentials = Credential.objects.for_tenant(tenant).select_related("tenant")
    row = credentials.filter(integration=options["integration"]).first()
    if row is None:
        integrations = ", ".join(credentials.order_by("integration").values_list("integration", flat=True)) or "none"
        raise CommandError(
            f"Tenant {tenant.key} has no credential for {options['integration']}. It has: {integrations}.",
            returncode=Exit.USAGE,
        )
    return row


def _pair(text: str) -> tuple[str, str]:
    name, equals, where = text.partition("=")
    if not name or not equals or not where:
        raise argparse.ArgumentTypeError(f"{text.partition('=')[0]!r} needs the form NAME=WHERE")
    return name, where


def _age(text: str) -> timedelta:
    if not re.fullmatch(r"\d{1,5}[smhdw]", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an age like 90d")
    now = timezone.now()
    return timedelta(seconds=round((now - arguments.moment(text)).total_seconds()))


def _ahead(text: str) -> datetime | str:
    """An ISO time, or a span from now on; '' for never."""
    if text == "never":
        return ""
    if re.fullmatch(r"\d{1,5}[smhdw]", text):
        return timezone.now() + _age(text)
    return arguments.moment(text)
