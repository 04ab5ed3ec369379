"""Readers of models: what they say of a program's text is what the program's own metadata says when it is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from a_folder import facts, run_python, scanned
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.manifest.readers import READERS, read
from privet.manifest.source.code import Code
from privet.vocabulary.dataset import Dataset

SQLALCHEMY = '''\
from datetime import datetime
from typing import Annotated, Optional

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, ForeignKeyConstraint, Integer, MetaData, Numeric, String
from sqlalchemy import Table, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from privet.annotations import Privacy

key = Annotated[int, mapped_column(primary_key=True)]


class Base(DeclarativeBase):
    pass


class Dated:
    made: Mapped[datetime]


class Person(Dated, Base):
    """A person."""

    __tablename__ = "people"

    id: Mapped[key]
    email: Mapped[str] = mapped_column(String(80), info={"privacy": "user.contact.email; subject: customer"})
    nick: Mapped[Optional[str]]
    name: Mapped[Annotated[str | None, Privacy("user.name", identity="name")]] = mapped_column("full_name", Text)
    score: Mapped[float | None] = mapped_column(Numeric(5, 2), info={"other": 1, "privacy": ["user.behavior"]})
    extra = Column(JSON, nullable=False, comment="all else; privacy: user.content")
    orders: Mapped[list["Order"]] = relationship(back_populates="person")


class Order(Base):
    __tablename__ = "orders"
    id = Column(BigInteger(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), info={"privacy": "user.unique_id"})
    before_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    person: Mapped[Person] = relationship(back_populates="orders")


lines = Table(
    "lines",
    Base.metadata,
    Column("order_id", Integer, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("note", String(9), info={"privacy": {"category": "user.content", "use": "essential.service"}}),
    ForeignKeyConstraint(["order_id"], ["orders.id"]),
)


class Plain(Base):
    __tablename__ = "plain"
    id: Mapped[key]
'''
SQLMODEL = """\
from datetime import date
from decimal import Decimal
from typing import Annotated, List, Optional

from sqlalchemy import Column, Text
from sqlmodel import Field, Relationship, SQLModel, create_engine

from privet.annotations import Privacy


class Named(SQLModel):
    name: Annotated[str, Privacy("user.name")]


