"""What the convention finder says, in French and English: the convention, what the sample cannot decide, one call."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from ardoise.core.conventions.causes import Cause, CauseKind
from ardoise.core.conventions.finder import Audit
from ardoise.core.conventions.model import Convention, Terms
from ardoise.core.conventions.verdict import Decider, Doubt, differing, field
from ardoise.core.money import NO_BREAK, Rounding, amount_text, count_text
from ardoise.core.periods import zone_info
from ardoise.core.phone import display
from ardoise.core.tariffs import BandBorder, IncrementOrigin
from ardoise.core.wording import counted

SHOWN_VALUES = 6

# One table a language: name of the field, then how its values read.
_NAMES = {
    "deck": ("grille", "tariff"),
    "version_id": ("version", "version"),
    "coefficient": ("coefficient", "coefficient"),
    "increments": ("paliers (premier/suivants)", "increments (first/next)"),
    "origin": ("origine des paliers", "origin of increments"),
    "free_s": ("secondes gratuites", "free seconds"),
    "fee": ("frais de mise en relation", "connection fee"),
    "minimum": ("minimum par appel", "minimum of a call"),
    "zones": ("zones à part", "zones with terms of their own"),
    "rounding": ("arrondi", "rounding"),
    "decimals": ("décimales", "decimals"),
    "increment_decimals": ("arrondi du prix du palier", "rounding of the price of an increment"),
    "border": ("changement de tranche horaire", "border of bands"),
    "bill_zero_seconds": ("appels de 0 s", "calls of 0 s"),
    "parts_apart": ("accès et service (08)", "access and service parts"),
}
_WORDS: dict[object, tuple[str, str]] = {
    IncrementOrigin.FIRST_NEXT: ("comptés après le premier", "counted after the first"),
    IncrementOrigin.ZERO: ("comptés depuis la seconde 0", "counted from second 0"),
    IncrementOrigin.STEP: ("comptés palier de prix par palier de prix", "counted step by step"),
    Rounding.HALF_UP: ("au plus proche, moitié vers le haut", "nearest, half up"),
    Rounding.HALF_EVEN: ("au plus proche, moitié au pair", "nearest, half to even"),
    Rounding.UP: ("vers le haut", "up"),
    Rounding.DOWN: ("vers le bas", "down"),
    BandBorder.START: ("tranche du début", "band of the start"),
    BandBorder.CARRY: ("le palier entamé est reporté", "the increment begun is carried over"),
    BandBorder.SPLIT: ("appel coupé, chaque part arrondie", "call split, each part rounded"),
}


def _french(language: str) -> bool:
    return language.lower().startswith("fr")


def field_name(name: str, language: str) -> str:
    """The name of a field of a convention, as the field's people say it."""
    return _NAMES[name][0 if _french(language) else 1]


def value_text(convention: Convention, name: str, language: str) -> str:
    """One field of a convention in words."""
    french = _french(language)
    value = field(convention, name)
    if value in _WORDS:
        return _WORDS[value][0 if french else 1]
    if name == "increments":
        return _written(french) if value is None else "/".join(map(str, convention.terms.increments or ()))
    if name in ("free_s", "fee", "minimum"):
        return _written(french) if value is None else _quantity(name, value, french)
    if name == "increment_decimals":
        return ("aucun" if french else "none") if value is None else str(value)
    if name == "version_id":
        return ("celle de la date" if french else "that of the date") if value is None else str(value)
    if name == "bill_zero_seconds":
        return ("facturés" if french else "billed") if value else ("gratuits" if french else "free")
    if name == "parts_apart":
        apart = (
            ("arrondis l'un après l'autre", "rounded one by one")
            if value
            else ("arrondis ensemble", "rounded together")
        )
        return apart[0 if french else 1]
    if name == "zones":
        return ", ".join(f"{zone} ({_terms_text(terms, french)})" for zone, terms in convention.zones) or "-"
    return _number(value, french) if isinstance(value, Decimal) else str(value)


