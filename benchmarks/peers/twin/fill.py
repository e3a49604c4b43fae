"""Create the tables of notes_app.py, and read their rows as JSON from standard input; prints the ids."""

import json
import sys

from notes_app import Article, Category, Note, Person, engine, hasher
from sqlalchemy import text
from sqlmodel import Session, SQLModel

SEARCH = """
CREATE VIRTUAL TABLE article_words USING fts5(title, body, content='article')
INSERT INTO article_words(rowid, title, body) SELECT rowid, title, body FROM article
"""


def main():
    """Fill the database."""
    data = json.load(sys.stdin)
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Person(email=data["email"], password_hash=hasher.hash(data["password"])))
        categories = [Category(name=name) for name in data["categories"]]
        session.add_all(categories)
        session.flush()
        ids = [category.id for category in categories]
        for kind in (Note, Article):
            session.add_all(kind(**row | {"category": ids[row["category"]]}) for row in data["notes"])
        session.flush()
        for statement in SEARCH.strip().splitlines():
            session.execute(text(statement))
        session.execute(text("ANALYZE"))
        notes = sorted(row[0] for row in session.execute(text("SELECT id FROM note")))
        session.commit()
    print(json.dumps({"categories": ids, "notes": notes}))


if __name__ == "__main__":
    main()
