"""Alembic's migrations: what is foreseen is what SQLite holds once Alembic has run them."""

from __future__ import annotations

from pathlib import Path

import pytest
from a_folder import facts, foresee, run_python, scanned, told
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.manifest.migrations import TOOLS, observe
from privet.manifest.source.code import Code
from privet.manifest.source.ledger import Ledger

HEAD = '"""{0}"""\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{0}"\ndown_revision = {1}\n\n\n'
FILES = {
    # Names and order of files differ, as they do where revisions are random.
    "z_first.py": HEAD.format("aa", None)
    + """\
TABLE = "people"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("email", sa.String(length=80), nullable=False, comment="where we write to"),
        sa.Column("nick", sa.Text(), nullable=True),
        sa.Column("score", sa.Numeric(10, 2), server_default=sa.text("0")),
        sa.Column("extra", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("email"),
    )
    op.create_index("ix_people_email", TABLE, ["email"])
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
        sa.Column("paid", sa.Boolean(), nullable=False),
        sa.Column("gone", sa.DateTime(timezone=True)),
    )


def downgrade() -> None:
    op.drop_table("orders")
    op.drop_table(TABLE)
""",
    "b_second.py": HEAD.format("bb", '"aa"')
    + """\
def upgrade():
    op.add_column("people", sa.Column("phone", sa.String(20), nullable=True))
    with op.batch_alter_table("people") as batch_op:
        batch_op.alter_column("nick", new_column_name="handle", existing_type=sa.Text())
        batch_op.alter_column("score", type_=sa.Integer(), nullable=False)
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_column("gone")
        batch_op.add_column(sa.Column("by_id", sa.Integer()))
        batch_op.create_foreign_key("by_whom", "people", ["by_id"], ["id"])


def downgrade():
    pass
""",
    "a_third.py": HEAD.format("cc", '("bb",)')
    + """\
def upgrade():
    _lines()
    op.rename_table("orders", "sales")
    op.execute("CREATE TABLE tags (name VARCHAR(9) PRIMARY KEY)")
    op.execute("ALTER TABLE tags ADD COLUMN color TEXT")


def _lines():
    op.create_table(
        "lines",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "n"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
    )
""",
}
RUN = """
from alembic import command
from alembic.config import Config

config = Config()
config.set_main_option("script_location", ".")
config.set_main_option("sqlalchemy.url", "sqlite:///real.db")
command.upgrade(config, "head")
"""
ENV = """
from alembic import context
from sqlalchemy import create_engine

with create_engine("sqlite:///real.db").connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENV, encoding="utf-8")
    for name, text in FILES.items():
        (tmp_path / "versions" / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_what_is_foreseen_is_what_is_there_afterwards(folder: Path) -> None:
    run_python(folder, RUN)
    foreseen = foresee(folder, ".py")
    assert told(foreseen) == []
    assert facts(foreseen.dataset) == facts(scanned(folder / "real.db"))


def test_each_column_has_the_line_that_made_it(folder: Path) -> None:
    places = foresee(folder, ".py").places
    assert {path: f"{places[path].file}:{places[path].line}" for path in ("people", "people.email", "orders.gone")} == {
        "people": "versions/z_first.py:13",
        "people.email": "versions/z_first.py:16",
        "orders.gone": "versions/b_second.py:15",
    }


def step(body: str) -> list[str]:
    text = HEAD.format("aa", None) + "def upgrade():\n" + "".join(f"    {line}\n" for line in body.split("\n"))
    made = "op.create_table('a', sa.Column('id', sa.Integer(), primary_key=True))\n    "
    return told(observe([Code("1.py", text.replace("upgrade():\n    ", f"upgrade():\n    {made}", 1))], "shop"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("op.execute(statement())", "`execute`: what it does is known only to a run"),
        ("if x:\n    op.drop_table('a')", "what stands under a condition, in a loop or a function is not read"),
        (
            "for x in y:\n    op.add_column('a', x)",
            "what stands under a condition, in a loop or a function is not read",
        ),
        (
            "op.create_table(name(), sa.Column('id', sa.Integer()))",
            "`create_table`: what it does is known only to a run",
        ),
        ("op.add_column('a', column)", "`add_column`: what it does is known only to a run"),
        ("op.invented('a')", "`invented`: what it does is known only to a run"),
        ("op.drop_column('b', 'c')", "table `b` is changed, and made nowhere in what was read"),
    ],
)
def test_what_only_a_run_would_tell_is_a_note_with_its_line(body: str, message: str) -> None:
    assert step(body) == [f"1.py:11 {message}"]


def test_what_makes_no_column_is_no_note() -> None:
    assert step("op.create_index('i', 'a', ['id'])\nprint(1)\nx = sa.table('a')\nop.bulk_insert(x, [])") == []


@pytest.mark.parametrize(
    "text", ["down_revision = 1\ndef upgrade(:", "down_revision = revision = f()\ndef upgrade(): 1"]
)
def test_a_file_that_says_nothing_is_a_note(text: str) -> None:
    assert len(told(observe([Code("1.py", text)], "shop"))) == 1


def test_revisions_in_a_ring_are_told_and_read() -> None:
    files = [
        Code(f"{one}.py", HEAD.format(one, f'"{two}"') + f"def upgrade():\n    op.create_table('{one}')\n")
        for one, two in (("aa", "bb"), ("bb", "aa"))
    ]
    foreseen = observe(files, "shop")
    assert told(foreseen) == ["aa.py:1 this revision is below itself", "bb.py:1 this revision is below itself"]
    assert len(foreseen.dataset.collections) == 2


LINES = st.sampled_from(
    (
        "down_revision = revision = 'a'",
        "def upgrade():",
        "    op.create_table()",
        "    op.create_table('a', sa.Column(), *more, sa.Column('x', 3, sa.ForeignKey()))",
        "    with op.batch_alter_table('a') as op, f() as (x, y):",
        "        op.alter_column('b', type_=sa.ARRAY(sa.ARRAY(x)), new_column_name='')",
        "    op.create_foreign_key(None, 'a', 'b', ['c'], ['d', 'e'])",
        "    op.rename_table('a', 'a'); op.drop_column('a', 'x')",
        "    op.execute(f'ALTER TABLE {x!r}'); op.execute('ALTER TABLE a RENAME TO b;;')",
        "    upgrade()",
        "class Migration(migrations.Migration):",
        "    operations = [migrations.CreateModel('A', [('b', models.ForeignKey('A', 1, primary_key=True))])]",
        "    operations = [migrations.RenameModel('A', 'A'), migrations.AlterField('a', 'b'), *more, f]",
        "    dependencies = replaces = run_before = [('', 'a'), x, ('b',)]",
    )
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=9).map("\n".join) | st.text(max_size=40), st.sampled_from(("alembic", "django")))
def test_garbage_never_raises(text: str, tool: str) -> None:
    part = TOOLS.get(tool)
    part.read([Code("a.py", text), Code("app/migrations/b.py", text)], Ledger(), "")
