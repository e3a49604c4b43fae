"""Words as files write them: for true, for false, and for no value."""

from collections.abc import Callable

from backend.services.records.row_files.notations import Notation, Reading

PAIRS = {"yes": "no", "y": "n", "t": "f", "1": "0", "on": "off", "ja": "nein", "oui": "non", "si": "no"}
TRUE_WORDS, FALSE_WORDS = ("yes", "y", "t", "1", "on"), ("no", "n", "f", "0", "off")  # each has one meaning only
NULL_WORDS = frozenset({"na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "\u2013", "?", "."})  # in small letters


def boolean_reader(notation: Notation) -> Callable[[str], Reading | None]:
    """Return the function that reads a boolean, as `true` or `false`."""
    words = {word.casefold(): Reading("true", ("true",)) for word in notation.true}
    words |= {word.casefold(): Reading("false", ("false",)) for word in notation.false}
    words |= {"true": Reading("true"), "false": Reading("false")}
    return lambda text: words.get(text.strip().casefold())


def pair_of(word: str) -> tuple[str, str] | None:
    """Return the usual words for true and false of which this is one; None if it is none of them."""
    plain = word.strip().casefold()
    return next((pair for pair in PAIRS.items() if plain in pair), None)


def means_nothing(text: str) -> bool:
    """Return whether the text is a word for no value, in columns that have no texts."""
    return text.strip().casefold() in NULL_WORDS
