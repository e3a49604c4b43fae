"""Rules for the modules of a page, which no linter of Python sees."""

import re

FORBIDDEN = re.compile(r"\b(?:inner|outer)HTML\b|insertAdjacentHTML|\beval\(|new Function|style=\"|srcdoc|javascript:")
FUNCTION = re.compile(r"^(?:export )?(?:default )?(?:async )?function .*?^}", re.MULTILINE | re.DOTALL)
MOST_COLUMNS, MOST_LINES, MOST_LINES_OF_A_FUNCTION = 120, 200, 40


def markup_from_text(modules):
    """Return what makes code or markup from text, by the name of the module."""
    return {module.name: found for module in modules if (found := FORBIDDEN.findall(module.read_text()))}


def too_long(modules):
    """Return the modules, the functions and the lines that are longer than those of a page may be."""
    found = []
    for module in modules:
        lines = module.read_text().splitlines()
        found += [module.name] if len(lines) > MOST_LINES else []
        found += [
            f"{module.name}: {each.partition('(')[0]}"
            for each in FUNCTION.findall(module.read_text())
            if each.count("\n") >= MOST_LINES_OF_A_FUNCTION
        ]
        found += [f"{module.name}:{number}" for number, line in enumerate(lines, 1) if len(line) > MOST_COLUMNS]
    return found
