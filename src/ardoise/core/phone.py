"""Telephone numbers: what was received, what was dialled, and the key that tariffs match.

The French plan is that of ARCEP (decision 2018-0881 modified by 2022-1583; numbering resources MAJNUM, Licence Ouverte
2.0), the rest of the world comes from libphonenumber metadata (Apache-2.0); both live in `numbering_data`. Everything
here is a pure function of the text and the source's `DialPlan`; no text makes it raise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, NamedTuple

from ardoise.core import numbering_data

NARROW_SPACE: Final = "\u202f"
FRENCH_CODES: Final = frozenset({"33", "262", "508", "590", "594", "596"})  # one national plan, six calling codes
HIDDEN_DIGITS: Final = 4  # CNIL NS 47 and arrêté of 31 December 2013: the last four digits
_KEY_MAX: Final = 64

_WITHHELD: Final = frozenset(
    {
        "anonymous",
        "anonyme",
        "unknown",
        "inconnu",
        "private",
        "prive",
        "privé",
        "withheld",
        "restricted",
        "unavailable",
        "masque",
        "masqué",
        "secret",
        "blocked",
        "no-number",
        "nonumber",
        "none",
        "null",
        "n/a",
        "-",
        "asserted-withheld",
    }
)
_SEPARATORS: Final = str.maketrans("", "", " .-()/\u00a0\u202f\t")
_CODE: Final = re.compile(r"[0-9*#A-Da-d]*[*#][0-9*#A-Da-d]*")
_CLIR: Final = re.compile(r"[*#]31#(?=\+?\d)")  # "hide my number" in front of a number (GSM and French fixed lines)
_MASKED: Final = re.compile(r"(\+?\d*)(?:[xX]+|\*{2,})\d*")
_SCHEMES: Final = ("sip:", "sips:", "tel:")

_REGIONS: Final = {
    "Guadeloupe St-Martin St-Barthélemy": "GP",
    "Guyane": "GF",
    "Martinique": "MQ",
    "La Réunion": "RE",
    "La Réunion - océan Indien": "RE",
    "La Réunion - Mayotte - océan Indien": "RE",
    "Mayotte": "YT",
    "Saint-Pierre-et-Miquelon": "PM",
}
_ABROAD: Final = {
    "F": ("international_fixed", "fixe"),
    "M": ("international_mobile", "mobile"),
    "T": ("international_toll_free", "numéro gratuit"),
    "P": ("international_premium", "numéro surtaxé"),
    "S": ("international_shared_cost", "coûts partagés"),
    "L": ("international_satellite", ""),
    "O": ("international_other", "autre"),
}
_AT_HOME: Final = {  # the same classes seen from a plan of their own country, in the words of the French plan
    "F": ("geographic", "Fixe"),
    "M": ("mobile", "Mobile"),
    "T": ("sva_free", "Numéro gratuit"),
    "P": ("sva_premium", "Numéro surtaxé"),
    "S": ("sva_standard", "Coûts partagés"),
    "L": ("special_other", "Numéro spécial"),
    "O": ("polyvalent", "Numéro non géographique"),
}
_HIDDEN: Final = frozenset({"emergency", "harmonised_116", "sva_free", "short_free"})


@dataclass(frozen=True, slots=True)
class DialPlan:
    """How a source writes numbers.

    `outside_prefix` is what one dials to get a line ("0", "9"). `area` is what stands between the calling code and a
    local or DDI number written short: country "33", area "17345" and "4324" give 33 1 73 45 43 24. `territory` is where
    the source stands: it settles overseas numbers whose block ARCEP has given to nobody yet.
    """

    outside_prefix: str = ""
    national_prefix: str = "0"
    international_prefix: str = "00"
    country: str = "33"  # calling code
    area: str = ""
    territory: str = "Métropole"


@dataclass(frozen=True, slots=True)
class Number:
    """One number read through a dial plan.

    `key` is `Usage.number_key`: E.164 digits without "+", "!" and a short number of the plan, "?" and the text when it
    is no number, "" when there is none. `category` is that of the French plan, `international_*`, or one of `masked`,
    `sip`, `code` (with * or #), `alphanumeric`, `anonymous`, `unassigned` (well formed, in no block), `unknown`, "".
    `territory` is the French territory or the country's name, `country` the ISO 3166 code ("" = not known).
    """

    received: str
    dialled: str
    key: str
    category: str
    territory: str
    country: str
    label_fr: str


class _Found(NamedTuple):
    key: str
    category: str
    territory: str
    country: str
    label: str


class _PlanRow(NamedTuple):
    length: int
    code: str
    category: str
    label: str
    territory: str


# --- the tables, read once at first use -------------------------------------------------------------------------------


@cache
def _french_plan() -> dict[str, tuple[_PlanRow, ...]]:
    plan: dict[str, tuple[_PlanRow, ...]] = {}
    for line in numbering_data.FRENCH_PLAN.splitlines():
        prefix, length, code, category, label, territory = line.split("|")
        plan[prefix] = (*plan.get(prefix, ()), _PlanRow(int(length), code, category, label, territory))
    return plan


@cache
def _overseas() -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Block -> (calling code, territory), and territory -> calling code."""
    territories = [tuple(line.split("|")) for line in numbering_data.OVERSEAS_TERRITORIES.splitlines()]
    blocks = {}
    for line in numbering_data.OVERSEAS_BLOCKS.splitlines():
        prefix, index = line.split("|")
        code, territory = territories[int(index)]
        blocks[prefix] = (code, territory)
    return blocks, {territory: code for code, territory in territories}


@cache
def _world() -> dict[str, tuple[str, str, str]]:
    """Prefix -> (region, class, name); every assigned calling code is itself a prefix."""
    names = dict(line.split("|") for line in numbering_data.COUNTRIES.splitlines())
    world: dict[str, tuple[str, str, str]] = {}
    for line in numbering_data.WORLD_PREFIXES.splitlines():
        region, kind, *prefixes = line.split(" ")
        world.update(dict.fromkeys(prefixes, (region, kind, names[region])))
    return world


@cache
def _calling_codes() -> frozenset[str]:
    return frozenset(line.split("|")[0] for line in numbering_data.CALLING_CODES.splitlines())


CATEGORIES: Final = frozenset(
    {line.split("|")[3] for line in numbering_data.FRENCH_PLAN.splitlines()}
    | {category for category, _ in (*_ABROAD.values(), *_AT_HOME.values())}
    | {"masked", "sip", "code", "alphanumeric", "anonymous", "unassigned", "unknown"}
)
"""Every category that a number may have."""


# --- one reading of digits --------------------------------------------------------------------------------------------


def _short(digits: str) -> _Found | None:
    """A short number of the French plan: 15, 112, 3639, 1023, 116117, 118218."""
    plan = _french_plan()
    for length in range(len(digits), 1, -1):
        for row in plan.get(digits[:length], ()):
            if row.length == len(digits):
                return _Found("!" + digits, row.category, row.territory, "FR", row.label)
    return None


def _french(national: str, plan: DialPlan) -> _Found | None:
    """A national number written with its 0 (10 digits; 13 or 14 for M2M); None if the length fits nothing."""
    rows = _french_plan()
    for length in range(min(len(national), 5), 1, -1):
        for row in rows.get(national[:length], ()):
            if row.length == len(national):
                return _placed(national, row, plan)
    if len(national) == 10:
        return _Found("33" + national[1:], "unassigned", "National", "FR", "Numéro non attribué par le plan")
    return None


def _placed(national: str, row: _PlanRow, plan: DialPlan) -> _Found:
    """Give a plan row its calling code and territory: blocks of 0709, 0976, 0939... belong to one territory each."""
    blocks, codes = _overseas()
    code, territory = row.code, row.territory
    for length in range(min(len(national), 8), 3, -1):
        block = blocks.get(national[:length])
        if block is not None:
            code, territory = block
            break
    else:
        if not code:
            code = codes.get(plan.territory, "33")
            territory = plan.territory if code != "33" else territory
    rest = national[4:] if national.startswith("0508") else national[1:]
    return _Found(code + rest, row.category, territory, _REGIONS.get(territory, "FR"), row.label)


def _e164(digits: str, plan: DialPlan) -> _Found | None:
    """Digits that start with a calling code; None if no country answers or the length is no E.164 (7 to 15)."""
    if plan.country in FRENCH_CODES:
        code = digits[:2] if digits.startswith("33") else digits[:3]
        if code in FRENCH_CODES:
            return _french_abroad(code, digits[len(code) :], plan)
    if not 7 <= len(digits) <= 15:
        return None
    world = _world()
    for length in range(min(len(digits), 11), 0, -1):
        answer = world.get(digits[:length])
        if answer is not None:
            return _of_country(digits, answer, home=digits.startswith(plan.country))
    return None


def _of_country(digits: str, answer: tuple[str, str, str], *, home: bool) -> _Found:
    region, kind, name = answer
    country = "" if region[1:].isdigit() else region  # "X882": an international network
    if home:
        category, label = _AT_HOME[kind]
        return _Found(digits, category, name, country, label)
    category, label = _ABROAD[kind]
    return _Found(digits, category, name, country, f"{name} ({label})" if label else name)


def _french_abroad(code: str, rest: str, plan: DialPlan) -> _Found | None:
    """+33..., +262...: back to the national form, which knows the category; "+33 3639" is the short number."""
    if code == "508" and len(rest) == 6:
        return _french("0508" + rest, plan)
    if len(rest) <= 6:
        return _short(rest) if code == "33" else None
    trunk_zero = len(rest) == 10 and rest.startswith("0")  # "+33 (0)6 12 34 56 78"
    return _french(rest if trunk_zero else "0" + rest, plan)


def _as_dialled(digits: str, plan: DialPlan, *, outgoing: bool) -> _Found | None:
    """Digits as one writes them at home: with the international or national prefix, short, or local."""
    if plan.international_prefix and digits.startswith(plan.international_prefix):
        return _e164(digits[len(plan.international_prefix) :], plan)
    if plan.country not in FRENCH_CODES:
        return _as_dialled_elsewhere(digits, plan)
    local = _local(digits, plan)
    if local is not None and not outgoing:  # a DDI cut to its last digits comes before a short number
        return local
    if len(digits) <= 6:
        return _short(digits) or local
    if plan.national_prefix and digits.startswith(plan.national_prefix):
        return _french("0" + digits[len(plan.national_prefix) :], plan)
    return local


def _as_signalled(digits: str, plan: DialPlan) -> _Found | None:
    """Digits without any prefix, as ISDN and operators' files print them: national (612345678) or international."""
    if plan.country in FRENCH_CODES and len(digits) == 9:
        return _french("0" + digits, plan)
    return None if len(digits) < 10 or digits.startswith("0") else _e164(digits, plan)


def _local(digits: str, plan: DialPlan) -> _Found | None:
    if plan.area and len(plan.area) + len(digits) == 9:
        return _french("0" + plan.area + digits, plan)
    return None


def _as_dialled_elsewhere(digits: str, plan: DialPlan) -> _Found | None:
    """A source outside the French plan: prefixes and area only, lengths are not known."""
    if len(digits) <= 6 and not plan.area:
        if digits == "112":
            return _Found("!112", "emergency", "", "", "Numéro d'urgence européen")
        return _Found("!" + digits, "short_general", "", "", "Numéro court") if len(digits) >= 3 else None
    if digits.startswith(plan.country) and len(digits) >= 11:
        return _e164(digits, plan)
    if plan.national_prefix and digits.startswith(plan.national_prefix):
        return _e164(plan.country + digits[len(plan.national_prefix) :], plan)
    if plan.area and len(digits) <= 8:
        return _e164(plan.country + plan.area + digits, plan)
    if not plan.national_prefix or (plan.country == "1" and len(digits) == 10):
        return _e164(plan.country + digits, plan)
    return None


def _digits(digits: str, plan: DialPlan, *, outgoing: bool) -> tuple[str, _Found | None]:
    """The digits as dialled and what they are.

    Some PBXs print the outside prefix, some do not, some only on certain routes. The readings that a caller could have
    dialled come first, without the outside prefix then as printed; then those that only a network prints.
    """
    prefix = plan.outside_prefix if outgoing else ""
    rest = digits[len(prefix) :]
    choices = [rest, digits] if prefix and rest and digits.startswith(prefix) else [digits]
    for choice in choices:
        found = _as_dialled(choice, plan, outgoing=outgoing)
        if found is not None:
            return choice, found
    for choice in choices:
        found = _as_signalled(choice, plan)
        if found is not None:
            return choice, found
    return choices[0], None


# --- the public face --------------------------------------------------------------------------------------------------


def identify(text: str, plan: DialPlan, *, outgoing: bool) -> Number:
    """Read a number as a ticket prints it. `outgoing` removes the outside prefix. Never raises."""
    if len(text) > _KEY_MAX:  # no number; and what is kept for next time has a bounded size
        return _identified.__wrapped__(text, plan, outgoing)
    return _identified(text, plan, outgoing)


@lru_cache(maxsize=65_536)  # a company calls the same numbers again and again
def _identified(text: str, plan: DialPlan, outgoing: bool) -> Number:
    bare = text.strip().strip("\0")
    if bare.isdigit() and bare.isascii():
        dialled, found = _digits(bare, plan, outgoing=outgoing)
        return _number(text, dialled, found)
    return _identify_text(text, bare, plan, outgoing=outgoing)


def _number(received: str, dialled: str, found: _Found | None) -> Number:
    if found is None:
        return Number(received, dialled, ("?" + dialled)[:_KEY_MAX], "unknown", "", "", "Numéro inconnu")
    return Number(received, dialled, found.key, found.category, found.territory, found.country, found.label)


def _identify_text(received: str, bare: str, plan: DialPlan, *, outgoing: bool) -> Number:
    """What is not plain digits: +33..., separators, SIP addresses, masked numbers, codes, names, nothing."""
    user, is_address = _user_part(bare)
    if not user:
        return Number(received, "", "", "", "", "", "")
    if user.lower() in _WITHHELD:
        return Number(received, "", "", "anonymous", "", "", "Numéro masqué par l'appelant")
    compact = _CLIR.sub("", user.translate(_SEPARATORS), count=1)
    if outgoing and compact.endswith("#") and compact[:-1].isdigit():  # "#" ends dialling on many sets
        sent = _plain(compact[:-1], plan, outgoing=outgoing)
        if sent is not None and sent[1] is not None:
            return _number(received, *sent)
    read = _plain(compact, plan, outgoing=outgoing)
    if read is not None:
        return _number(received, *read)
    if _MASKED.fullmatch(compact):
        return _masked(received, compact, plan, outgoing=outgoing)
    if _CODE.fullmatch(compact):
        return Number(received, compact, ("?" + compact)[:_KEY_MAX], "code", "", "", "Code de service")
    if is_address:
        return Number(received, user, ("?" + user)[:_KEY_MAX], "sip", "", "", "Adresse SIP")
    label = "Texte" if any(c.isdigit() for c in user) else "Nom"
    return Number(received, user, ("?" + user)[:_KEY_MAX], "alphanumeric", "", "", label)


def _user_part(bare: str) -> tuple[str, bool]:
    """The user of "sip:user@host;param" or "num@ip"; the text itself when it is no address."""
    text = bare.strip("<>\"' ")
    lowered = text.lower()
    scheme = next((scheme for scheme in _SCHEMES if lowered.startswith(scheme)), "")
    if not scheme and "@" not in text:
        return text, False
    return text[len(scheme) :].split("@", 1)[0].split(";", 1)[0].strip(), True


def _plain(compact: str, plan: DialPlan, *, outgoing: bool) -> tuple[str, _Found | None] | None:
    """Digits, with or without "+"; None when there is anything else."""
    digits = compact.removeprefix("+")
    if not digits.isdigit() or not digits.isascii():
        return None
    if compact.startswith("+"):
        return compact, _e164(digits, plan)
    return _digits(digits, plan, outgoing=outgoing)


def _masked(received: str, compact: str, plan: DialPlan, *, outgoing: bool) -> Number:
    """A number already cut by the sender: its key is the part that can be read, if it says at least four digits."""
    match = _MASKED.fullmatch(compact)
    visible = match[1] if match else ""
    hidden = len(compact) - len(visible)
    read = _plain(visible + "0" * hidden, plan, outgoing=outgoing)
    found = read[1] if read is not None else None
    if found is None or found.key.startswith("!") or sum(c.isdigit() for c in visible) < 4:
        return Number(received, compact, ("?" + compact)[:_KEY_MAX], "masked", "", "", "Numéro tronqué")
    key = found.key[: len(found.key) - hidden]
    return Number(received, compact, key, "masked", found.territory, found.country, f"{found.label} (numéro tronqué)")


def mask(number: str, hidden: int = HIDDEN_DIGITS) -> str:
    """Hide the last `hidden` digits with "x", in a key or in a displayed number; what is already hidden counts.

    Short numbers (six digits or fewer) name a service, not a person: they stay. A text ("?name") loses its last
    characters.
    """
    counts = str.isalnum if number.startswith("?") else str.isdigit
    if not number.startswith("?") and sum(c.isdigit() or c == "x" for c in number) <= 6:
        return number
    left, masked = hidden, []
    for character in reversed(number):
        if left and (counts(character) or character == "x"):
            character, left = "x", left - 1
        masked.append(character)
    return "".join(reversed(masked))


def hidden_on_bills(category: str) -> bool:
    """Whether calls of this category must not be listed on a bill.

    Emergency numbers: CPCE D98-8. Free numbers (116XYZ, 30PQ/31PQ, 0800-0805): European rule on free helplines.
    """
    return category in _HIDDEN


def display(key: str) -> str:
    """A key as the French read it: « 06 12 34 56 78 », « 0 800 123 456 », « 36 39 », « +44 770 090 0123 »."""
    if key.startswith("?"):
        return key[1:]
    if key.startswith("!"):
        digits = key[1:]
        size = 3 if len(digits) == 6 else 2
        return digits if len(digits) <= 3 else _grouped(digits, size)
    if not key:
        return ""
    code = key[:2] if key.startswith("33") else key[:3]
    if code in FRENCH_CODES:
        rest = key[len(code) :]
        national = "0508" + rest if code == "508" and len(rest) == 6 else "0" + rest
        if national.startswith("08"):
            return "0" + NARROW_SPACE + _grouped(national[1:], 3)
        return _grouped(national, 2)
    code = next((key[:length] for length in (1, 2, 3) if key[:length] in _calling_codes()), "")
    return f"+{code}{NARROW_SPACE if code else ''}{_grouped(key[len(code) :], 3)}"


def _grouped(digits: str, size: int) -> str:
    groups = [digits[start : start + size] for start in range(0, len(digits), size)]
    if size > 2 and len(groups) > 1 and len(groups[-1]) == 1:  # no digit stands alone
        groups[-2:] = [groups[-2] + groups[-1]]
    return NARROW_SPACE.join(groups)
