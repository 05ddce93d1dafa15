"""The schema of a record of the generic table: a JSON object, whatever its members."""

from __future__ import annotations

from typing import Any, Self, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from integrations.rest import exact_json


class Anything(BaseModel):
    """A record as it came: `value` with exact numbers, and the bytes that it was read from."""

    value: dict[str, Any]
    raw: bytes

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Read the JSON without turning numbers into floating point, as Pydantic would."""
        raw = json_data.encode() if isinstance(json_data, str) else bytes(json_data)
        try:
            value = exact_json.read(raw)
        except (ValueError, RecursionError) as error:
            raise _refusal("json_invalid_here", f"Not JSON: {error}") from None
        if not isinstance(value, dict):
            raise _refusal("not_an_object", "A record must be a JSON object; choose objects with `records`.")
        return cast("Self", cls.model_construct(value=value, raw=raw))


def _refusal(code: str, message: str) -> ValidationError:
    detail = InitErrorDetails(type=PydanticCustomError(code, "{said}", {"said": message}), loc=(), input=None)
    return ValidationError.from_exception_data("record", [detail])
