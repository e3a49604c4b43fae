"""The API of Larder's notes by hand, as one would write it: FastAPI, SQLModel and SQLite, served by uvicorn.

It checks the token and its session in the database with every request, validates bodies, and keeps each write durable.
It has no rate limits, no history, no roles and no row rules.
"""

import csv
import io
import json
import os
import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated

import argon2
import jwt
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, StringConstraints
from sqlalchemy import event, text
from sqlalchemy.orm import selectinload
from sqlmodel import Field, Relationship, Session, SQLModel, col, create_engine, func, select

SECRET = os.environ["TWIN_SECRET"]
engine = create_engine(f"sqlite:///{os.environ['TWIN_DATABASE']}", pool_size=20)
hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
app = FastAPI()


@event.listens_for(engine, "connect")
def _set_up(connection, _):
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("PRAGMA synchronous=full")
    connection.execute("PRAGMA foreign_keys=on")
    connection.execute("PRAGMA busy_timeout=5000")


def new_id():
    """Return a new id."""
    return str(uuid.uuid4())


def now():
    """Return the time in UTC."""
    return datetime.now(UTC)


class Person(SQLModel, table=True):
    """Someone who can sign in."""

    id: str = Field(default_factory=new_id, primary_key=True)
    email: str = Field(unique=True)
    password_hash: str


class SignIn(SQLModel, table=True):
    """A session."""

    id: str = Field(default_factory=new_id, primary_key=True)
    person: str = Field(foreign_key="person.id", index=True)
    expires_at: datetime


class Category(SQLModel, table=True):
    """A category of notes."""

    id: str = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)


class NoteBase(SQLModel):
    """What a client sends."""

    title: str = Field(max_length=255)
    body: str | None = None
    priority: int | None = Field(default=None, index=True)
    done: bool | None = None
    category: str | None = Field(default=None, foreign_key="category.id", index=True)


class Stamps(SQLModel):
    """What the server sets."""

    id: str = Field(default_factory=new_id, primary_key=True)
    created_at: datetime = Field(default_factory=now, index=True)
    updated_at: datetime = Field(default_factory=now, index=True)
    created_by: str | None = None
    version: int = 1


class Note(NoteBase, Stamps, table=True):
    """A note."""

    category_record: Category | None = Relationship()


class Draft(NoteBase, Stamps, table=True):
    """A draft of a note."""


class Article(NoteBase, Stamps, table=True):
    """A note with full-text search."""


class NoteOut(NoteBase, Stamps):
    """A note in a response."""


class ExpandedNote(NoteOut):
    """A note with its category."""

    category_record: Category | None = None


class NoteChange(BaseModel):
    """A change of a note: the members that are given."""

    title: Annotated[str, StringConstraints(max_length=255)] | None = None
    body: str | None = None
    priority: int | None = None
    done: bool | None = None
    category: str | None = None


class Page(BaseModel):
    """A page of a list."""

    data: list[NoteOut]
    total: int | None = None


class ExpandedPage(BaseModel):
    """A page of a list, with categories."""

    data: list[ExpandedNote]


class Credentials(BaseModel):
    """What signs in."""

    email: str
    password: str


def database():
    """Yield a session of the database."""
    with Session(engine) as session:
        yield session


