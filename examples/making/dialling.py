"""Numbers to call and to be called from: blocks that ARCEP keeps for fiction, or has given to no operator.

So nobody's telephone number stands in the examples. Short numbers and 08 services are quoted by category; the numbers
abroad follow the national plans, with the blocks that Ofcom and the NANPA keep for fiction.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

FICTION_FIXED = ("019900", "026191", "035301", "046571", "053649")
FREE_FIXED = ("035337", "035343", "035368", "046542", "046545", "046592", "053627", "053642", "053652", "053660")
FREE_MOBILE = (
    "060000", "060014", "060027", "060038", "060041", "060055", "060063", "060076", "060082", "060099", "060297",
    "060611", "060612", "060617", "063800", "075177", "075464", "075478", "077551", "077560", "073412", "073650",
    "079120", "079344",
)  # fmt: skip
OVERSEAS_FIXED = {"martinique": "059612", "reunion": "026262", "guyane": "059470"}
OVERSEAS_MOBILE = {"martinique": "069649", "guyane": "069452"}


@dataclass(frozen=True, slots=True)
class Country:
    """`fixed` and `mobile` are patterns after the calling code: "n" stands for a digit. `price` is the wholesale cost
    of a minute to a fixed line, in ten-thousandths of a euro, `mobile_price` to a mobile."""

    code: str
    name_fr: str
    name_en: str
    calling: str
    fixed: str
    mobile: str
    mobile_prefixes: tuple[str, ...]
    price: int
    mobile_price: int


COUNTRIES = (
    Country("allemagne", "Allemagne", "Germany", "49", "30555nnnnn", "1515550nnnn", ("4915", "4916", "4917"), 90, 240),
    Country("autriche", "Autriche", "Austria", "43", "1555nnnn", "664555nnnn", ("4366", "4368"), 120, 320),
    Country("belgique", "Belgique", "Belgium", "32", "2555nnnn", "470555nnn", ("3245", "3246", "3247", "3248"),
            90, 260),
    Country("espagne", "Espagne", "Spain", "34", "9155nnnnn", "655nnnnnn", ("346", "347"), 90, 250),
    Country("irlande", "Irlande", "Ireland", "353", "1555nnnn", "85555nnnn", ("3538",), 130, 330),
    Country("italie", "Italie", "Italy", "39", "02555nnnnn", "345555nnnn", ("393",), 100, 270),
    Country("luxembourg", "Luxembourg", "Luxembourg", "352", "2655nnnn", "621555nnn", ("3526",), 140, 340),
    Country("pays-bas", "Pays-Bas", "Netherlands", "31", "20555nnnn", "61555nnnn", ("316",), 100, 270),
    Country("pologne", "Pologne", "Poland", "48", "22555nnnn", "601555nnn", ("485", "486", "4878", "4888"), 130, 300),
    Country("portugal", "Portugal", "Portugal", "351", "2155nnnnn", "91555nnnn", ("3519",), 110, 290),
    Country("roumanie", "Roumanie", "Romania", "40", "21555nnnn", "72155nnnn", ("407",), 150, 350),
    Country("royaume-uni", "Royaume-Uni", "United Kingdom", "44", "20794609nn", "7700900nnn", ("447",), 80, 260),
    Country("suede", "Suède", "Sweden", "46", "8555nnnnn", "70555nnnn", ("467",), 110, 300),
    Country("suisse", "Suisse", "Switzerland", "41", "22555nnnn", "78555nnnn", ("4175", "4176", "4177", "4178", "4179"),
            140, 480),
    Country("etats-unis-canada", "États-Unis et Canada", "United States and Canada", "1", "21255501nn", "", (), 70, 0),
    Country("maroc", "Maroc", "Morocco", "212", "52255nnnn", "66155nnnn", ("2126", "2127"), 900, 2600),
    Country("algerie", "Algérie", "Algeria", "213", "2155nnnn", "55155nnnn", ("2135", "2136", "2137"), 700, 2800),
    Country("tunisie", "Tunisie", "Tunisia", "216", "7155nnnn", "2055nnnn", ("2162", "2165", "2169"), 1900, 2900),
    Country("senegal", "Sénégal", "Senegal", "221", "33855nnnn", "7755nnnnn", ("2217",), 2100, 3100),
    Country("cote-d-ivoire", "Côte d’Ivoire", "Côte d’Ivoire", "225", "27205nnnnn", "07075nnnnn",
            ("22501", "22505", "22507"), 2300, 3300),
    Country("turquie", "Turquie", "Turkey", "90", "2125550nnn", "5325550nnn", ("905",), 320, 1400),
    Country("chine", "Chine", "China", "86", "1055550nnn", "13955550nnn", ("8613", "8615", "8618"), 180, 260),
    Country("japon", "Japon", "Japan", "81", "35550nnnn", "9055550nnn", ("8170", "8180", "8190"), 320, 900),
    Country("inde", "Inde", "India", "91", "115550nnnn", "9815550nnn", ("916", "917", "918", "919"), 260, 300),
    Country("bresil", "Brésil", "Brazil", "55", "115555nnnn", "11955550nnn", ("55119", "55219"), 220, 900),
    Country("australie", "Australie", "Australia", "61", "25550nnnn", "491570nnn", ("614",), 200, 500),
)  # fmt: skip
BY_CODE = {country.code: country for country in COUNTRIES}


def fill(random: Random, pattern: str) -> str:
    return "".join(str(random.randint(0, 9)) if character == "n" else character for character in pattern)


def french_fixed(random: Random) -> str:
    """A national number, "0199001234"."""
    return random.choice(FICTION_FIXED * 2 + FREE_FIXED) + fill(random, "nnnn")


def french_mobile(random: Random) -> str:
    return random.choice(FREE_MOBILE) + fill(random, "nnnn")


def abroad(random: Random, country: str, *, mobile: bool = False) -> str:
    """An international number without prefix, "442079460912"."""
    known = BY_CODE[country]
    return known.calling + fill(random, known.mobile if mobile and known.mobile else known.fixed)


def overseas_key(national: str) -> str:
    """The E.164 digits of a French overseas number written with its 0."""
    code = {"0596": "596", "0696": "596", "0262": "262", "0594": "594", "0694": "594"}[national[:4]]
    return code + national[1:]


def key_of(number: str) -> str:
    """What tariffs match: E.164 digits, or "!" and a short number. `number` is national ("0199001234"), short ("15")
    or international with its "+"."""
    if number.startswith("+"):
        return number[1:]
    if len(number) <= 6:
        return "!" + number
    if number[:4] in ("0596", "0696", "0262", "0594", "0694"):
        return overseas_key(number)
    return "33" + number[1:]