class Person(Named, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(max_length=80, schema_extra={"json_schema_extra": {"privacy": "user.contact.email"}})
    born: Annotated[Optional[date], Privacy("user.demographic.date_of_birth")] = None
    worth: Decimal = Field(default=0)
    about: str | None = Field(default=None, sa_column=Column("about_me", Text, info={"privacy": "user.content"}))
    pets: List["Pet"] = Relationship(back_populates="owner")


class Pet(SQLModel, table=True):
    __tablename__ = "pets"
    id: Optional[int] = Field(default=None, primary_key=True)
    owner_id: int | None = Field(foreign_key="person.id", sa_column_kwargs={"info": {"privacy": ["user.unique_id"]}})
    owner: Optional[Person] = Relationship(back_populates="pets")


class Answer(Named):
    more: bool
"""
DJANGO = """\
from django.db import models


class Named(models.Model):
    name = models.CharField(max_length=80)

    class Meta:
        abstract = True

    class Privacy:
        name = "user.name"


class Person(Named):
    email = models.EmailField(unique=True)
    born = models.DateField(null=True, db_comment="as they say; privacy: user.demographic.date_of_birth")
    tags = models.ManyToManyField("Tag")

    class Meta:
        db_table = "people"

    class Privacy:
        email = {"category": "user.contact.email", "subject": "customer", "identity": "email"}


class Tag(models.Model):
    slug = models.SlugField(primary_key=True)


class Order(models.Model):
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    total = models.DecimalField(max_digits=9, decimal_places=2)

    class Privacy:
        person = "user.unique_id"


class Late(Order):
    class Meta:
        proxy = True
"""
DJANGO_RUN = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["shop"], DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "real.db"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, run_syncdb=True)
"""


def columns(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    return {
        f"{table.name}.{field.name}": field.labels
        for table in dataset.collections
        for field in table.fields
        if field.labels
    }


def test_sqlalchemy_is_what_its_metadata_makes(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(SQLALCHEMY, encoding="utf-8")
    run_python(tmp_path, "import models as m; m.Base.metadata.create_all(m.create_engine('sqlite:///real.db'))")
    dataset, findings = read([Code("models.py", SQLALCHEMY)], "shop", ["sqlalchemy"])
    there = facts(scanned(tmp_path / "real.db"))
    del there["plain"]  # it annotates nothing
    assert facts(dataset) == there
    assert columns(dataset) == {
        "lines.note": ("user.content",),
        "orders.person_id": ("user.unique_id",),
        "people.email": ("user.contact.email",),
        "people.full_name": ("user.name",),
        "people.score": ("user.behavior",),
        "people.extra": ("user.content",),
    }
    people = dataset.collection("people")
    assert people is not None and people.about == ("customer",)
    assert [field.native.identity for field in people.fields if field.name == "full_name"] == ["name"]
    assert [(one.severity, one.at.line) for one in findings] == [("note", 48)]  # a use, which no dataset says


def test_sqlmodel_is_what_its_metadata_makes(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(SQLMODEL, encoding="utf-8")
    run_python(tmp_path, "import models as m; m.SQLModel.metadata.create_all(m.create_engine('sqlite:///real.db'))")
    dataset, findings = read([Code("models.py", SQLMODEL)], "shop", ["sqlmodel"])
    assert findings == ()
    assert facts(dataset) == facts(scanned(tmp_path / "real.db"))
    assert columns(dataset) == {
        "person.name": ("user.name",),
        "person.email": ("user.contact.email",),
        "person.born": ("user.demographic.date_of_birth",),
        "person.about_me": ("user.content",),
        "pets.owner_id": ("user.unique_id",),
    }


def test_django_is_what_it_makes_itself(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "models.py").write_text(DJANGO, encoding="utf-8")
    run_python(tmp_path, DJANGO_RUN)
    dataset, findings = read([Code("shop/models.py", DJANGO)], "shop", ["django"])
    assert findings == ()
    there = facts(scanned(tmp_path / "real.db"))
    assert facts(dataset) == {name: there[name] for name in ("people", "shop_order")}
    assert columns(dataset) == {
        "people.name": ("user.name",),
        "people.email": ("user.contact.email",),
        "people.born": ("user.demographic.date_of_birth",),
        "shop_order.person_id": ("user.unique_id",),
    }


def test_comments_of_sql_are_read() -> None:
    text = """\
CREATE TABLE people (
    -- privacy: user.name
    name TEXT,
    email TEXT, -- privacy: user.contact.email; identity: email
    born DATE /* privacy: user.demographic.date_of_birth */
);
CREATE TABLE plain (id INT);
COMMENT ON COLUMN plain.id IS 'privacy: user.unique_id';
CREATE TABLE other (id INT);
"""
    dataset, findings = read([Code("schema.sql", text)], "shop", ["sql"])
    assert findings == ()
    assert columns(dataset) == {
        "people.name": ("user.name",),
        "people.email": ("user.contact.email",),
        "people.born": ("user.demographic.date_of_birth",),
        "plain.id": ("user.unique_id",),
    }


@pytest.mark.parametrize(
    ("reader", "text", "line", "message"),
    [
        (
            "sqlalchemy",
            "class A(Base):\n  __tablename__ = f()\n  id = Column(Integer)",
            1,
            "class `A`: the name of its",
        ),
        (
            "sqlalchemy",
            "class A(Base):\n  __tablename__ = 'a'\n  x = Column(NAME, Integer)",
            3,
            "column `x` of `a`: its name",
        ),
        (
            "sqlalchemy",
            "class A(Base):\n  __tablename__ = 'a'\n  x = Column(Text, info={'privacy': f()})",
            3,
            "annotation: expected plain text, found what only a run would tell",
        ),
        ("sqlalchemy", "class A(:\n  x = Column(", 1, "expected Python"),
    ],
)
def test_what_only_a_run_would_tell_has_its_line(reader: str, text: str, line: int, message: str) -> None:
    _, findings = read([Code("a.py", text)], "shop", [reader])
    assert [(finding.at.line, finding.message[: len(message)]) for finding in findings] == [(line, message)]


def test_a_wrong_annotation_is_an_error() -> None:
    text = "CREATE TABLE a (b INT); -- privacy: what is this; color: red"
    _, findings = read([Code("a.sql", text)], "shop")
    assert [(one.severity, one.rule) for one in findings] == [("error", "annotation"), ("error", "annotation")]


def test_two_readers_that_see_one_table_are_put_together() -> None:
    codes = [
        Code("a.sql", "CREATE TABLE a (b INT, c INT); -- privacy: user.name"),
        Code(
            "a.py",
            "class A(Base):\n  __tablename__ = 'a'\n  b = Column(Integer, info={'privacy': 'user.content'})\n",
        ),
    ]
    dataset, _ = read(codes, "shop")
    assert columns(dataset) == {"a.b": ("user.content",), "a.c": ("user.name",)}


LINES = st.sampled_from(
    (
        "class A(Base, table=True):",
        "    __tablename__ = 'a'",
        "    x: Mapped['int | '] = mapped_column(",
        "    y: Annotated[str, Privacy()] = Field(sa_column=Column())",
        "    z = models.ForeignKey()",
        "    class Privacy: z = 1",
        "    w = Column(info={'privacy': [1, {}]})",
        "    q: list[Optional[dict[str, 'A']]] = 1",
        ")",
        "Table('a', b, *c, Column(*d))",
        "class B(A, SQLModel): pass",
        "class A(B): pass",
        "from pydantic import BaseModel",
    )
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=9).map("\n".join) | st.text(max_size=40))
def test_garbage_never_raises(text: str) -> None:
    for name in READERS.names():
        read([Code(f"a{READERS.get(name).suffixes[0]}", text)], "shop", [name])


def test_a_dataset_as_text_says_it_all() -> None:
    from privet.manifest.drift.patch import dataset_text
    from privet.manifest.load import read_text

    dataset, _ = read([Code("models.py", SQLMODEL)], "shop", ["sqlmodel"])
    manifest, faults = read_text(dataset_text([dataset]))
    assert [fault for fault in faults if fault.severity == "error"] == []
    assert facts(manifest.datasets[0]) == facts(dataset)
