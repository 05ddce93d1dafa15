"""The base of the frozen values that make up a declaration, in code and from JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ingestion import ConfigurationError

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


class _Declared(ModelMetaclass):
    """Raises ConfigurationError for a wrong declaration in code. Validation of JSON does not call the class, so a
    declaration from JSON is refused with all reasons at once.
    """

    if not TYPE_CHECKING:

        def __call__(self, *args: Any, **values: Any) -> Any:
            try:
                return super().__call__(*args, **values)
            except ValidationError as error:
                from integrations.rest.config import describe_problems

                reasons = " ".join(describe_problems(error, self))
            raise ConfigurationError(f"{self.__name__} is declared wrongly. {reasons}")


class Value(BaseModel, metaclass=_Declared):
    """Unknown keys and values of another type are refused; nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _may_hold_lists(cls, values: Any) -> Any:
        """Accept lists for tuples in code, too, because JSON writes tuples as lists."""
        if not isinstance(values, dict):
            return values
        tuples = {name for name, field in cls.model_fields.items() if get_origin(field.annotation) is tuple}
        return {
            name: tuple(value) if name in tuples and isinstance(value, list) else value
            for name, value in values.items()
        }
