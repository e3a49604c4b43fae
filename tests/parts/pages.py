"""Pages of the documentation: their blocks of code, run by bash against a server, and compared with what they show."""

import json
import re
import subprocess

from tests.parts.server import ROOT

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MARK = "# line "  # before what each block of commands prints
ANYTHING = "…"
PAGE_SECONDS = 500  # less than the limit of a test; a machine may be busy
# The token of the latest mail with a link to a page of ours; without SMTP mails are in the log.
MAILED = """mailed() {
  until grep -o "$1#token=[A-Za-z0-9_-]*" "$LOG" | tail -n 1 | grep -o '[^=]*$'; do sleep 0.1; done
}
"""


def read_blocks(page):
    """Return the (language, line, text) of each block of code."""
    text = page.read_text()
    return [(match[1], text[: match.start()].count("\n") + 1, match[2]) for match in BLOCK.finditer(text)]


def run_blocks(blocks, address, password, folder, log, **variables):
    """Run blocks of commands in one bash, with what a reader puts in; return an iterator of what each prints.

    `variables` are more variables of the environment.
    """
    script = MAILED + "".join(f"echo '{MARK}{line}'\n{text}\n" for _, line, text in blocks)
    script = script.replace("http://127.0.0.1:8000", f"http://{address}").replace("YOUR_PASSWORD", password)
    script = re.sub(r"THE TOKEN FROM THE LINK TO (/account/\w+)", r"$(mailed \1)", script)
    environment = {"LOG": log, "PATH": "/usr/local/bin:/usr/bin:/bin", **variables}
    command = ["bash", "-euc", script]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=PAGE_SECONDS)
    assert done.returncode == 0, f"It ends at {done.stdout.rpartition(MARK)[2]}\n{done.stderr}"
    return iter(re.split(f"^{MARK}\\d+\n", done.stdout, flags=re.MULTILINE)[1:])


def check_blocks(name, blocks, address, password, folder, log, **variables):
    """Run the blocks of a page and assert that each prints what the block after it shows."""
    outputs = run_blocks([block for block in blocks if block[0] == "sh"], address, password, folder, log, **variables)
    printed = ""
    for kind, line, text in blocks:
        if kind == "sh":
            printed = next(outputs)
        elif kind in ("json", "text"):
            found = difference(json.loads(text), read_json(printed)) if kind == "json" else unlike(text, printed)
            assert found is None, f"{name}:{line}: {found}\n{printed}"


def read_json(printed):
    """Return what the last of the answers is, one a line."""
    return json.loads(printed.strip().rpartition("\n")[2])


def difference(shown, actual, place="the answer"):
    """Return in words where an answer is not what a page shows, or None.

    There `…` stands for anything, also within a text, and as a last key or item for whatever more there is.
    """
    if isinstance(shown, dict) and isinstance(actual, dict):
        missing = [name for name in shown if name not in {*actual, ANYTHING}]
        more = [name for name in actual if name not in shown and ANYTHING not in shown]
        inner = [difference(shown[name], actual[name], f"{place}.{name}") for name in shown if name in actual]
        parts = [*(f"{place} lacks {name}" for name in missing), *(f"{place} has {name} too" for name in more), *inner]
        return next(filter(None, parts), None)
    if isinstance(shown, list) and isinstance(actual, list):
        is_open = shown[-1:] == [ANYTHING]
        named = shown[:-1] if is_open else shown
        if len(actual) < len(named) or (len(actual) > len(named) and not is_open):
            return f"{place} has {len(actual)} items, not {len(named)}: {actual}"
        inner = [difference(*pair, f"{place}.{i}") for i, pair in enumerate(zip(named, actual, strict=False))]
        return next(filter(None, inner), None)
    if shown == ANYTHING or (isinstance(shown, str) and isinstance(actual, str) and is_like(shown, actual)):
        return None
    same = shown == actual and isinstance(shown, bool) == isinstance(actual, bool)  # Postgres writes 1, SQLite 1.0
    return None if same else f"{place} is {actual!r}, not {shown!r}"


def unlike(shown, printed):
    """Return what was printed, if it is not the lines that a page shows."""
    return None if is_like(shown.strip(), printed.strip().replace("\r", "")) else f"it prints\n{printed}"


def is_like(shown, actual):
    """Return whether a text is the one that a page shows."""
    return re.fullmatch(".*".join(map(re.escape, shown.split(ANYTHING))), actual, re.DOTALL) is not None


def checkout_of(folder):
    """Make a folder that looks like the checkout to commands, and can be written to; return it."""
    checkout = folder / "larder"
    checkout.mkdir()
    for name in (".venv", "backend", "examples", "wsgi.py"):
        (checkout / name).symlink_to(ROOT / name)
    return checkout