def _written(french: bool) -> str:
    return "ceux de la grille" if french else "as the tariff says"


def _quantity(name: str, value: object, french: bool) -> str:
    if isinstance(value, Decimal):
        return _number(value, french)
    return f"{value}{NO_BREAK}s"


def _number(value: Decimal, french: bool) -> str:
    return f"{value:f}".replace(".", ",") if french else f"{value:f}"


def _terms_text(terms: Terms, french: bool) -> str:
    parts = ["/".join(map(str, terms.increments))] if terms.increments else []
    if terms.fee:
        parts.append(("frais " if french else "fee ") + _number(terms.fee, french))
    if terms.minimum:
        parts.append("minimum " + _number(terms.minimum, french))
    if terms.free_s:
        parts.append(f"{terms.free_s}{NO_BREAK}s " + ("gratuites" if french else "free"))
    return ", ".join(parts) or _written(french)


def convention_lines(audit: Audit, language: str) -> list[tuple[str, str]]:
    """(name of the field, value) of what was found; fields that say nothing are left out."""
    convention, tariff = audit.convention, audit.book.tariff
    silent = {
        "version_id": convention.version_id is None,
        "coefficient": convention.coefficient == 1,
        "zones": not convention.zones,
        "increment_decimals": convention.increment_decimals is None,
        "border": not tariff.calendar,
        "free_s": convention.terms.free_s == 0,
        "fee": convention.terms.fee == 0,
        "minimum": convention.terms.minimum == 0,
        "origin": convention.origin is IncrementOrigin.FIRST_NEXT,
        "parts_apart": not any(site is not None and site.rate.service_price for site in audit.book.sites),
    }
    return [
        (field_name(name, language), value_text(convention, name, language))
        for name in _NAMES
        if not silent.get(name, False)
    ]


def summary(audit: Audit, language: str) -> list[str]:
    """How many calls are explained, how sure that is, and how many the tariff explains as it is recorded."""
    code = audit.convention.deck
    calls, as_written = (count_text(number, french=_french(language)) for number in (audit.calls, audit.as_written))
    if _french(language):
        are = "sont expliqués" if audit.explained > 1 else "est expliqué"
        found = counted(audit.explained, "appel", french=True)
        said = [f"{found} sur {calls} {are} par la grille « {code} »."]
        if audit.as_written != audit.explained:
            said.append(f"Telle qu'elle est enregistrée, la grille en explique {as_written}.")
        if audit.confidence == "low":
            said.append("Confiance faible : moins de 90 % des appels sont expliqués ; à vérifier avec l'opérateur.")
        elif audit.confidence == "none":
            said.append("Aucune convention connue n'explique ce fichier ; vérifiez la grille et les colonnes.")
        return [_narrow(sentence) for sentence in said]
    are = "is" if audit.explained == 1 else "are"
    said = [f"{counted(audit.explained, 'call')} of {calls} {are} explained by the tariff “{code}”."]
    if audit.as_written != audit.explained:
        said.append(f"As it is recorded, the tariff explains {as_written} of them.")
    if audit.confidence == "low":
        said.append("Low confidence: less than 90 % of the calls are explained; check with the operator.")
    elif audit.confidence == "none":
        said.append("No known convention explains this file; check the tariff and the columns.")
    return said


def _narrow(sentence: str) -> str:
    """French typography: a no-break space before « : », a narrow one before « ; » and « % »."""
    sentence = sentence.replace(" :", f"{NO_BREAK}:").replace("« ", f"«{NO_BREAK}").replace(" »", f"{NO_BREAK}»")
    return sentence.replace(" ;", "\u202f;").replace(" %", "\u202f%")


def unexplained_title(number: int, language: str) -> str:
    """The title of the calls that nothing explains, with how many they are."""
    if _french(language):
        return counted(number, "appel inexpliqué", "appels inexpliqués", french=True)
    return counted(number, "unexplained call")


