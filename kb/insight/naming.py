"""A name that a person gives to a view or a report: one line of text that can be shown."""

from __future__ import annotations

from kb.errors import InvalidInput


def given(text: str, *, what: str, field: str, longest: int) -> str:
    """Return the name; InvalidInput for `field` when there is none or one too long. `what` is what
    is to be given: "the view a name".
    """
    name = " ".join(text.split())
    problem = ""
    if not name:
        problem = f"Give {what}."
    elif len(name) > longest or not name.isprintable():
        problem = f"Use at most {longest} characters that can be shown."
    if problem:
        raise InvalidInput(problem, fields={field: problem})
    return name
