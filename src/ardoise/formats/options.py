"""Checking the options of a source against its format's spec."""

from __future__ import annotations

from collections.abc import Mapping

from ardoise.formats.spec import BadOption, FormatSpec


def checked_options(spec: FormatSpec, options: Mapping[str, str]) -> dict[str, str]:
    """Every option of the spec with its value or its default. Raises BadOption for an unknown name or value."""
    known = {option.name: option for option in spec.options}
    for name, value in options.items():
        if name not in known:
            raise BadOption(f"{spec.name} has no option {name!r}; it has: {', '.join(known) or 'none'}.")
        choices = known[name].choices
        if choices and value not in choices:
            raise BadOption(f"{spec.name}, option {name}: {value!r} is not one of {', '.join(choices)}.")
    return {name: options.get(name, option.default) for name, option in known.items()}