def doubt_lines(audit: Audit, language: str) -> list[str]:
    """What the sample cannot decide, field by field, with a call that would; then rivals in several fields."""
    lines = []
    alone: dict[tuple[str, bool], list[Doubt]] = {}
    for doubt in audit.doubts:
        if len(doubt.fields) == 1:
            alone.setdefault((doubt.fields[0], doubt.same), []).append(doubt)
    for (name, same), doubts in alone.items():
        others = sorted((doubt.other for doubt in doubts), key=lambda other: _place(other, name))
        values = _values([value_text(other, name, language) for other in others])
        lines.append(_doubt(field_name(name, language), values, doubts[0], same=same, audit=audit, language=language))
    for doubt in [doubt for doubt in audit.doubts if len(doubt.fields) > 1][:SHOWN_VALUES]:
        names = differing(audit.convention, doubt.other)
        values = ", ".join(f"{field_name(name, language)} {value_text(doubt.other, name, language)}" for name in names)
        together = "ensemble" if _french(language) else "together"
        lines.append(_doubt(together, values, doubt, same=doubt.same, audit=audit, language=language))
    return [*_equal_roundings(audit, language), *lines]


def _equal_roundings(audit: Audit, language: str) -> list[str]:
    """That the rounding named is one of several that come to the same."""
    at = 0 if _french(language) else 1
    others = ", ".join(_WORDS[mode][at] for mode in audit.equal_roundings)
    if not others:
        return []
    name = field_name("rounding", language)
    if at == 0:
        return [_narrow(f"Non distinguable : {name} ({others}) ; aucun appel essayé n'aurait un autre prix.")]
    return [f"Not distinguishable: {name} ({others}); no call that was tried would have another price."]


def _place(convention: Convention, name: str) -> tuple[object, ...]:
    value = field(convention, name)
    return value if name == "increments" and isinstance(value, tuple) else (str(value),)


def _values(values: Sequence[str]) -> str:
    shown = ", ".join(values[:SHOWN_VALUES])
    return shown if len(values) <= SHOWN_VALUES else f"{shown} … ({len(values)})"


def _doubt(name: str, values: str, doubt: Doubt, *, same: bool, audit: Audit, language: str) -> str:
    currency = audit.book.tariff.currency
    against = counted(doubt.against, "appel" if _french(language) else "call", french=_french(language))
    examples = ", ".join(ref_text(ref, language) for ref in doubt.refs[:2])
    if _french(language):
        said = (
            f"Non distinguable : {name} ({values})."
            if same
            else f"Peu sûr : {name} ({values}), {against} de différence seulement, par exemple {examples}."
        )
        return _narrow(f"{said} {_decider(doubt.decider, audit, currency, french=True)}")
    said = (
        f"Not distinguishable: {name} ({values})."
        if same
        else f"Hardly decided: {name} ({values}), by {against} only, like {examples}."
    )
    return f"{said} {_decider(doubt.decider, audit, currency, french=False)}"


def _decider(decider: Decider, audit: Audit, currency: str, *, french: bool) -> str:
    call = decider.call
    local = call.answered_at.astimezone(zone_info(audit.book.tariff.zone))
    at = f"{local:%d/%m/%Y à %H:%M:%S}" if french else f"{local:%Y-%m-%d at %H:%M:%S}"
    one = _money(decider.micros, currency, french)
    other = _money(decider.other_micros, currency, french)
    if french:
        return f"Un appel de {call.talk_s} s vers {display(call.number_key)} le {at} trancherait : {one} ou {other}."
    return f"A call of {call.talk_s} s to {display(call.number_key)} on {at} would tell: {one} or {other}."


def _money(micros: int, currency: str, french: bool) -> str:
    return amount_text(Fraction(micros, 10**6), currency=currency, french=french)


