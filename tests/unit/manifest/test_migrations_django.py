"""Django's migrations: what is foreseen is what SQLite holds once Django has run them."""

from __future__ import annotations

from pathlib import Path

import pytest
from a_folder import facts, foresee, run_python, scanned, told

from privet.manifest.migrations import observe
from privet.manifest.source.code import Code

HEAD = "from django.db import migrations, models\nimport django.db.models.deletion\n\n\n"
FILES = {
    "crm/migrations/0001_initial.py": HEAD
    + """\
class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Person",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=254, unique=True, db_comment="where we write to")),
                ("nick", models.CharField(blank=True, max_length=40, null=True)),
                ("born", models.DateField(null=True)),
                ("score", models.DecimalField(max_digits=5, decimal_places=2, default=0)),
                ("extra", models.JSONField(default=dict)),
                ("photo", models.FileField(upload_to="p")),
            ],
            options={"db_table": "people"},
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[("name", models.SlugField(primary_key=True, serialize=False))],
        ),
        migrations.AddField("person", "tags", models.ManyToManyField(to="crm.tag")),
    ]
""",
    "shop/migrations/0001_initial.py": HEAD
    + """\
class Migration(migrations.Migration):
    initial = True
    dependencies = [("crm", "0001_initial")]
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.AutoField(primary_key=True)),
                ("total", models.PositiveIntegerField()),
                ("paid", models.BooleanField(default=False)),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="crm.person")),
                ("tag", models.ForeignKey("crm.Tag", null=True, on_delete=django.db.models.deletion.SET_NULL)),
                ("before", models.OneToOneField("self", null=True, on_delete=django.db.models.deletion.SET_NULL)),
            ],
        ),
        migrations.CreateModel(
            name="Late",
            fields=[],
            options={"proxy": True},
            bases=("crm.person",),
        ),
    ]
""",
    "shop/migrations/0002_more.py": HEAD
    + """\
def forwards(apps, schema_editor):
    pass


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial"), ("crm", "0002_rename")]
    operations = [
        migrations.AddField(
            model_name="order",
            name="note",
            field=models.TextField(default=""),
        ),
        migrations.RemoveField(model_name="order", name="paid"),
        migrations.RenameField("order", "total", "cents"),
        migrations.AlterField("order", "cents", models.BigIntegerField(null=True)),
        migrations.RenameModel("Order", "Sale"),
        migrations.AddIndex(model_name="sale", index=models.Index(fields=["note"], name="by_note")),
        migrations.CreateModel(name="Gone", fields=[("id", models.AutoField(primary_key=True))]),
        migrations.DeleteModel(name="Gone"),
    ]
""",
    "crm/migrations/0002_rename.py": HEAD
    + """\
class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]
    operations = [
        migrations.RenameField("person", "nick", "handle"),
        migrations.AlterModelTable("person", "crm_people"),
    ]
""",
}
RUN = """
import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    INSTALLED_APPS=["crm", "shop"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "real.db"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SILENCED_SYSTEM_CHECKS=["fields.W163"],
)
django.setup()
call_command("migrate", verbosity=0)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        (file.parent / "__init__.py").touch()
        (file.parent.parent / "__init__.py").touch()
    return tmp_path


def test_what_is_foreseen_is_what_is_there_afterwards(folder: Path) -> None:
    run_python(folder, RUN)
    foreseen = foresee(folder, ".py")
    assert told(foreseen) == []
    # SQLite has its own names for types of Django; kinds of value are compared by the fields' own below.
    assert facts(foreseen.dataset, types=False) == facts(scanned(folder / "real.db"), types=False)


def test_kinds_of_values_are_those_of_the_fields(folder: Path) -> None:
    run_python(folder, RUN)
    foreseen, there = facts(foresee(folder, ".py").dataset), facts(scanned(folder / "real.db"))
    differ = {
        f"{table}.{column}": (said[:2], there[table][column][:2])
        for table, columns in foreseen.items()
        for column, said in columns.items()
        if said[:2] != there[table][column][:2]
    }
    # SQLite keeps json as text; every other kind agrees.
    assert differ == {"crm_people.extra": (("object", None), ("string", None))}


def test_each_column_has_the_line_that_made_it(folder: Path) -> None:
    places = foresee(folder, ".py").places
    assert {path: f"{places[path].file}:{places[path].line}" for path in ("shop_sale.note", "shop_order.paid")} == {
        "shop_sale.note": "shop/migrations/0002_more.py:15",
        "shop_order.paid": "shop/migrations/0002_more.py:17",
    }


def step(body: str) -> list[str]:
    made = 'migrations.CreateModel(name="A", fields=[("id", models.AutoField(primary_key=True))])'
    text = f"{HEAD}class Migration(migrations.Migration):\n    operations = [\n{made},\n{body},\n    ]\n"
    return told(observe([Code("app/migrations/1.py", text)], "shop"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("migrations.RunPython(f)", "`RunPython`: what it does is not read"),
        ("migrations.RunSQL('DROP TABLE a')", "`RunSQL`: what it does is known only to a run"),
        ("Mine()", "an operation of its own is not read"),
        ("migrations.AddField('a', name(), models.TextField())", "`AddField`: what it does is known only to a run"),
        (
            "migrations.AddField('a', 'x', models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE))",
            "field `x`: the table that it points to is not among what was read",
        ),
        (
            "migrations.AddField('a', 'x', mine.OwnField())",
            "field `x`: the type of its column is known only to a run",
        ),
    ],
)
def test_what_only_a_run_would_tell_is_a_note_with_its_line(body: str, message: str) -> None:
    assert step(body) == [f"app/migrations/1.py:8 {message}"]


def test_a_squashed_migration_stands_for_those_that_it_replaces() -> None:
    one = 'migrations.CreateModel(name="A", fields=[("id", models.AutoField(primary_key=True))])'
    two = 'migrations.AddField("a", "b", models.TextField())'
    files = {
        "0001_a": f"operations = [{one}]",
        "0001_squashed": f'replaces = [("app", "0001_a")]\n    operations = [{one}]',
        "0002_b": f'dependencies = [("app", "0001_a")]\n    operations = [{two}]',
    }
    codes = [
        Code(f"app/migrations/{name}.py", f"{HEAD}class Migration(migrations.Migration):\n    {text}\n")
        for name, text in files.items()
    ]
    foreseen = observe(codes, "shop")
    assert told(foreseen) == []
    assert [field.name for field in foreseen.dataset.collections[0].fields] == ["id", "b"]
