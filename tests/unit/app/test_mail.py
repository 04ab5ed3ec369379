"""The outbox: each letter once, sealed until then, tried again only where it surely did not go out; codes not kept."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fakes.mailbox import PASSWORD, USER, Authority, Box, running, strict
from privet.app import mail, outbox
from privet.app.mail import LetterKeys
from privet.app.services import health
from privet.app.services.verb import Caller
from privet.app.settings import MailServer, Privacy, Settings, load
from privet.app.wiring import House, initialize
from privet.connectors.post import Post
from privet.errors import InvalidInput, Refused, Unavailable
from privet.rights.sealed import RequestKey
from privet.store.port import Clash, Select, Unit, Update
from privet.vault.log import history
from privet.vocabulary.access import Principal

NOW = 1_800_000_000_000
HOUR_MS = 3_600_000
ADA, CODE = "ada@example.com", "48151623"
REQUEST = "01900000-0000-7000-8000-000000000001"
DUE = date(2027, 2, 15)
DONE: dict[str, Any] = {"request": REQUEST, "to": ADA, "asked": "erasure"}


class Place:
    """A home with a mail server of its own, and a clock."""

    def __init__(self, home: Path, port: int, trusted: Path) -> None:
        self.home = home
        self.now = NOW
        initialize(Settings(home=home, key_file=home / "root.key"), now_ms=NOW)
        (home / "mail.password").write_text(f"{PASSWORD}\n", encoding="utf-8")
        lines = ["mail:", "  host: localhost", f"  port: {port}", "  sender: privacy@shop.example.com"]
        lines += [f"  user: {USER}", "  password_file: mail.password", f"  ca_file: {trusted}"]
        lines += ["privacy:", "  organization: Example Shop", "  contact: dpo@shop.example.com"]
        with (home / "privet.yaml").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        self.open()

    def open(self) -> None:
        self.house = House(load(self.home), clock=lambda: self.now)

    def reopen(self) -> None:
        self.house.close()
        self.open()

    def post(self, kind: str = "done", **said: Any) -> None:
        self.house.control.write_now(Unit(mail.post(self.house, kind, **(DONE | said))))

    def states(self) -> dict[str, str]:
        return mail.posted(self.house, REQUEST)

    def files(self) -> bytes:
        """Return everything that the home holds on disk."""
        return b"".join(path.read_bytes() for path in sorted(self.home.rglob("*")) if path.is_file())

    def keys(self) -> int:
        assert self.house.mail.keys  # its table stands from then on
        return len(self.house.desk.store.select(Select(table="letter_keys", columns=("key",))))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def port(box: Box, authority: Authority) -> Iterator[int]:
    with running(box, **strict(authority.certificate("localhost"))) as found:
        yield found


@pytest.fixture
def place(port: int, authority: Authority, tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "home", port, authority.path)
    yield made
    made.house.close()


def test_a_letter_goes_out_once_over_tls_with_who_writes(place: Place, box: Box) -> None:
    place.post()
    assert place.states() == {"done": "waiting"}
    assert outbox.carry(place.house) == 1
    assert outbox.carry(place.house) == 0
    assert place.states() == {"done": "sent"}
    [letter] = box.letters
    assert box.envelopes == [("privacy@shop.example.com", [ADA])]
    assert letter["Message-ID"].endswith("@shop.example.com>")
    assert "deletion of data about you" in box.text()
    assert "Example Shop dpo@shop.example.com" in box.text()


def test_an_event_has_one_letter_however_often_it_is_told(place: Place, box: Box) -> None:
    place.post()
    assert mail.post(place.house, "done", **DONE) == ()
    place.post(event="2")
    outbox.carry(place.house)
    assert mail.post(place.house, "done", **DONE) == ()
    assert place.states() == {"done": "sent", "done:2": "sent"}
    assert len({letter["Message-ID"] for letter in box.letters}) == 2


def test_of_two_that_tell_of_an_event_at_once_one_does(place: Place) -> None:
    first, second = mail.post(place.house, "done", **DONE), mail.post(place.house, "done", **DONE)
    place.house.control.write_now(Unit(first))
    with pytest.raises(Clash):
        place.house.control.write_now(Unit(second))


def test_a_letter_is_made_with_what_it_tells_of_or_not_at_all(place: Place, box: Box) -> None:
    steps = mail.post(place.house, "done", **DONE)
    lost = Update("letters", ("state",), ("id",), (("sent", "none"),))
    with pytest.raises(Clash):
        place.house.control.write_now(Unit((*steps, lost)))
    assert outbox.carry(place.house) == 0
    assert box.letters == []


def test_a_waiting_letter_is_sealed_and_what_opens_it_ends_with_it(place: Place, box: Box) -> None:
    place.post()
    held = place.files()
    assert ADA.encode() not in held
    assert b"Example Shop</" not in held
    assert b"deletion of data" not in held
    assert place.keys() == 1
    outbox.carry(place.house)
    assert place.keys() == 0
    rows = place.house.control.select(Select(table="letters", columns=("body",)))
    assert rows == [(None,)]


def test_a_letter_that_was_made_goes_out_after_the_request_is_forgotten_and_the_house_opened_anew(
    place: Place, box: Box
) -> None:
    place.post("denied", reason="not_held", language="de")
    place.reopen()
    assert outbox.recover(place.house) == 0
    assert outbox.carry(place.house) == 1
    assert "Wir haben keine Daten über Sie gespeichert." in box.text()


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_letter_that_is_not_taken_now_waits_longer_each_time(place: Place, box: Box, verb: str) -> None:
    box.says[verb] = "451 later"
    place.post()
    tries = []
    while place.states() == {"done": "waiting"}:
        outbox.carry(place.house)
        [(due, tried)] = place.house.control.select(Select(table="letters", columns=("due", "tries")))
        tries.append(int(due) - place.now)  # type: ignore[arg-type]
        assert outbox.carry(place.house) == 0
        place.now = int(due)  # type: ignore[arg-type]
        assert int(tried) <= 60  # type: ignore[arg-type]
    assert place.states() == {"done": "given_up"}
    assert tries[:3] == [60_000, 120_000, 240_000]
    assert max(tries) == HOUR_MS
    assert 48 * HOUR_MS <= place.now - NOW <= 50 * HOUR_MS
    assert place.keys() == 0


def test_a_letter_that_waited_goes_out_once_the_server_is_back(place: Place, box: Box) -> None:
    box.says["RCPT"] = "451 later"
    place.post()
    outbox.carry(place.house)
    del box.says["RCPT"]
    place.now += 60_000
    assert outbox.carry(place.house) == 1
    assert place.states() == {"done": "sent"}


def test_a_letter_that_is_never_taken_is_told_and_holds_up_no_other(place: Place, box: Box) -> None:
    box.says["RCPT"] = "550 no such person"
    place.post()
    place.post(event="2")
    assert outbox.carry(place.house) == 0
    assert place.states() == {"done": "refused", "done:2": "refused"}
    assert place.keys() == 0


def test_a_login_that_fails_may_be_mended_by_somebody(place: Place, box: Box) -> None:
    (place.home / "mail.password").write_text("wrong\n", encoding="utf-8")
    place.reopen()
    place.post()
    outbox.carry(place.house)
    assert place.states() == {"done": "waiting"}
    (place.home / "mail.password").write_text(PASSWORD, encoding="utf-8")
    place.reopen()
    place.now += 60_000
    assert outbox.carry(place.house) == 1


def test_a_letter_that_may_have_gone_out_is_not_sent_again(place: Place, box: Box) -> None:
    box.drops_after_data = True
    place.post()
    outbox.carry(place.house)
    assert place.states() == {"done": "unknown"}
    box.drops_after_data = False
    place.now += 60 * HOUR_MS
    outbox.carry(place.house)
    assert len(box.letters) == 1
    assert place.keys() == 0


def test_a_server_that_does_not_answer_is_asked_once_a_round(place: Place, box: Box) -> None:
    box.says["MAIL"] = "451 later"
    for number in range(3):
        place.post(event=str(number))
    outbox.carry(place.house)
    tries = [row[0] for row in place.house.control.select(Select(table="letters", columns=("tries",)))]
    assert sorted(tries) == [0, 0, 1]  # type: ignore[type-var]


def test_a_letter_that_somebody_changed_is_not_sent(place: Place, box: Box) -> None:
    place.post()
    place.post(event="2")
    rows = place.house.control.select(Select(table="letters", columns=("id", "body")))
    swapped = ((rows[0][1], rows[1][0]), (rows[1][1], rows[0][0]))
    place.house.control.write_now(Unit((Update("letters", ("body",), ("id",), swapped),)))
    outbox.carry(place.house)
    assert set(place.states().values()) == {"refused"}
    assert box.letters == []


@pytest.mark.parametrize("to", ["", "nobody", "a@example.com, b@example.com", f"{ADA}\r\nBcc: eve@example.com"])
def test_an_address_that_cannot_be_written_to_is_told_and_stops_nothing(place: Place, box: Box, to: str) -> None:
    place.post(to=to)
    assert place.states() == {"done": "refused"}
    assert outbox.carry(place.house) == 0
    assert place.keys() == 0
    assert b"eve@" not in place.files()


def test_a_fact_that_would_be_a_line_makes_no_letter(place: Place) -> None:
    with pytest.raises(InvalidInput):
        mail.post(place.house, "done", request="a\r\nBcc: eve@example.com", to=ADA, asked="erasure")
    with pytest.raises(InvalidInput):
        mail.post(place.house, "warning", request=REQUEST, to=ADA, asked="access", due=DUE)


def test_the_audit_names_each_letter_before_it_goes_out(place: Place, box: Box) -> None:
    place.post()
    outbox.carry(place.house)
    told = [history.said(entry) for page in history.read(place.house.control) for entry in page]
    [entry] = [said for said in told if said and said["verb"] == "letters.send"]
    assert (entry["request"], entry["note"]) == (REQUEST, "letter done")
    assert ADA not in str(entry)


def test_without_a_mail_server_no_letter_is_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    initialize(Settings(home=home, key_file=home / "root.key"), now_ms=NOW)
    house = House(load(home), clock=lambda: NOW)
    assert house.mail.server is None
    assert mail.post(house, "done", **DONE) == ()
    assert mail.posted(house, REQUEST) == {}
    mail.send_now(house, to=ADA, language="en", code=CODE, minutes=10)
    assert outbox.carry(house) == 0
    house.close()


@pytest.mark.parametrize(
    ("server", "privacy"),
    [
        (MailServer(host="mail.example.com", sender="a@example.com", security="none"), Privacy()),
        (MailServer(host="mail.example.com", sender="nobody"), Privacy()),
        (MailServer(host="mail.example.com", sender="a@example.com", port=0), Privacy()),
        (MailServer(host="mail.example.com", sender="a@example.com"), Privacy(organization="a\nb")),
        (MailServer(host="mail.example.com", sender="a@example.com"), Privacy(contact="x" * 201)),
    ],
)
def test_settings_that_cannot_be_are_refused_at_the_start(server: MailServer, privacy: Privacy, tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = Settings(home=home, key_file=home / "root.key", mail=server, privacy=privacy)
    initialize(settings, now_ms=NOW)
    house = House(settings)
    with pytest.raises((Refused, InvalidInput)):
        assert house.mail
    house.close()


def test_health_tells_how_many_letters_wait_and_since_when(place: Place, box: Box) -> None:
    who = Caller(Principal(id="", name="nobody", roles=()))

    def asked() -> health.Letters | None:
        return asyncio.run(health.health(place.house, who, health.NoAsk())).mail

    assert asked() is None
    place.post()
    place.now += 5_000
    place.post(event="2")
    assert asked() == health.Letters(waiting=2, oldest_ms=NOW)
    outbox.carry(place.house)
    assert asked() == health.Letters(waiting=0)


# --- recovery ---------------------------------------------------------------------------------------------------------


def test_after_a_crash_nobody_knows_of_a_letter_that_was_being_sent(place: Place, box: Box) -> None:
    place.post()
    sending = Update("letters", ("state",), ("state",), (("sending", "waiting"),))
    place.house.control.write_now(Unit((sending,)))
    assert outbox.recover(place.house) == 1
    assert place.states() == {"done": "unknown"}
    outbox.carry(place.house)
    assert (box.letters, place.keys()) == ([], 0)


def test_a_key_whose_letter_was_never_written_down_is_destroyed_later_and_no_other(place: Place) -> None:
    mail.post(place.house, "done", **DONE)
    place.post(event="2")
    outbox.recover(place.house)
    assert place.keys() == 2
    place.now += 90 * HOUR_MS
    outbox.recover(place.house)
    assert place.keys() == 1
    assert outbox.carry(place.house) == 1


def test_a_letter_that_is_being_sent_comes_to_its_end_before_the_house_is_closed(place: Place, box: Box) -> None:
    box.holds.clear()
    place.post()
    place.post(event="2")

    async def held() -> None:
        sending = asyncio.create_task(outbox.keep_letters(place.house))
        await asyncio.to_thread(box.came.wait, 5)
        asyncio.get_running_loop().call_soon(threading.Timer(0.2, box.holds.set).start)
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    asyncio.run(held())
    assert sorted(place.states().values()) == ["sent", "waiting"]


class Odd(Post):
    """A mail server that fails in a way that nobody foresaw, and says what it was sent."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, once: str, *, to: str, subject: str, text: str) -> None:
        self.sent += 1
        raise RuntimeError(f"{to} {subject} {text}")


