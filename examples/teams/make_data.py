"""Writes the demo's rows as CSV files into a folder, the same ones each time: `python make_data.py FOLDER`."""

import csv
import sys
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

RESOURCES = ["teams", "memberships", "projects", "tags", "tasks", "comments"]
TEAMS = {  # each with its projects, tags and people, of whom the first is its owner
    "Garden": (["Greenhouse", "Pond"], ["urgent", "outdoors", "tools"], ["ada", "ben"]),
    "Library": (["Opening hours", "Reading room"], ["urgent", "books"], ["cleo", "ada", "dan"]),
    "Bicycles": (["Repair day"], ["parts"], ["dan"]),
}
VERBS = ["Buy", "Clean", "Draw", "Measure", "Order", "Paint", "Plan", "Repair", "Sort", "Remove"]
THINGS = ["the pump", "the sign", "new shelves", "the gate", "the lamps", "a ladder", "the roof", "the list"]
REMARKS = ["Who has the key?", "Done by half.", "That can wait until spring.", "I can help on Friday.", "It is paid."]
TASKS_PER_PROJECT = 12
FIRST_DAY = date(2026, 3, 1)

Row = dict[str, Any]

random = Random(11)
numbers = count(1)


def row(**values: Any) -> Row:
    """Return a row with an id; ids grow, as those that Larder makes do."""
    return {"id": f"019d0000-0000-7000-8000-{next(numbers):012x}"} | values


def address(person: str | None) -> str | None:
    """Return the e-mail address of a person, or of nobody."""
    return person and f"{person}@example.com"


def task(project: Row, tags: list[Row], people: list[str]) -> Row:
    """Return the row of a task; three of ten have no due date, and some have no assignee."""
    return row(
        project=project["id"],
        title=f"{random.choice(VERBS)} {random.choice(THINGS)}",
        state=random.choice(["open", "open", "doing", "done"]),
        due=FIRST_DAY + timedelta(random.randrange(60)) if random.random() < 0.7 else None,
        assignee_email=address(random.choice([None, *people])),
        tags="|".join(tag["id"] for tag in random.sample(tags, random.randrange(len(tags)))),
    )


def comment(task: Row, people: list[str]) -> Row:
    """Return the row of a comment on a task."""
    return row(task=task["id"], author_email=address(random.choice(people)), body=random.choice(REMARKS))


def tables() -> dict[str, list[Row]]:
    """Return all rows by resource, each before those that refer to it."""
    found: dict[str, list[Row]] = {name: [] for name in RESOURCES}
    for name, (projects, tags, people) in TEAMS.items():
        team = row(name=name)
        labels = [row(team=team["id"], name=tag) for tag in tags]
        found["teams"].append(team)
        found["tags"] += labels
        for person in people:
            role = "owner" if person == people[0] else "member"
            found["memberships"].append(row(team=team["id"], user_email=address(person), role=role))
        for project in [row(team=team["id"], name=project) for project in projects]:
            tasks = [task(project, labels, people) for _ in range(TASKS_PER_PROJECT)]
            found["projects"].append(project)
            found["tasks"] += tasks
            found["comments"] += [comment(each, people) for each in tasks for _ in range(random.randrange(4))]
    return found


def write(folder: Path) -> None:
    """Write a CSV file for each resource."""
    folder.mkdir(parents=True, exist_ok=True)
    for resource, rows in tables().items():
        with open(folder / f"{resource}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
