"""Draws the rooms of backend/ and their imports into docs/architecture.md: `make picture`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

BACKEND = Path(__file__).parents[1] / "backend"
PAGE = Path(__file__).with_name("architecture.md")
MARKS = re.compile(r"(<!-- rooms -->\n).*?(<!-- end of rooms -->)", re.DOTALL)
PARTS = ("services", "database", "migrations")  # `services` holds rooms, the others are parts of models
APP = "app"  # backend/__init__.py and server.py, which wire everything together

Arrows = dict[str, set[str]]


def draw(page: str) -> str:
    """Return the text of the page with the rooms as they are in the code now."""
    arrows = read_arrows()
    block = "\n".join(["```mermaid", *_picture(arrows), "```", "", *_table(arrows), ""])
    return MARKS.sub(lambda marks: f"{marks[1]}{block}{marks[2]}", page)


def read_arrows() -> Arrows:
    """Return, by room, the other rooms that its files import from."""
    rooms = {_name(path): path for path in _rooms()}
    arrows: Arrows = {room: set() for room in [APP, *sorted(rooms)]}
    for path in BACKEND.rglob("*.py"):
        room = _room_of(path, rooms)
        arrows[room] |= {_room_of(module, rooms) for module in _imported(path)} - {room}
    return arrows


def _rooms() -> Iterator[Path]:
    """Yield the folders and files that are rooms: two levels of folders, and the single files of services/."""
    for folder in (path.parent for path in BACKEND.rglob("__init__.py")):
        if 1 <= len(folder.relative_to(BACKEND).parts) <= 2 and folder.name not in PARTS:
            yield folder
    yield from (path for path in BACKEND.glob("services/*.py") if path.name != "__init__.py")


def _name(path: Path) -> str:
    return path.relative_to(BACKEND).as_posix()


def _room_of(path: Path, rooms: dict[str, Path]) -> str:
    """Return the innermost room that a file is in."""
    return next((_name(each) for each in [path, *path.parents] if each in rooms.values()), APP)


def _imported(path: Path) -> Iterator[Path]:
    """Yield the files and folders of backend/ that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "backend":
            yield from (_source(node.module, alias.name) for alias in node.names)


def _source(module: str, name: str) -> Path:
    """Return the file or folder that `from module import name` reads."""
    place = BACKEND.parent.joinpath(*module.split("."))
    candidates = [place / f"{name}.py", place / name, place, place.with_suffix(".py")]
    return next(each for each in candidates if each.exists())


def _picture(arrows: Arrows) -> Iterator[str]:
    """Yield the lines of a Mermaid flowchart: each arrow that does not follow from others."""
    yield "flowchart TD"
    yield from (f"    {_id(room)}[{room}]" for room in arrows if not room.startswith("services/"))
    yield "    subgraph services"
    yield from (
        f"        {_id(room)}[{room.removeprefix('services/')}]" for room in arrows if room.startswith("services/")
    )
    yield "    end"
    for room, targets in arrows.items():
        yield from (f"    {_id(room)} --> {_id(each)}" for each in sorted(targets - _reached(arrows, targets)))


def _reached(arrows: Arrows, rooms: set[str]) -> set[str]:
    """Return the rooms that arrows lead to from these."""
    found: set[str] = set()
    waiting = list(rooms)
    while waiting:
        fresh = arrows[waiting.pop()] - found
        found |= fresh
        waiting += fresh
    return found


def _id(room: str) -> str:
    return re.sub(r"\W", "_", room)


def _table(arrows: Arrows) -> Iterator[str]:
    yield "| room | purpose | imports from |"
    yield "|---|---|---|"
    for room in arrows:
        if room != APP:
            yield f"| `backend/{room}` | {_purpose(BACKEND / room)} | {', '.join(sorted(arrows[room]))} |"


def _purpose(room: Path) -> str:
    """Return the first line of a room's docstring."""
    source = room if room.suffix else room / "__init__.py"
    return (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").partition("\n")[0]


if __name__ == "__main__":
    PAGE.write_text(draw(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