Database = Annotated[Session, Depends(database)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


def caller(db: Database, bearer: Bearer):
    """Return the id of the caller, or None if they are anonymous. Raises 401 unless their session is valid."""
    if bearer is None:
        return None
    try:
        claims = jwt.decode(bearer.credentials, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    query = select(Person.id).join(SignIn).where(SignIn.id == claims["sid"], SignIn.expires_at > now())
    if (person := db.exec(query).first()) is None:
        raise HTTPException(401)
    return person


Caller = Annotated[str | None, Depends(caller)]


def member(person: Caller):
    """Return the id of the caller. Raises 401 if they are anonymous."""
    if person is None:
        raise HTTPException(401)
    return person


Member = Annotated[str, Depends(member)]


@app.post("/login")
def login(credentials: Credentials, db: Database):
    """Sign in."""
    person = db.exec(select(Person).where(Person.email == credentials.email)).first()
    try:
        hasher.verify(person.password_hash if person else "", credentials.password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError) as error:
        raise HTTPException(401) from error
    session = SignIn(person=person.id, expires_at=now() + timedelta(days=1))
    db.add(session)
    db.commit()
    claims = {"sid": session.id, "sub": session.person, "exp": now() + timedelta(days=1)}
    return {"token": jwt.encode(claims, SECRET, algorithm="HS256")}


@app.get("/notes")
def list_notes(
    db: Database,
    _: Caller,
    *,
    per_page: int = 20,
    priority: int | None = None,
    sort: str = "id",
    after: str | None = None,
    count: bool = True,
) -> Page:
    """List notes."""
    query = select(Note)
    if priority is not None:
        query = query.where(Note.priority == priority)
    total = db.exec(select(func.count()).select_from(query.subquery())).one() if count else None
    if after:
        query = query.where(Note.id > after)
    name = sort.lstrip("-")
    if name not in NoteOut.model_fields:
        raise HTTPException(422)
    order = [col(getattr(Note, name)).desc() if sort.startswith("-") else col(getattr(Note, name)), col(Note.id)]
    return Page(data=db.exec(query.order_by(*order).limit(min(per_page, 200))).all(), total=total)


@app.get("/expanded-notes")
def list_expanded(db: Database, _: Caller, per_page: int = 20) -> ExpandedPage:
    """List notes with their categories."""
    query = select(Note).options(selectinload(Note.category_record)).order_by(Note.id).limit(min(per_page, 200))
    return ExpandedPage(data=[ExpandedNote.model_validate(note) for note in db.exec(query)])


@app.get("/search")
def search(db: Database, _: Caller, q: str, per_page: int = 20) -> Page:
    """Search articles, the best first."""
    words = text("SELECT rowid FROM article_words WHERE article_words MATCH :q ORDER BY rank LIMIT :limit")
    rows = [row[0] for row in db.execute(words, {"q": q, "limit": min(per_page, 200)})]
    query = select(Article).where(text("rowid IN (SELECT value FROM json_each(:rows))"))
    return Page(data=db.exec(query, params={"rows": json.dumps(rows)}).all())


@app.get("/aggregate")
def aggregate(db: Database, _: Caller):
    """Count notes and sum their priorities, for each category."""
    query = select(Note.category, func.count(), func.sum(Note.priority)).group_by(Note.category)
    return {"data": [{"category": row[0], "count": row[1], "sum": row[2]} for row in db.exec(query)]}


@app.get("/export")
def export(db: Database, _: Caller):
    """Return all notes as CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(NoteOut.model_fields)
    for note in db.exec(select(Note).order_by(Note.id)):
        writer.writerow(getattr(note, name) for name in NoteOut.model_fields)
    return Response(out.getvalue(), media_type="text/csv")


@app.get("/notes/{id}")
def get_note(db: Database, _: Caller, id: str) -> NoteOut:
    """Return one note."""
    if (note := db.get(Note, id)) is None:
        raise HTTPException(404)
    return note


@app.patch("/notes/{id}")
def update_note(db: Database, _: Member, id: str, change: NoteChange) -> NoteOut:
    """Change a note."""
    if (note := db.get(Note, id)) is None:
        raise HTTPException(404)
    note.sqlmodel_update(change.model_dump(exclude_unset=True))
    note.updated_at, note.version = now(), note.version + 1
    db.add(note)
    db.commit()
    db.refresh(note)
    return note


@app.post("/drafts", status_code=201)
def create_draft(db: Database, person: Member, new: NoteBase) -> NoteOut:
    """Create a draft."""
    draft = Draft(**new.model_dump(), created_by=person)
    db.add(draft)
    db.commit()
    db.refresh(draft)
    return draft


@app.post("/batch", status_code=201)
def create_drafts(db: Database, person: Member, new: list[NoteBase]) -> list[NoteOut]:
    """Create several drafts, all or none."""
    drafts = [Draft(**each.model_dump(), created_by=person) for each in new]
    db.add_all(drafts)
    db.commit()
    return [db.get(Draft, draft.id) for draft in drafts]


@app.post("/import", status_code=201)
async def import_drafts(request: Request, db: Database, person: Member):
    """Create drafts from CSV, all or none."""
    lines = csv.DictReader(io.StringIO((await request.body()).decode(), newline=""))
    drafts = [Draft(**NoteBase.model_validate(line).model_dump(), created_by=person) for line in lines]
    db.add_all(drafts)
    db.commit()
    return {"created": len(drafts)}