class Locked(LetterKeys):
    """Keys that nobody reaches just now."""

    def __init__(self) -> None:
        pass

    def open(self, name: str) -> RequestKey:
        raise Unavailable("the key store does not answer")


def test_an_error_that_nobody_foresaw_ends_neither_the_letters_nor_is_its_letter_sent_again(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    odd = place.house.mail.server = Odd()
    place.post()
    place.post(event="2")

    async def carried() -> None:
        sending = asyncio.create_task(outbox.keep_letters(place.house, every_seconds=0))
        while not sending.done() and "waiting" in place.states().values():
            await asyncio.sleep(0)
        assert not sending.done()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    asyncio.run(carried())
    assert place.states() == {"done": "unknown", "done:2": "unknown"} and odd.sent == 2
    assert "unexpected RuntimeError" in caplog.text and ADA not in caplog.text


def test_a_letter_whose_key_nobody_reaches_just_now_waits(place: Place, box: Box) -> None:
    place.post()
    keys = place.house.mail.keys
    place.house.mail.keys = Locked()
    with pytest.raises(Unavailable):
        outbox.carry(place.house)
    place.house.mail.keys = keys
    assert outbox.carry(place.house) == 1
    assert len(box.letters) == 1


# --- codes ------------------------------------------------------------------------------------------------------------


def send_code(place: Place, to: str = ADA) -> None:
    mail.send_now(place.house, to=to, language="fr-CA", code=CODE, minutes=10)


def done(place: Place) -> None:
    """Wait for the codes that are being sent."""
    place.house.mail.pool.shutdown(wait=True)


def test_a_code_goes_out_beside_the_caller_and_is_kept_nowhere(place: Place, box: Box) -> None:
    box.holds.clear()
    started = time.monotonic()
    send_code(place)
    assert time.monotonic() - started < 1
    box.holds.set()
    done(place)
    assert box.envelopes[0][1] == [ADA]
    assert CODE in box.text()
    assert "10 minutes" in box.text()
    held = place.files()
    assert CODE.encode() not in held
    assert ADA.encode() not in held


@pytest.mark.parametrize("to", ["", "nobody", f"{ADA}\r\nBcc: eve@example.com"])
def test_a_code_for_nobody_goes_the_same_way_and_nobody_is_written_to(place: Place, box: Box, to: str) -> None:
    send_code(place, to)
    done(place)
    assert box.letters == []


def test_what_goes_wrong_with_a_code_is_logged_by_its_code_alone(
    place: Place, box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    box.says["RCPT"] = f"550 {ADA} is not here"
    with caplog.at_level(logging.DEBUG):
        send_code(place)
        done(place)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("privet")]
    assert ours == ["a code is not sent: turned_down"]


def test_a_code_that_fails_as_nobody_foresaw_is_logged_without_its_words(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.house.mail.server = Odd()
    send_code(place)
    done(place)
    assert "a code is not sent: unexpected RuntimeError" in caplog.text
    assert ADA not in caplog.text and CODE not in caplog.text


def test_codes_that_pile_up_are_dropped_and_hold_up_nobody(place: Place, box: Box) -> None:
    box.holds.clear()
    for _ in range(mail.CODES_AT_ONCE + mail.CODES_WAITING + 20):
        send_code(place)
    box.holds.set()
    done(place)
    assert len(box.letters) == mail.CODES_AT_ONCE + mail.CODES_WAITING


def test_a_house_that_is_closed_sends_no_code(place: Place, box: Box) -> None:
    assert place.house.mail.server is not None
    place.house.mail.close()
    send_code(place)
    assert box.letters == []
