"""Pages word for word: what was explained as text and as HTML, what changed as sentences, and how columns fold."""

from __future__ import annotations

from privet.policy.review import page
from privet.policy.review.diff import Change
from privet.policy.review.explain import Cell, Line, Matrix
from privet.policy.review.words import Words

SHOWN = (
    Line(
        role="desk",
        rule="a.policy:3",
        words=Words(
            redaction="masked",
            rows="people.state = 'people.x' and people.a = 1",
            purposes=("essential", "marketing"),
            until="2027-01-31",
            budget="5 per day",
        ),
        also=("bills",),
        unless=("denied by a.policy:9",),
        consents=("'news' for marketing",),
        barred=("a.policy:8",),
    ),
    Line(
        role="desk",
        rule="a.policy:4",
        words=Words(redaction="last_four", connection="stripe", unsafe=True),
        asked="plain_text",
        unused=True,
    ),
)
PLAIN = (Line(role="desk", rule="a.policy:5", words=Words()),)
MATRIX = Matrix(
    roles=("desk", "bills"),
    cells=(
        *(Cell(table="people", column=c, action=a, lines=SHOWN) for c in ("name", "email") for a in ("read", "export")),
        Cell(table="people", column="ssn", action="read", denied=("a.policy:6", "a.policy:7")),
        Cell(table="people", column="state", action="read"),
        Cell(table="people", column="", action="delete", lines=PLAIN),
        Cell(table="orders", column="note", action="read"),
        Cell(table="", column="", action="audit", lines=PLAIN),
    ),
    unknown=("ghost", "shade"),
    unsafe=("a.policy:4: allow <read>",),
    promises=("p",),
    ended=("e",),
    held=("people: records are as if absent of people who restricted processing",),
    watched=True,
)


def test_a_matrix_as_text() -> None:
    assert page.text(MATRIX) == TEXT


def test_a_matrix_as_a_page() -> None:
    assert page.html(MATRIX, "<t>").split("<body>\n")[1] == HTML


def test_one_role_is_not_told_from_others_and_nothing_is_said_of_use_that_nobody_looked_at() -> None:
    small = Matrix(roles=("desk",), cells=(Cell(table="t", column="c", action="read", lines=PLAIN),))
    shown = page.html(small)
    assert "<h1>What a policy shows</h1>\n<p>Roles: <code>desk</code></p>" in shown
    assert "a type's ceiling is lifted.</p>" in shown
    assert '<td data-is="role">desk</td><td data-is="rule">a.policy:5</td>' in shown
    assert page.text(small) == "t\ncolumn  may   shows  records  rule\nc       read  yes    all      a.policy:5, desk\n"


def test_long_names_go_on_in_the_next_line_of_a_page_after_a_joint_and_nowhere_else() -> None:
    words = Words(purposes=("essential.service.operations",), rows="a.b = 1.5")
    line = Line(role="desk", rule="rules/a.policy:5", words=words)
    shown = page.html(Matrix(roles=("desk",), cells=(Cell(table="t", column="c", action="read", lines=(line,)),)))
    assert ">essential.<wbr>service.<wbr>operations<" in shown
    assert ">rules/<wbr>a.policy:5<" in shown
    assert ">a.b = 1.5<" in shown


def test_a_page_fits_narrow_and_dark_screens_and_needs_nothing_else() -> None:
    shown = page.html(MATRIX)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in shown
    assert "color-scheme: light dark" in shown
    assert "default-src 'none'" in shown
    assert not any(word in shown for word in ("<script", "http:", "https:", "url("))


def test_changes_as_sentences_of_each_role_then_of_everybody() -> None:
    words = Words(
        redaction="masked",
        rows="people.a = 1",
        purposes=("x", "y"),
        connection="stripe",
        budget="5 per day",
        until="2027",
        unsafe=True,
    )
    shown = Change(
        gained=True,
        role="desk",
        what="allow",
        actions=("read", "export"),
        places=("people.name", "people.email"),
        words=words,
        at="new:3",
        why="no longer denied by old:4",
        sure=False,
    )
    small = {"actions": ("read",), "places": ("people.name",), "at": "old:4"}
    changes = [
        shown,
        Change(gained=False, role="desk", what="deny", actions=("manage",), at="new:4"),
        Change(gained=True, role="desk", what="deny", **small),  # type: ignore[arg-type]
        Change(gained=False, role="desk", what="allow", **small),  # type: ignore[arg-type]
        Change(gained=True, role="new", what="role", at="new:9"),
        Change(gained=False, role="old", what="role", at="old:9", why="w"),
        Change(gained=True, role="", what="promise", words=Words(text="deny use of x"), at="old:9"),
        Change(gained=False, role="", what="promise", words=Words(text="limit y"), at="new:9"),
    ]
    assert page.changes_text(changes) == CHANGES


