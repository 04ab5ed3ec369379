"""What a column's header says: words in any case, accent, separator and several languages → data types."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from privet.vocabulary.datatype import TYPES

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SPLIT = re.compile(r"[\W_]+")
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "ł": "l", "đ": "d"})

# Headers in other languages that the types do not list, each as a header that some type does.
_FOREIGN = {
    "kundenname": "customer_name",
    "kunde": "customer_name",
    "telefonnummer": "phone",
    "mobilnummer": "phone",
    "mobiltelefon": "phone",
    "handy": "phone",
    "rufnummer": "phone",
    "emailadresse": "email",
    "familienname": "family_name",
    "anschrift": "address",
    "hausanschrift": "address",
    "wohnort": "city",
    "geschlecht": "gender",
    "kreditkarte": "credit_card",
    "portable": "phone",
    "telephone_portable": "phone",
    "numero_de_portable": "phone",
    "nom": "family_name",
    "nom_famille": "family_name",
    "nom_et_prenom": "full_name",
    "prenom_nom": "full_name",
    "date_naissance": "date_of_birth",
    "adresse_postale": "address",
    "adresse_electronique": "email",
    "adresse_email": "email",
    "carte_bancaire": "credit_card",
    "carte_de_credit": "credit_card",
    "telefono_movil": "phone",
    "movil": "phone",
    "fecha_de_nacimiento": "date_of_birth",
    "nombre_y_apellidos": "full_name",
    "nombre_apellidos": "full_name",
    "domicilio": "address",
    "poblacion": "city",
    "tarjeta": "credit_card",
    "tarjeta_de_credito": "credit_card",
    "telefone": "phone",
    "telemovel": "phone",
    "data_de_nascimento": "date_of_birth",
    "data_nascimento": "date_of_birth",
    "endereco": "address",
    "logradouro": "address",
    "cartao": "credit_card",
    "cartao_de_credito": "credit_card",
    "correio_eletronico": "email",
    "nominativo": "full_name",
    "cellulare": "phone",
    "codice_postale": "postal_code",
    "naam": "full_name",
    "voornaam": "given_name",
    "achternaam": "family_name",
    "geboortedatum": "date_of_birth",
    "telefoonnummer": "phone",
    "woonplaats": "city",
    "straat": "street",
    "postcode": "postal_code",
    "imie": "given_name",
    "nazwisko": "family_name",
    "miasto": "city",
    "ulica": "street",
    "kod_pocztowy": "postal_code",
    "data_urodzenia": "date_of_birth",
    "fornamn": "given_name",
    "efternamn": "family_name",
    "födelsedatum": "date_of_birth",
    "fodelsedatum": "date_of_birth",
    "氏名": "full_name",
    "名前": "full_name",
    "姓名": "full_name",
    "姓": "family_name",
    "名": "given_name",
    "電話番号": "phone",
    "电话": "phone",
    "手机号": "phone",
    "メールアドレス": "email",
    "邮箱": "email",
    "生年月日": "date_of_birth",
    "出生日期": "date_of_birth",
    "住所": "address",
    "地址": "address",
    "郵便番号": "postal_code",
    "имя": "given_name",
    "фамилия": "family_name",
    "телефон": "phone",
    "почта": "email",
    "дата_рождения": "date_of_birth",
    "адрес": "address",
    "город": "city",
}
# Words that end many headers without saying much: street_name is a street, not a name.
_VAGUE_WORDS = "name date code id number no nr state address first last title time day given family key type region"
_VAGUE = frozenset(_VAGUE_WORDS.split())
_KEY_WORDS = frozenset({"id", "no", "nr", "num", "number", "nummer", "numero", "key", "ref", "uuid", "code"})
_EXACT, _SQUASHED, _VAGUE_PART, _HEAD, _ELSEWHERE, _COMPOUND = 1.0, 0.95, 0.4, 0.75, 0.6, 0.5
_SHORTEST_COMPOUND = 6


def words(header: str) -> tuple[str, ...]:
    """Return the words of a header in lower case, without accents, split at case changes and separators.

    >>> words("E-Mail Adresse"), words("dateOfBirth"), words("Prénom")
    (('e', 'mail', 'adresse'), ('date', 'of', 'birth'), ('prenom',))
    """
    spaced = _CAMEL.sub("_", unicodedata.normalize("NFC", header))
    german = spaced.lower().translate(_GERMAN)
    bare = "".join(ch for ch in unicodedata.normalize("NFKD", german) if not unicodedata.combining(ch))
    # Kana marks and Cyrillic breves are letters of their own; the composed form keeps them in one piece.
    plain = bare if bare.isascii() else unicodedata.normalize("NFC", german)
    return tuple(word for word in _SPLIT.split(plain) if word)


def names_key(header: str) -> bool:
    """Return whether a header is one of keys that tell records apart.

    >>> names_key("Customer No."), names_key("number_of_pets")
    (True, False)
    """
    return any(word in _KEY_WORDS for word in words(header)[-1:])


def meaning(header: str) -> dict[str, float]:
    """Return the types that a header names, each with how surely, from 0.4 (a hint) to 1 (its own word)."""
    found: dict[str, float] = {}
    parts = words(header)
    if not parts:
        return found
    known, squashed = _known()
    _add(found, known.get("_".join(parts), ()), _EXACT)
    _add(found, squashed.get("".join(parts), ()), _SQUASHED)
    if found and max(found.values()) == _EXACT:
        return found
    for start in range(len(parts)):
        for stop in range(start + 1, len(parts) + 1):
            if stop - start < len(parts):
                phrase = "_".join(parts[start:stop])
                _add(found, known.get(phrase, ()), _partial(phrase, last=stop == len(parts)))
    _add_compounds(found, "".join(parts), squashed)
    return found


def _partial(phrase: str, *, last: bool) -> float:
    if phrase in _VAGUE:
        return _VAGUE_PART
    return _HEAD if last else _ELSEWHERE


def _add(found: dict[str, float], names: tuple[str, ...], surely: float) -> None:
    for name in names:
        found[name] = max(found.get(name, 0.0), surely)


def _add_compounds(found: dict[str, float], text: str, squashed: dict[str, tuple[str, ...]]) -> None:
    """Add what a header written in one word ends or begins with: Kundentelefon, contactemail."""
    for size in range(_SHORTEST_COMPOUND, len(text)):
        _add(found, squashed.get(text[-size:], ()), _COMPOUND)
        _add(found, squashed.get(text[:size], ()), _COMPOUND)


@cache
def _known() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Return header → types by words with _ between, and by letters alone."""
    spaced: dict[str, tuple[str, ...]] = {}
    squashed: dict[str, tuple[str, ...]] = {}
    for kind in TYPES.all():
        for header in kind.headers:
            parts = words(header)
            for table, key in ((spaced, "_".join(parts)), (squashed, "".join(parts))):
                table[key] = (*table.get(key, ()), kind.name)
    for foreign, header in _FOREIGN.items():
        parts = words(foreign)
        names = spaced.get(header, ())
        for table, key in ((spaced, "_".join(parts)), (squashed, "".join(parts))):
            table[key] = tuple(dict.fromkeys((*table.get(key, ()), *names)))
    return spaced, squashed
