"""`BaseConfig`: pydantic-settings' `BaseSettings` with live fields beside the ordinary ones."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from pydantic_settings import BaseSettings

from ._layers import ConfigDict, with_layers
from ._live import LiveField
from ._loading import check_names
from ._quotes import without_secrets
from ._secrecy import forget_document
from ._shown import dumped, shown
from ._sources import collecting, remember_load, wrap_source_hook
from .errors import ConfigError, FieldDefinitionError

_log: Final = logging.getLogger("pydantic_settings")  # whose message it is


class BaseConfig(BaseSettings):
    """The base of a service's settings.

    Whatever works on pydantic-settings' `BaseSettings` works here unchanged. Attributes declared with `env()` or
    `secret()` are live: they are not fields of the model, they read the environment whenever they are accessed, and
    building the settings neither reads nor validates them.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(hide_input_in_errors=True)
    __live_fields__: ClassVar[dict[str, LiveField]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Set live fields apart before pydantic looks for fields."""
        super().__init_subclass__(**kwargs)
        inherited: dict[str, LiveField] = {}
        for base in reversed(cls.__mro__[1:]):
            inherited.update(base.__dict__.get("__live_fields__") or _taken_from_mixin(base))
        own = {name: value for name, value in cls.__dict__.items() if isinstance(value, LiveField)}
        _refuse_unusable(cls, own, inherited)
        for name, annotation in _take_annotations(cls, own.keys() | inherited.keys()).items():
            if name in own:
                own[name].annotation = annotation
        cls.__live_fields__ = {**inherited, **own}
        wrap_source_hook(cls)

    def __init__(self, **values: Any) -> None:
        live = self.__live_fields__
        assigned = {name: values.pop(name) for name in live.keys() & values.keys()} if live else {}
        failure: Exception | None = None
        with collecting() as under_way:
            try:
                super().__init__(**values)
            except ConfigError:  # of ours, without values
                raise
            except Exception as exc:  # whatever a validator raises
                forget_document(exc)  # of pydantic-settings' SettingsError
                failure = without_secrets(exc, type(self), tuple(under_way), values)
                if failure is exc and not isinstance(exc, ValidationError):
                    raise
        chosen = tuple(under_way)
        if failure is None or isinstance(failure, ValidationError):
            check_names(type(self), chosen, failure)
        if failure is not None:  # raised outside of the except block: a context would carry the original's inputs
            raise failure
        remember_load(self, chosen, {**values, **assigned})
        for name, value in assigned.items():
            live[name].__set__(self, value)

    # Pydantic builds the class's signature from this one; people and tools should see BaseSettings' parameters.
    __init__.__signature__ = inspect.signature(BaseSettings.__init__)  # type: ignore[attr-defined]  # a function takes it

    @classmethod
    def settings_customise_sources(cls, *args: Any, **kwargs: Any) -> Any:
        """Choose the sources, highest first; override it as in pydantic-settings."""
        return with_layers(cls, super().settings_customise_sources(*args, **kwargs))

    @classmethod
    def _settings_log_debug(cls, states: dict[str, dict[str, Any]]) -> None:
        # pydantic-settings 2.16 logs every source's raw values when PYDANTIC_SETTINGS_DEBUG is set; names will do.
        first = f"Resolving settings for {cls.__name__!r} (sources in priority order, highest first):"
        _log.debug("\n".join([first, *(f"  {name}: {sorted(found)}" for name, found in states.items())]))

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """Build without validation, as pydantic does; values for live fields are assigned."""
        assigned = {name: values.pop(name) for name in cls.__live_fields__.keys() & values.keys()}
        made = super().model_construct(_fields_set, **values)
        for name, value in assigned.items():
            cls.__live_fields__[name].__set__(made, value)
        return made

    def model_copy(self, *, update: Any = None, deep: bool = False) -> Self:
        """Copy, as pydantic does; values for live fields are assigned to the copy."""
        live = self.__live_fields__
        if not update or not live:
            return super().model_copy(update=update, deep=deep)
        copied = super().model_copy(update={k: v for k, v in update.items() if k not in live}, deep=deep)
        for name in live.keys() & update.keys():
            live[name].__set__(copied, update[name])
        return copied

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Dump, as pydantic does, with the live fields' values of this moment; secrets stay wrapped or masked.

        Raises:
            MissingVariable: when a required variable is not set; exclude its field to go without.
        """
        result = super().model_dump(**options)
        if self.__live_fields__:
            result.update(dumped(self, self.__live_fields__, options))
        return result

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """Dump as JSON text, as pydantic does, with the live fields' values of this moment.

        Raises:
            MissingVariable: when a required variable is not set; exclude its field to go without.
        """
        if not self.__live_fields__:
            return super().model_dump_json(indent=indent, **options)
        options.pop("ensure_ascii", None)
        return to_json(self.model_dump(mode="json", **options), indent=indent).decode()

    if not TYPE_CHECKING:  # a checker that sees it lets any name be assigned

        def __setattr__(self, name: str, value: Any) -> None:
            """Assign, as pydantic does; a refusal shows no secret."""
            try:
                return super().__setattr__(name, value)
            except Exception as exc:  # as in building
                failure = without_secrets(exc, type(self), (), {**self.__dict__, name: value})
                if failure is exc:
                    raise
            raise failure

    def __iter__(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]  # pydantic itself overrides it so
        live = self.__live_fields__
        yield from ((name, value) for name, value in super().__iter__() if name not in live)
        yield from ((name, getattr(self, name)) for name in live)

    def __repr_args__(self) -> Any:
        """Show the fields and, beside them, the live ones; secrets masked, nothing raised."""
        live = self.__live_fields__
        yield from (pair for pair in super().__repr_args__() if pair[0] not in live)
        yield from ((name, shown(self, field)) for name, field in live.items())

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        for name in self.__live_fields__.keys() & self.__dict__.keys():
            self.__live_fields__[name].mark_overridden()


wrap_source_hook(BaseConfig)


def _taken_from_mixin(base: type) -> dict[str, LiveField]:
    """Return the live fields of a plain class among the bases, and keep pydantic from making fields of them."""
    if issubclass(base, BaseModel):
        return {}
    found = {name: value for name, value in base.__dict__.items() if isinstance(value, LiveField)}
    for name, annotation in _take_annotations(base, set(found)).items():
        found[name].annotation = annotation
    return found


def _refuse_unusable(cls: type, own: dict[str, LiveField], inherited: dict[str, LiveField]) -> None:
    for name in own:
        if name.startswith("_"):
            raise FieldDefinitionError(f"{cls.__name__}.{name}: a live field's name cannot start with an underscore")
    for name in inherited:
        if name in cls.__dict__ and name not in own:
            raise FieldDefinitionError(
                f"{cls.__name__}.{name}: it is live in a base class; declare it with env() or secret(), or rename it"
            )


def _take_annotations(cls: type, names: set[str]) -> dict[str, Any]:
    """Remove the annotations of live fields from a class, so that pydantic makes no fields of them."""
    if sys.version_info >= (3, 14):
        return _take_lazy_annotations(cls, names)
    annotations = cls.__dict__.get("__annotations__", {})  # noqa: RUF063 - a copy would not be what pydantic reads
    return {name: annotations.pop(name) for name in names & annotations.keys()}


def _take_lazy_annotations(cls: Any, names: set[str]) -> dict[str, Any]:
    # Since Python 3.14 a class holds a function that evaluates its annotations (PEP 649); it is called with the
    # FORWARDREF format here, which never fails, and replaced by one that leaves the live names out.
    import annotationlib  # type: ignore[import-not-found,unused-ignore]  # standard library of 3.14

    annotate: Callable[[Any], dict[str, Any]] | None = cls.__dict__.get("__annotate_func__")
    if annotate is None:
        return {}
    taken = annotationlib.call_annotate_function(annotate, annotationlib.Format.FORWARDREF, owner=cls)

    def without_live(annotation_format: Any, /) -> dict[str, Any]:
        found = annotationlib.call_annotate_function(annotate, annotation_format, owner=cls)
        return {name: value for name, value in found.items() if name not in names}

    cls.__annotate__ = without_live
    return {name: value for name, value in taken.items() if name in names}
