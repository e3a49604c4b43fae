"""The modules of the admin page: which screen a URL shows, and what that needs before it can be shown."""

import posixpath
import re
from functools import cache

from backend.routes.toolkit.pages import FOLDER

MODULES = FOLDER / "admin"
START, PAGES = "main.js", "pages.js"
# An entry of the table in PAGES.
PAGE = re.compile(r"^  \['(/[^']+)', '(\w+)'", re.MULTILINE)
# `import` and `export … from` at the start of a statement; not `import()`, which reads a module later.
IMPORT = re.compile(r"^(?:import|export)\b[^;(]*?from\s*['\"](\.[^'\"]+)['\"]", re.MULTILINE)


def modules_of(path: str) -> tuple[str, ...]:
    """Return the names of all modules that the page at a path needs, such as `parts/html.js`."""
    found = (screen for pattern, screen in _pages() if pattern.fullmatch(path.rstrip("/")))
    return _modules_of_screen(next(found, "missing"))


@cache
def _pages() -> list[tuple[re.Pattern[str], str]]:
    """Return a pattern for each path, with the name of its screen: the first that matches is shown."""
    table = PAGE.findall((MODULES / PAGES).read_text(encoding="utf-8"))
    return [(re.compile(re.sub(r":\w+", "[^/]*", path)), screen) for path, screen in table]


@cache
def _modules_of_screen(screen: str) -> tuple[str, ...]:
    """Return what every page needs first: browsers read the modules in this order, and then show the page."""
    names: list[str] = []
    for start in (START, f"screens/{screen}.js"):
        names.append(start)
        for name in names:  # which grows meanwhile
            names += [each for each in _imports_of(name) if each not in names]
    return tuple(names)


@cache
def _imports_of(name: str) -> list[str]:
    text, folder = (MODULES / name).read_text(encoding="utf-8"), posixpath.dirname(name)
    return [posixpath.normpath(posixpath.join(folder, path)) for path in dict.fromkeys(IMPORT.findall(text))]
