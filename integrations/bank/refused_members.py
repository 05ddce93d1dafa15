"""A file of a ZIP that cannot be read: one dead letter with its bytes, which a replay reads again. The others load."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

from ingestion import FileRefused, Page, Proof, Record, RecordError, Refusal
from integrations.bank.formats import ArchiveMember


def refused_page(file: str, member: ArchiveMember, refusal: FileRefused) -> Page:
    """`file` is the archive's name."""
    where = member_place(file, member)
    body = {"file": file, "member": member.name, "content": base64.b64encode(member.content).decode()}
    record = Record(f"member {member.name} {sha256(member.content).hexdigest()[:16]}", json.dumps(body).encode(), where)
    return Page(
        [],
        None,
        [Refusal(record, RecordError(str(member.refused(refusal))))],
        notes=[f"{where} was not read: {refusal}"],
        proofs=[Proof(where, "not read: see its dead letter")],
    )


def member_place(file: str, member: ArchiveMember) -> str:
    """How notes, proofs and letters name what comes from the member."""
    return f"{file}, {member.name}" if member.name else file


def read_member(record: Record) -> tuple[str, bytes] | None:
    """Name and bytes of the member that a dead letter keeps; None for the dead letter of a statement."""
    try:
        body = json.loads(record.body)
        return f"{body['file']}, {body['member']}", base64.b64decode(body["content"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def join_pages(pages: list[Page]) -> Page:
    """One page of all: a replay answers one dead letter with one page."""
    return Page(
        [record for page in pages for record in page.records],
        None,
        [refusal for page in pages for refusal in page.refused],
        notes=[note for page in pages for note in page.notes],
        titles=[title for page in pages for title in page.titles],
        proofs=[proof for page in pages for proof in page.proofs],
        left_out={
            reason: sum(page.left_out.get(reason, 0) for page in pages) for page in pages for reason in page.left_out
        },
    )
