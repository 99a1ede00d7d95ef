"""Specs, events and jobs as JSON-ready data, and checked on the way back.

Owns the one reading of stored or received data into records: a value of another type than its field never
becomes one. Knows nothing of files or SQLite.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from . import events
from .job import Job
from .problem import Problem
from .seam import Seam
from .spec import JobSpec


def to_payload(event: events.Event) -> dict[str, Any]:
    """The event as JSON-ready data, without its kind."""
    if isinstance(event, events.Unrecognised):
        return dict(event.payload)
    return dataclasses.asdict(event)


def from_payload(kind: str, payload: Mapping[str, Any]) -> events.Event:
    """The event that ``to_payload`` wrote. Unknown fields of a newer version are dropped.

    Raises ValueError when a known kind lacks a field or holds a wrong one.
    """
    cls = events.EVENTS.get(kind)
    try:
        values = dict(payload)
        if cls is None:
            return events.Unrecognised(kind, values)
        if "spec" in values:
            values["spec"] = spec_from_payload(values["spec"])
        return _build(cls, values)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"event {kind!r} cannot be read: {error}") from error


def spec_to_payload(spec: JobSpec) -> dict[str, Any]:
    """The spec as JSON-ready data."""
    return dataclasses.asdict(spec)


def spec_from_payload(payload: Mapping[str, Any]) -> JobSpec:
    """The spec that ``spec_to_payload`` wrote. Raises TypeError, KeyError, AttributeError or ValueError.

    Fields that older ledgers lack take their defaults.
    """
    values = dict(payload)
    for name in ("source", "target", "image_pixels"):
        if not values.get(name):
            values.pop(name, None)
    return _build(JobSpec, values)


def job_to_payload(job: Job) -> dict[str, Any]:
    """The folded job as JSON-ready data: the ledger's shortcut past the events."""
    return dataclasses.asdict(job)


def job_from_payload(payload: Mapping[str, Any]) -> Job:
    """The job that ``job_to_payload`` wrote. Raises TypeError, KeyError, AttributeError or ValueError."""
    return _build(Job, {**payload, "spec": spec_from_payload(payload["spec"])})


def _build(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """A ``cls`` made of the ``values`` that are its fields, down to the records inside; other values are dropped.

    Raises TypeError or ValueError for a value of a wrong type: what is wrong in a ledger or an inbox file is
    found here, and not where somebody reckons with it later.
    """
    wanted = _types(cls)
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in wanted:
            continue
        try:
            made[name] = _made(value, wanted[name])
        except _Misfit:
            raise TypeError(f"{cls.__name__}.{name} cannot be {value!r:.80}") from None
    return cls(**made)


class _Misfit(Exception):
    """A value that is none of the wanted type."""


@functools.cache
def _types(cls: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _made(value: Any, wanted: Any) -> Any:
    """JSON's ``value`` as a field of the type ``wanted`` holds it. Raises _Misfit, TypeError, ValueError."""
    if wanted is str or wanted is bool:
        fits = isinstance(value, wanted)
    elif wanted is int:
        fits = type(value) is int
    elif wanted is float:  # JSON has one kind of number; no time or length is infinite
        fits = type(value) in (int, float) and math.isfinite(value)
    else:
        return _made_of_parts(value, wanted)
    if not fits:
        raise _Misfit
    return value


def _made_of_parts(value: Any, wanted: Any) -> Any:
    origin = typing.get_origin(wanted)
    if origin is types.UnionType:  # always one type or None
        (other,) = (one for one in typing.get_args(wanted) if one is not types.NoneType)
        return None if value is None else _made(value, other)
    if origin is tuple:
        parts = typing.get_args(wanted)
        if not isinstance(value, list | tuple):
            raise _Misfit
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        if parts[-1] is Ellipsis:
            parts = (parts[0],) * len(items)
        if len(items) != len(parts):
            raise _Misfit
        return tuple(map(_made, items, parts))
    if isinstance(value, wanted):
        return value
    if issubclass(wanted, StrEnum):
        if isinstance(value, str):
            return wanted(value)
    elif isinstance(value, Mapping) and hasattr(wanted, "__dataclass_fields__"):
        return _build(wanted, typing.cast(Mapping[str, Any], value))
    raise _Misfit


def problem_from_payload(values: Mapping[str, Any]) -> Problem:
    """The problem that ``dataclasses.asdict`` wrote. Raises TypeError, KeyError or ValueError."""
    return _build(Problem, {**values, "code": values["code"]})


def seam_from_payload(values: Mapping[str, Any]) -> Seam:
    """The seam that ``dataclasses.asdict`` wrote. Raises TypeError, KeyError or ValueError; also for no usable one."""
    seam: Seam = _build(Seam, {**values, "space": values["space"]})
    if not seam.usable:
        raise ValueError("its numbers are no curves")
    return seam