def test_columns_fold_the_widest_first_and_words_break_only_where_nothing_else_helps() -> None:
    rows = [("a b c d e f g h", "", "x" * 12), ("a", "", "-")]
    assert page.grid(("one", "two", "three"), rows, 20).splitlines() == [
        "one     three",
        "a b c   xxxxxxxxxxxx",
        "d e f",
        "g h",
        "a       -",
    ]
    assert page.grid(("one", "three"), [("a " * 8, "b " * 8)], 24).splitlines() == [
        "one          three",
        "a a a a a a  b b b b b b",
        "a a          b b",
    ]
    assert page.grid(("one", "two"), [("a" * 30, "b")], 20).splitlines()[1:] == ["a" * 15 + "  b", "a" * 15]


TEXT = """\
people
column           may           shows            records           for               rule
name, email      read, export  masked, 5 per    state =           essential,        a.policy:3,
                               day              'people.x' and a  marketing,        desk, bills
                                                = 1; but denied   consent 'news'
                                                by a.policy:9     for marketing,
                                                                  not what
                                                                  a.policy:8
                                                                  denies, until
                                                                  2027-01-31
                               last_four,       all                                 a.policy:4
                               through stripe,                                      UNUSED, desk
                               not plain_text,                                      alone
                               as the rule
                               says, UNSAFE
ssn              read          denied                                               a.policy:6,
                                                                                    a.policy:7
(the whole       delete        yes              all                                 a.policy:5, desk
record)                                                                             alone

The vault
may    shows  records  rule
audit  yes    all      a.policy:5, desk alone

Roles that the policy lacks: they grant nothing
  ghost
  shade

Rules that lift the ceilings of types
  a.policy:4: allow <read>

Promises of the whole organization
  p

Rules that have ended
  e

Whom flags hold back, whatever the rules say
  people: records are as if absent of people who restricted processing
"""


def head(*names: str) -> str:
    return "<thead><tr>" + "".join(f'<th scope="col">{name}</th>' for name in names) + "</tr></thead>\n<tbody>\n"


def row(opening: str, **cells: str) -> str:
    return opening + "".join(f'<td data-is="{name}">{cell}</td>' for name, cell in cells.items()) + "</tr>\n"


NO_MORE = {"for": "", "until": ""}
HTML = (
    "<h1>&lt;t&gt;</h1>\n"
    "<p>Roles: <code>desk</code>, <code>bills</code></p>\n"
    "<p>What does not stand here is denied. Red: a type's ceiling is lifted. Grey: nobody used it "
    "in the time that was looked at.</p>\n"
    "<h2>people</h2>\n"
    "<table>\n"
    + head("column", "may", "shows", "records", "for", "until", "role", "rule")
    + row(
        "<tr>",
        column="name, email",
        may="read, export",
        shows="masked, 5 per day",
        records="state = &#x27;people.<wbr>x&#x27; and a = 1; but denied by a.policy:9",
        **{"for": "essential, marketing, consent &#x27;news&#x27; for marketing, not what a.policy:8 denies"},
        until="2027-01-31",
        role="desk, bills",
        rule="a.policy:3",
    )
    + row(
        '<tr class="unsafe unused">',
        column="",
        may="",
        shows="last_four, through stripe, not plain_text, as the rule says, UNSAFE",
        records="all",
        **NO_MORE,
        role="desk alone",
        rule="a.policy:4 UNUSED",
    )
    + row(
        '<tr class="denied">',
        column="ssn",
        may="read",
        shows="denied",
        records="",
        **NO_MORE,
        role="",
        rule="a.policy:6, a.policy:7",
    )
    + row(
        "<tr>",
        column="(the whole record)",
        may="delete",
        shows="yes",
        records="all",
        **NO_MORE,
        role="desk alone",
        rule="a.policy:5",
    )
    + "</tbody>\n</table>\n"
    "<h2>The vault</h2>\n"
    "<table>\n"
    + head("may", "shows", "records", "role", "rule")
    + row("<tr>", may="audit", shows="yes", records="all", role="desk alone", rule="a.policy:5")
    + "</tbody>\n</table>\n"
    "<h2>Roles that the policy lacks: they grant nothing</h2>\n"
    "<ul><li>ghost</li><li>shade</li></ul>\n"
    "<h2>Rules that lift the ceilings of types</h2>\n"
    "<ul><li>a.policy:4: allow &lt;read&gt;</li></ul>\n"
    "<h2>Promises of the whole organization</h2>\n"
    "<ul><li>p</li></ul>\n"
    "<h2>Rules that have ended</h2>\n"
    "<ul><li>e</li></ul>\n"
    "<h2>Whom flags hold back, whatever the rules say</h2>\n"
    "<ul><li>people: records are as if absent of people who restricted processing</li></ul>\n"
    "</body>\n"
    "</html>\n"
)

CHANGES = """\
role desk
  + may read, export people.name, people.email as masked; where people.a = 1; for x, y; through
      stripe; budget 5 per day; until 2027; UNSAFE; no longer denied by old:4; cannot tell, so it is
      shown  [new:3]
  - is denied to manage  [new:4]
  + is no longer denied to read people.name  [old:4]
  - may no longer read people.name  [old:4]

role new
  + the role is new  [new:9]

role old
  - the role is gone; w  [old:9]

everybody
  + no longer: deny use of x  [old:9]
  - now: limit y  [new:9]
"""
