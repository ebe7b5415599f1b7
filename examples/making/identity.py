"""Legal numbers and names that belong to nobody: valid by their check digits, invented otherwise."""

from __future__ import annotations

import unicodedata
from random import Random


def words(text: str, separator: str | None = None) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(separator))


FIRST_NAMES = words("""
    Camille Léa Manon Chloé Inès Jade Louise Alice Lina Emma Anaïs Clara Sarah Julie Pauline Marion Sophie Céline
    Nathalie Isabelle Sandrine Valérie Hélène Agnès Brigitte Claire Élodie Aurélie Mathilde Noémie Hugo Lucas Louis
    Gabriel Jules Adam Arthur Nathan Théo Maxime Antoine Paul Thomas Nicolas Julien Romain Alexandre Benoît Cédric
    Damien Éric Fabrice Grégory Hervé Jérôme Laurent Marc Olivier Philippe Stéphane Yann Karim Mehdi Sofiane Amadou
""")
LAST_NAMES = words("""
    Arnoux Baudet Berthier Bouvard Brunod Burnet Carlin Chabert Chappaz Charvet Clerc Collomb Curtet Damian Delorme
    Desbiolles Duret Excoffier Falcoz Favre Ferrand Gachet Gaillard Garnier Genevois Girod Grange Gros Guichard
    Humbert Jacquier Jourdan Lacroix Laurent Mabboux Magnin Maréchal Mathieu Mermet Mollard Morand Muller Neyret Novel
    Pachoud Pelloux Perret Pichon Ponsard Quiblier Rambaud Ravanel Revil Rey Richard Rochas Rosset Sage Simond Tardy
    Termier Thévenet Traversaz Vallet Vernay Veyrat Vial Viard Vuillermoz Benali Diallo Fernandes Kaya Lopez Nguyen
    Rossi
""")
STREETS = words(
    "rue des Tanneurs;avenue de la Gare;rue du Vercors;place de la Halle;chemin des Vignes;rue Marcel-Reymond;"
    "avenue des Ducs;quai de l’Isère;rue de la Poya;impasse des Alpages;boulevard Gambetta;route de Chartreuse;"
    "rue du Lavoir;allée des Frênes;rue Aristide-Bergès;avenue du Granier;rue des Écoles;montée du Château",
    ";",
)


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` + it pass Luhn."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def siren(number: int) -> str:
    """The n-th invented SIREN: 99x is given to no company."""
    base = f"99{number:06d}"
    return base + luhn_digit(base)


def siret(siren_text: str, establishment: int = 1) -> str:
    base = f"{siren_text}{establishment:04d}"
    return base + luhn_digit(base)


def vat_number(siren_text: str) -> str:
    """French VAT number: key = (12 + 3 x (SIREN mod 97)) mod 97."""
    return f"FR{(12 + 3 * (int(siren_text) % 97)) % 97:02d}{siren_text}"


def iban(bank: str, branch: str, account: str) -> str:
    """A French IBAN: RIB key (97 - (89 b + 15 g + 3 c) mod 97), then the check digits of ISO 13616."""
    key = 97 - (89 * int(bank) + 15 * int(branch) + 3 * int(account)) % 97
    bban = f"{bank}{branch}{account}{key:02d}"
    check = 98 - int(bban + "1527" + "00") % 97  # F = 15, R = 27
    return f"FR{check:02d}{bban}"


def person(random: Random, taken: set[str]) -> str:
    """A name nobody of the company has yet."""
    while True:
        name = f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
        if name not in taken:
            taken.add(name)
            return name


def street(random: Random) -> str:
    return f"{random.randint(1, 180)} {random.choice(STREETS)}"


def ascii_name(text: str) -> str:
    """Lower case, no accents, words joined by "-": for e-mail addresses."""
    plain = unicodedata.normalize("NFKD", text.replace("’", " ").replace("&", " ")).encode("ascii", "ignore").decode()
    words = "".join(character if character.isalnum() else " " for character in plain.lower()).split()
    return "-".join(words)