_CAUSES = {
    CauseKind.TWICE: ("imprimé deux fois ; déjà compté : {}", "printed twice; already counted: {}"),
    CauseKind.NO_ROW: (
        "aucune ligne de la grille pour ce numéro à cette date",
        "the tariff has no row for the number then",
    ),
    CauseKind.VERSION: ("prix d'une autre version de la grille (préfixe {})", "price of another version (prefix {})"),
    CauseKind.BAND: ("prix d'une autre tranche horaire ({})", "price of another band ({})"),
    CauseKind.BORDER: ("changement de tranche traité autrement ({})", "border of bands treated otherwise ({})"),
    CauseKind.INCREMENTS: ("un palier de trop ou de moins ({} s)", "one increment more or less ({} s)"),
    CauseKind.FEE: ("frais de mise en relation : {}", "connection fee: {}"),
    CauseKind.FREE: ("imprimé à zéro", "printed as zero"),
    CauseKind.TAX: ("prix avec taxe ({} %)", "price with tax ({} %)"),
    CauseKind.TIMES: ("montant multiplié par {}", "amount times {}"),
    CauseKind.PREFIX: ("prix d'un préfixe plus court ({})", "price of a shorter prefix ({})"),
    CauseKind.OTHER_ROW: ("prix d'une autre zone ({})", "price of another zone ({})"),
    CauseKind.ROUNDING: ("arrondi autrement", "rounded otherwise"),
    CauseKind.DURATION: ("comme s'il avait duré {} s", "as if it had lasted {} s"),
    CauseKind.UNKNOWN: ("rien de connu ne l'explique", "nothing known explains it"),
}
_DETAILS = {
    "none": ("absents", "missing"),
    "twice": ("comptés deux fois", "counted twice"),
    "": ("toutes", "all hours"),
}


def ref_text(ref: str, language: str) -> str:
    """Where a call stands, in the language: « ligne 12 », "line 12"; the id of a collected call as it is."""
    return ref.replace("line ", "ligne ", 1) if _french(language) and ref.startswith("line ") else ref


def cause_text(cause: Cause, language: str) -> str:
    """The likely cause of an unexplained amount."""
    at = 0 if _french(language) else 1
    detail = _DETAILS[cause.detail][at] if cause.detail in _DETAILS else cause.detail
    if cause.kind is CauseKind.BORDER:
        detail = _WORDS[BandBorder(cause.detail)][at]
    elif cause.kind is CauseKind.TWICE:
        detail = ref_text(cause.detail, language)
    elif cause.kind in (CauseKind.PREFIX, CauseKind.VERSION):
        detail = cause.detail.lstrip("!?")
    elif cause.kind in (CauseKind.TAX, CauseKind.FEE) and at == 0:
        detail = detail.replace(".", ",")
    text = _CAUSES[cause.kind][at].format(detail)
    return _narrow(text) if at == 0 else text


def stake_lines(audit: Audit, language: str) -> list[str]:
    """The money at stake: charged too much, too little, and calls that no row prices."""
    french, currency = _french(language), audit.book.tariff.currency
    differences = [found.difference_micros for found in audit.unexplained if found.difference_micros is not None]
    over = sum(micros for micros in differences if micros > 0)
    under = sum(micros for micros in differences if micros < 0)
    rowless = [found.call.printed_micros for found in audit.unexplained if found.expected_micros is None]
    if french:
        said = [f"Facturé en trop : {_money(over, currency, True)} ; en moins : {_money(-under, currency, True)} ; "
                f"net : {_money(over + under, currency, True)}."]  # fmt: skip
        if rowless:
            calls = counted(len(rowless), "appel", french=True)
            said.append(f"Sans prix dans la grille : {calls}, {_money(sum(rowless), currency, True)}.")
        return [_narrow(sentence) for sentence in said]
    said = [f"Charged too much: {_money(over, currency, False)}; too little: {_money(-under, currency, False)}; "
            f"net: {_money(over + under, currency, False)}."]  # fmt: skip
    if rowless:
        calls = counted(len(rowless), "call")
        said.append(f"Without a price in the tariff: {calls}, {_money(sum(rowless), currency, False)}.")
    return said
