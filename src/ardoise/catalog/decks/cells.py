"""Readers of one cell: codes dialled, prices, increments, dates. What can be read in two ways is refused.

What one cell leaves open, the whole column may settle: `decimal_mark` and `date_order` look at all of it first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from ardoise.catalog.decks.problems import NotRead
from ardoise.catalog.decks.sheets import Figure, Stamp
from ardoise.catalog.decks.vocabulary import CURRENCIES, SIGNS, plain

LONGEST_NUMBER: Final = 15  # digits, ITU-T E.164
MOST_IN_A_RANGE: Final = 1000
TYPED_DIGITS: Final = 15  # significant digits that a workbook keeps of what a person types

# --- codes ------------------------------------------------------------------------------------------------------------

_LIST: Final = re.compile(r"[,;/|&\n]+")
_GROUPED: Final = re.compile(r"[1-9]\d{0,2}(,\d{3})+")
_SCIENTIFIC: Final = re.compile(r"\d+([.,]\d+)?[eE]\+?\d+")
_CATEGORY: Final = re.compile(r"=[a-z0-9_]{1,23}")


def is_certain_list(cell: str) -> bool:
    """A cell that can only be several codes: "33, 336;337". « 33,336 » alone may be 33336 with its thousands."""
    return bool(_LIST.search(cell)) and not _GROUPED.fullmatch(cell)


def read_codes(cell: str, *, country: str, lists: bool, stem: str = "") -> tuple[str, ...]:
    """The prefixes of a cell, "+336" or a short number "3639". `stem` is the calling code of another column, `lists`
    says that other cells of the column are certain lists. Raises NotRead.
    """
    if cell.isdigit() and cell.isascii() and cell[0] != "0" and not country:
        return (_checked("+" + stem + cell),)
    if isinstance(cell, Figure):
        return _codes_of_figure(cell, country, stem)
    if isinstance(cell, Stamp):
        raise NotRead("is a date for the workbook: format the column as text and write the code again")
    if cell == "+" or _CATEGORY.fullmatch(cell) or cell.startswith("?"):  # every number, a category, a text: as in
        return (cell,)  # the tariff itself; only our own exports write them
    if _GROUPED.fullmatch(cell) and not lists:
        parts = cell.split(",")
        whole, several = "".join(parts), " and ".join(parts)
        raise NotRead(f"is one code {whole} or {len(parts)}, {several}? write {whole} or {';'.join(parts)}")
    found: list[str] = []
    for part in _LIST.split(cell.strip(",;/|& \n")):
        found += _codes_of(part.strip(), country, stem)
    return tuple(dict.fromkeys(found))


def _codes_of_figure(cell: str, country: str, stem: str) -> tuple[str, ...]:
    """A code that the workbook keeps as a number: exact up to 15 digits, and its leading zeros are lost."""
    if not cell.isdigit():
        raise NotRead("is a number with decimals: a list of codes? format the column as text and write them again")
    if len(cell) > LONGEST_NUMBER:
        raise NotRead("is a number of more than 15 digits, of which a workbook loses some; format the column as text")
    if country:
        message = "is a number for the workbook, which drops the first 0; format the column as text and write it again"
        raise NotRead(message)
    return (_checked("+" + stem + cell),)


def _codes_of(text: str, country: str, stem: str) -> list[str]:
    if _SCIENTIFIC.fullmatch(text):
        raise NotRead("lost its digits when a spreadsheet wrote it; format the column as text and export it again")
    if re.fullmatch(r"\d+\.0+", text):
        text = text.split(".")[0]  # a whole number written by a program that keeps floats: no digit is lost
    low, dash, high = (part.strip() for part in text.partition("-"))
    if dash:
        return _range(low, high, country, stem)
    return [_code(text, country, stem)]


def _range(low: str, high: str, country: str, stem: str) -> list[str]:
    """ "3361-3369" is nine codes; "1-242", whose second part is the longer one, is 1242."""
    bare, start = high.removeprefix("+"), low.removeprefix("+")
    if not (bare.isdigit() and start.isdigit()):
        raise NotRead("is no code; write digits, for example 336, +336, or 3361-3369")
    if len(bare) > len(start):
        return [_code(low + bare, country, stem)]
    if len(bare) < len(start):
        raise NotRead(f"is the code {start}{bare}, or a range up to {start[: -len(bare)]}{bare}? write it in full")
    first, last = int(start), int(bare)
    if last <= first:
        raise NotRead("is a range that ends before it starts")
    if last - first >= MOST_IN_A_RANGE:
        raise NotRead(f"is a range of more than {MOST_IN_A_RANGE:,} codes; write a shorter prefix")
    sign = "+" if low.startswith("+") else ""
    return [_code(f"{sign}{number:0{len(start)}d}", country, stem) for number in range(first, last + 1)]


def _code(text: str, country: str, stem: str) -> str:
    """One code in international form; the national form needs the country in which it is dialled."""
    text = text.removeprefix("'")  # with which a spreadsheet marks a text
    if text.startswith("!") and text[1:].isdigit():
        return text[1:]
    digits = re.sub(r"[ .()\u00a0\u202f]", "", text) if text.startswith(("+", "00")) else text
    if digits.startswith("+"):
        return _checked(digits)
    if not (digits.isascii() and digits.isdigit()):
        if re.fullmatch(r"\d+( \d+)+", digits):
            joined, several = digits.replace(" ", ""), digits.replace(" ", ";")
            raise NotRead(f"is one code or several? write {joined} or {several}")
        raise NotRead("is no code; write digits, for example 336, +336, or 3361-3369")
    if stem:
        return _checked(f"+{stem}{digits}")
    if digits.startswith("00"):
        return _checked("+" + digits[2:])
    if digits.startswith("0"):
        if not country:
            raise NotRead("is a national number; say in which country it is dialled: --country 33")
        return _checked(f"+{country}{digits[1:]}")
    return digits if country else _checked("+" + digits)


def _checked(code: str) -> str:
    if not (code[1:].isascii() and code[1:].isdigit()) or code[1] == "0":
        raise NotRead("is no code; write digits that start with a calling code, for example +336")
    if len(code) > LONGEST_NUMBER + 1:
        raise NotRead(f"has more than {LONGEST_NUMBER} digits: no number is so long")
    return code


# --- amounts ----------------------------------------------------------------------------------------------------------

_BLANKS: Final = re.compile(r"[\s\u00a0\u202f']")
_PER: Final = re.compile(r"/(min\w*|mn|sec|s|call|appel)\.?$", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d+([.,]\d+)*|[.,]\d+")
_CODE: Final = re.compile(r"^[A-Z]{3}|[A-Z]{3}$")


def split_amount(cell: str) -> tuple[str, str]:
    """The number of an amount and the currency beside it: "€ 0,02/min" is ("0,02", "€")."""
    text = _PER.sub("", _BLANKS.sub("", cell))
    for sign in SIGNS:
        if sign in text:
            return text.replace(sign, "", 1), sign
    if (match := _CODE.search(text.upper())) and match[0] in CURRENCIES:
        return text[: match.start()] + text[match.end() :], match[0]
    return text, ""


def decimal_mark(cells: Iterable[str]) -> str:
    """ "." or "," when every cell that can be read in one way only says the same, else ""."""
    written = {cell for cell in cells if cell.__class__ is not Figure}
    marks = {mark for cell in written if (mark := _mark_of(split_amount(cell)[0]))}
    return marks.pop() if len(marks) == 1 else ""


def _mark_of(number: str) -> str:
    """The decimal mark that a number shows: the last of two different ones, or one that cannot part thousands."""
    number = number.lstrip("+-")
    if not _NUMBER.fullmatch(number):
        return ""
    marks = [sign for sign in number if sign in ".,"]
    if len(set(marks)) == 2:
        return marks[-1]
    if len(marks) != 1:
        return ""
    whole, rest = number.split(marks[0])
    return "" if len(rest) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0" else marks[0]


def read_amount(cell: str, *, mark: str, told: bool, decimals: int | None) -> Decimal:
    """An exact amount. `mark` is the decimal mark of the column ("" = not known), `told` when the user said it;
    `decimals` rounds amounts that a workbook computed. Raises NotRead.
    """
    if isinstance(cell, Stamp):
        raise NotRead("is a date for the workbook; write the price again")
    number = cell if isinstance(cell, Figure) else split_amount(cell)[0]
    if any(sign.isdigit() for sign in number) and (number[0] in "-(" or number[-1] == "-"):
        raise NotRead("is negative; a price is zero or more")
    if not _NUMBER.fullmatch(number.removeprefix("+")):
        raise NotRead("is no price; write for example 0.0250")
    text = number.removeprefix("+") if isinstance(cell, Figure) else _with_point(number.removeprefix("+"), mark, told)
    amount = Decimal(text)
    if decimals is not None:
        return amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    if isinstance(cell, Figure) and len(amount.as_tuple().digits) > TYPED_DIGITS:
        raise NotRead("is the noise of a formula, not a price that someone typed; say how to round: --round 6")
    return amount


def _with_point(number: str, mark: str, told: bool) -> str:
    """The number with a decimal point and without thousands."""
    marks = [sign for sign in number if sign in ".,"]
    if not marks:
        return number
    decimal = _mark_of(number)
    if not decimal and len(marks) == 1:  # 1.234: thousands, unless the column says what its decimal mark is
        if mark != marks[0] and not (mark and told):
            whole, rest = number.split(marks[0])
            question = f"is {whole}.{rest} or {whole}{rest}? say the decimal mark:"
            raise NotRead(f"{question} --decimal {_mark_name(marks[0])}, or {_mark_name(_other(marks[0]))}")
        decimal = mark
    decimal = decimal or _other(marks[0])  # 1.234.567: thousands only
    if told and decimal != mark:
        raise NotRead(f"is not written with the decimal {_mark_name(mark)} that was said")
    whole, _, rest = number.partition(decimal)
    if not re.fullmatch(rf"\d{{1,3}}(\{_other(decimal)}\d{{3}})+|\d*", whole) or not re.fullmatch(r"\d*", rest):
        raise NotRead("is no price; write for example 0.0250")
    return whole.replace(_other(decimal), "") + ("." + rest if rest else "")


def _other(mark: str) -> str:
    return "," if mark == "." else "."


def _mark_name(mark: str) -> str:
    return "comma" if mark == "," else "point"


# --- increments -------------------------------------------------------------------------------------------------------

_INCREMENT: Final = re.compile(
    r"(\d+)\s*(?:s|sec|secs|seconds?|secondes?|\")?\s*(?:[/+:;|-]\s*(\d+)\s*(?:s|sec|secs)?)?", re.I
)
LONGEST_INCREMENT_S: Final = 86_400


def read_increment(cell: str) -> tuple[int, int]:
    """(first, next) in seconds: "60/60", "30-6", "1+1", "6" (both). Raises NotRead."""
    if isinstance(cell, Stamp):
        raise NotRead("is a date for the workbook, which took 1/1 for the first of January; format the column as text")
    match = _INCREMENT.fullmatch(cell.strip())
    if match is None:
        raise NotRead("is no increment; write first/next in seconds, for example 60/60")
    first, following = int(match[1]), int(match[2] or match[1])
    if not (0 < first <= LONGEST_INCREMENT_S and 0 < following <= LONGEST_INCREMENT_S):
        raise NotRead("is no increment: both parts are from 1 to 86400 seconds, for example 60/60")
    return first, following


def read_seconds(cell: str) -> int:
    """A number of seconds, 0 included. Raises NotRead."""
    match = re.fullmatch(r"(\d{1,6})(?:\.0+)?\s*(?:s|sec|secs|seconds?|secondes?)?", cell.strip(), re.IGNORECASE)
    if match is None or int(match[1]) > LONGEST_INCREMENT_S:
        raise NotRead("is no number of seconds (0 to 86400)")
    return int(match[1])


# --- dates ------------------------------------------------------------------------------------------------------------

_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{4})(\d{2})(\d{2})")
_LOCAL: Final = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4}|\d{2})")
_NAMED: Final = re.compile(r"(\d{1,2})(?:er|st|nd|rd|th)?[ -]+([a-z]+)[ -]+(\d{4}|\d{2})|([a-z]+) (\d{1,2}) (\d{4})")
_MIDNIGHT: Final = re.compile(r"[T ]+0{1,2}:00(:00(\.0+)?)?\s*(Z|UTC|\+00(:?00)?)?$", re.IGNORECASE)
_LAST_SECOND: Final = re.compile(r"[T ]+23:59(:59(\.\d+)?)?$")
_MONTHS: Final = {
    name: month
    for month, names in enumerate(
        (
            "jan january janv janvier",
            "feb february fev fevr fevrier",
            "mar march mars",
            "apr april avr avril",
            "may mai",
            "jun june juin",
            "jul july juil juillet",
            "aug august aout",
            "sep sept september septembre",
            "oct october octobre",
            "nov november novembre",
            "dec december decembre",
        ),
        1,
    )
    for name in names.split()
}


def date_order(cells: Iterable[str]) -> str:
    """`dmy` or `mdy` when the dates of the column can only be that, else "": none says, or they contradict."""
    orders = set()
    for cell in set(cells):
        match = _LOCAL.fullmatch(_day_of(cell))
        if match is None:
            continue
        if match[2] == "." or int(match[1]) > 12:
            orders.add("dmy")
        elif int(match[3]) > 12:
            orders.add("mdy")
    return orders.pop() if len(orders) == 1 else ""


def _day_of(cell: str) -> str:
    return _LAST_SECOND.sub("", _MIDNIGHT.sub("", cell.strip()))


def read_date(cell: str, *, order: str) -> date:
    """A calendar date; `order` settles 05/06/2026. Raises NotRead."""
    if isinstance(cell, Figure) and not _ISO.fullmatch(cell):
        raise NotRead("is a number for the workbook; format the column as a date")
    text = _day_of(cell)
    if re.search(r"\d:\d\d", text):
        raise NotRead("has a time of day; a version of a tariff starts at midnight, write the day alone")
    if match := _ISO.fullmatch(text):
        parts = [int(part) for part in match.groups() if part]
        return _real(parts[0], parts[1], parts[2])
    if match := _LOCAL.fullmatch(text):
        return _local(int(match[1]), int(match[3]), match[4], order, dotted=match[2] == ".")
    if match := _NAMED.fullmatch(plain(text)):
        month, day, year = (match[2], match[1], match[3]) if match[1] else (match[4], match[5], match[6])
        if month in _MONTHS:
            return _real(_year(year), _MONTHS[month], int(day))
    raise NotRead("is no date; write YYYY-MM-DD, for example 2026-11-01")


def _local(first: int, second: int, year: str, order: str, *, dotted: bool) -> date:
    if dotted or order == "dmy" or first == second:
        return _real(_year(year), second, first)
    if order == "mdy":
        return _real(_year(year), first, second)
    if first > 12 or second > 12:
        return _real(_year(year), min(first, second), max(first, second))
    raise NotRead("is the day or the month first? say: --date-format dmy, or mdy")


def _year(text: str) -> int:
    """Four digits, or two of a likely year: 26/11/01 may start with its year."""
    if len(text) == 2 and not 15 <= int(text) <= 50:
        raise NotRead("has no likely year; write YYYY-MM-DD, for example 2026-11-01")
    return int(text) + (2000 if len(text) == 2 else 0)


def _real(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise NotRead("is a date that does not exist") from error
