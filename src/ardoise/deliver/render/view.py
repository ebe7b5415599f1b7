"""A canonical document as the strings a template lays out.

Templates hold layout only; every word, number and date is made here. No amount is computed: the sub-totals of a section
come with the document. The two sums made here (a part of the bill, a group) add printed cents, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from babel import Locale

from ardoise.core.documents import (
    SECTION_ORDER,
    Document,
    DocumentKind,
    DocumentLine,
    Party,
    Section,
    SectionTotal,
    UserTotal,
)
from ardoise.deliver.render import typography as typo
from ardoise.deliver.render.wording import OPERATOR_SECTIONS, Words

View = dict[str, Any]


def document_view(document: Document, *, annex_reference: str | None = None) -> View:
    """Everything `document.typ` reads, as strings (its keys are listed in docs/how-to/invoice-template.md)."""
    words = Words(document.brand.language)
    internal = document.kind is DocumentKind.STATEMENT
    return {
        "kind": document.kind.value,
        "lang": words.language,
        "draft": words("draft") if document.number == "" else "",
        "title": words(f"title.{document.kind.value}"),
        "number": document.number,
        "number_line": f"{words('number')} {document.number}" if document.number else "",
        "page": words("page", page="{page}", pages="{pages}"),
        "brand": brand_view(document),
        "seller": party_lines(document.seller, home=document.seller.country, words=words),
        "seller_ids": _seller_ids(document.seller, words=words),
        "buyer": party_lines(document.buyer, home=document.seller.country, words=words),
        "facts": _facts(document, words=words),
        "headline": _headline(document, words=words),
        "history": _history(document, words=words),
        "columns": _columns(document, words=words),
        "parts": _departments(document, words=words) if internal else _parts(document, words=words),
        "users": _users(document, words=words),
        "empty": words("empty"),
        "vat": None if internal else _vat(document, words=words),
        "totals": _totals(document, words=words),
        "payment": _payment(document, words=words),
        "notes": list(document.notes),
        "legal": _legal(document, words=words, annex_reference=annex_reference),
    }


def brand_view(document: Document) -> View:
    """The look: logo, accent, header and footer of the issuer."""
    brand = document.brand
    footer = [line for line in (brand.footer, document.seller.legal_mention) if line]
    return {
        "name": brand.display_name,
        "logo": brand.logo_svg,
        "accent": brand.accent_hex,
        "header": brand.header,
        "footer": list(dict.fromkeys(footer)),
    }


def party_lines(party: Party, *, home: str, words: Words) -> list[str]:
    """A postal address, one string a line; the country is printed only when the letter leaves `home`."""
    lines = [party.name, *party.address_lines, f"{party.postal_code} {party.city}".strip()]
    if party.country != home:
        lines.append(country_name(party.country, language=words.language))
    return [line for line in lines if line]


def country_name(code: str, *, language: str) -> str:
    """ISO 3166 alpha-2 -> the country's name in the language of the document; an unknown code is printed as it is."""
    return str(Locale(language).territories.get(code, code))


def _seller_ids(seller: Party, *, words: Words) -> list[str]:
    identity = (
        words("siret", value=typo.siren(seller.siret))
        if seller.siret
        else (words("siren", value=typo.siren(seller.siren)) if seller.siren else "")
    )
    tax = words("vat_number", value=seller.vat_number) if seller.vat_number else ""
    return [line for line in (identity, tax, " · ".join(filter(None, (seller.phone, seller.email)))) if line]


def _facts(document: Document, *, words: Words) -> list[list[str]]:
    """The reference block: [label, value] pairs; what is empty is left out."""
    lang, buyer = words.language, document.buyer
    facts = [
        (words("issued"), typo.day(document.issue_date, language=lang)),
        (words("due"), typo.day(document.due_date, language=lang) if document.due_date else ""),
        (words("period"), _period(document, words=words)),
        (words("customer"), buyer.customer_code),
    ]
    if document.kind is not DocumentKind.STATEMENT:
        if buyer.siret:
            facts.append((words("buyer_siret"), typo.siren(buyer.siret)))
        elif buyer.siren:
            facts.append((words("buyer_siren"), typo.siren(buyer.siren)))
        facts.append((words("buyer_vat"), buyer.vat_number))
        facts.append((words("purchase_order"), document.purchase_order))
        facts.append((words("operation"), words(f"operation.{document.operation_category}")))
    for number, dated in document.preceding:
        value = words("preceding.value", number=number, date=typo.day(dated, language=lang))
        facts.append((words("preceding"), value))
    return [[label, value] for label, value in facts if value]


def _period(document: Document, *, words: Words) -> str:
    start = typo.day(document.period_from, language=words.language)
    end = typo.day(document.period_to, language=words.language)
    return words("period.value", start=start, end=end)


def _headline(document: Document, *, words: Words) -> View:
    """The one number the reader looks for, and what to do about it."""
    amount = document.totals.payable_minor
    label, caption = "to_pay", ""
    if document.kind is DocumentKind.STATEMENT:
        label, amount = "reallocated", document.totals.net_minor
        caption = _period(document, words=words)
    elif document.kind is DocumentKind.CREDIT_NOTE:
        label = "to_refund"
    elif amount <= 0:
        caption = words("nothing_to_pay")
    elif document.due_date:
        due = typo.day(document.due_date, language=words.language)
        if document.payment_means == "59":
            caption = words("debited", date=due)
        else:
            means = f"means.{document.payment_means}"
            caption = words("before", date=due) + (f" {words(means)}" if words.has(means) else "")
    return {"label": words(label), "amount": _money(amount, document, words), "caption": caption}


def _history(document: Document, *, words: Words) -> View | None:
    """The bars of the past months; heights in thousandths of the highest (a credit month is drawn at zero)."""
    months = document.history_minor[-12:]
    highest = max((amount for _, amount in months), default=0)
    if len(months) < 2 or highest <= 0:
        return None
    last = len(months) - 1
    return {
        "title": words("history.statement" if document.kind is DocumentKind.STATEMENT else "history"),
        "bars": [
            {
                "label": typo.month_short(label, language=words.language),
                "value": typo.grouped(str((max(amount, 0) + 50) // 100), language=words.language),
                "height": max(amount, 0) * 1000 // highest,
                "current": index == last,
            }
            for index, (label, amount) in enumerate(months)
        ],
    }


def _shows_gross(document: Document) -> bool:
    return document.with_tax and any(line.gross_minor is not None for line in document.lines)


def _columns(document: Document, *, words: Words) -> list[View]:
    """The line table: key in a row, heading, alignment; the first column takes the free width."""
    if document.kind is DocumentKind.STATEMENT:
        keys = ["label", "detail", "amount"]
    else:
        keys = ["label", "quantity", "unit", "vat", "net"] + (["gross"] if _shows_gross(document) else [])
    return [{"key": key, "head": words(f"column.{key}"), "right": key not in ("label", "detail")} for key in keys]


def _parts(document: Document, *, words: Words) -> list[View]:
    """The two legal sections of a telecom bill, each with its sections and sub-totals HT and TTC."""
    totals = {total.section: total for total in document.sections}
    parts = []
    for rank, (key, sections) in enumerate(
        (("part.operator", OPERATOR_SECTIONS), ("part.third_party", (Section.THIRD_PARTY,))), start=1
    ):
        present = [s for s in sections if any(line.section is s for line in document.lines)]
        if not present:
            continue
        blocks = [_section(document, section, totals.get(section), words=words) for section in present]
        if key == "part.third_party":
            blocks[0]["title"] = ""  # one section only: the part's own title says it
            blocks[0]["total"] = None
        known = [totals[s] for s in present if s in totals]
        parts.append(
            {
                "title": words(key),
                "rank": str(rank),
                "sections": blocks,
                "total": _subtotal(
                    words("part_total", name=_lower_first(words(key))),
                    net_minor=sum(total.net_minor for total in known),
                    gross_minor=sum(total.gross_minor for total in known),
                    document=document,
                    words=words,
                ),
            }
        )
    return parts


def _section(document: Document, section: Section, total: SectionTotal | None, *, words: Words) -> View:
    title = words(f"section.{section.value}")
    lines = [line for line in document.lines if line.section is section]
    return {
        "title": title,
        "groups": _groups(document, lines, words=words),
        "total": None
        if total is None
        else _subtotal(
            words("subtotal", name=_lower_first(title)),
            net_minor=total.net_minor,
            gross_minor=total.gross_minor,
            document=document,
            words=words,
        ),
    }


def _groups(document: Document, lines: Sequence[DocumentLine], *, words: Words) -> list[View]:
    """Lines by branch, in the order the document names them; within it by family where lines have one."""
    groups = []
    for name in dict.fromkeys(line.group for line in lines):
        members = [line for line in lines if line.group == name]
        plain = [line for line in members if not line.family]
        families = dict.fromkeys(line.family for line in members if line.family)
        if name or plain:
            summed = members if name and len(members) > 1 else []
            groups.append(_group(name, summed, plain, document, words=words))
        for family in families:
            inside = [line for line in members if line.family == family]
            title = f"{name} · {family}" if name else family  # a branch goes on until the next one
            groups.append(_group(title, inside if len(inside) > 1 else [], inside, document, words=words))
    return groups


def _group(
    title: str, summed: Sequence[DocumentLine], rows: Sequence[DocumentLine], document: Document, *, words: Words
) -> View:
    return {
        "title": title,
        "amount": _money(sum(_printed_minor(line) for line in summed), document, words) if summed else "",
        "rows": [_row(line, document, words=words) for line in rows],
    }


def _printed_minor(line: DocumentLine) -> int:
    """The amount of the last column, under which the sum of a group stands: with tax on a document with tax."""
    return line.net_minor if line.gross_minor is None else line.gross_minor


def _row(line: DocumentLine, document: Document, *, words: Words) -> View:
    lang = words.language
    return {
        "label": line.label,
        "detail": _detail(line, document, words=words),
        "quantity": typo.number(line.quantity, language=lang),
        "unit": typo.money_decimal(line.unit_price, currency=document.currency, language=lang),
        "vat": typo.percent(line.vat_rate, language=lang),
        "net": _money(line.net_minor, document, words),
        "amount": _money(line.net_minor, document, words),
        "gross": _money(line.gross_minor, document, words) if line.gross_minor is not None else "",
    }


def _detail(line: DocumentLine, document: Document, *, words: Words) -> str:
    """The line's own detail, and its period when it is another than the document's and not already said."""
    if not (line.period_from and line.period_to):
        return line.detail
    start, end = (typo.day(d, language=words.language) for d in (line.period_from, line.period_to))
    own_period = (line.period_from, line.period_to) != (document.period_from, document.period_to)
    if not own_period or start in line.detail:
        return line.detail
    period = words("line_period", start=start, end=end)
    return f"{line.detail} · {period}" if line.detail else period


def _departments(document: Document, *, words: Words) -> list[View]:
    """A statement reads by department: one part a department, its lines inside by section."""
    parts = []
    for name in dict.fromkeys(line.group for line in document.lines):
        members = [line for line in document.lines if line.group == name]
        sections = [s for s in SECTION_ORDER if any(line.section is s for line in members)]
        parts.append(
            {
                "title": name or document.buyer.name,
                "rank": "",
                "sections": [
                    {
                        "title": words(f"section.{s.value}") if len(sections) > 1 else "",
                        "groups": [
                            {
                                "title": "",
                                "amount": "",
                                "rows": [_row(ln, document, words=words) for ln in members if ln.section is s],
                            }
                        ],
                        "total": None,
                    }
                    for s in sections
                ],
                "total": {
                    "label": words("group_total", name=name or document.buyer.name),
                    "net": _money(sum(line.net_minor for line in members), document, words),
                    "gross": "",
                    "net_word": "",
                    "gross_word": "",
                },
            }
        )
    return parts


def _users(document: Document, *, words: Words) -> View | None:
    """What each line and its user cost, branch by branch with its sum; none where the document does not say."""
    if not document.users:
        return None
    groups = []
    for name in dict.fromkeys(user.group for user in document.users):
        members = [user for user in document.users if user.group == name]
        rows = [(user.name or words("users.itself"), *_of_user(user)) for user in members]
        sums = [sum(column) for column in zip(*(_of_user(user) for user in members), strict=True)]
        groups.append(
            {
                "title": name or document.buyer.name,
                "sums": [_money(minor, document, words) for minor in sums],
                "rows": [[said, *(_money(minor, document, words) for minor in minors)] for said, *minors in rows],
            }
        )
    heads = [words(f"users.{key}") for key in ("line", "subscription", "usage", "other", "total")]
    return {"title": words("users.title"), "heads": heads, "groups": groups}


def _of_user(user: UserTotal) -> tuple[int, int, int, int]:
    parts = (user.subscription_minor, user.usage_minor, user.other_minor)
    return (*parts, sum(parts))


def _subtotal(label: str, *, net_minor: int, gross_minor: int, document: Document, words: Words) -> View:
    return {
        "label": label,
        "net": _money(net_minor, document, words),
        "gross": _money(gross_minor, document, words),
        "net_word": words("net"),
        "gross_word": words("gross"),
    }


def _vat(document: Document, *, words: Words) -> View:
    return {
        "title": words("vat.title"),
        "heads": [words("vat.rate"), words("vat.basis"), words("vat.amount")],
        "rows": [
            [
                typo.percent(vat.rate, language=words.language),
                _money(vat.basis_minor, document, words),
                _money(vat.amount_minor, document, words),
            ]
            for vat in document.vat
        ],
    }


def _totals(document: Document, *, words: Words) -> list[View]:
    """[label, amount] from the net total to what is payable; zero prepaid and rounding are left out."""
    totals = document.totals
    if document.kind is DocumentKind.STATEMENT:
        return [_total(words("reallocated"), totals.net_minor, document, words, strong=True)]
    rows = [
        _total(words("total.net"), totals.net_minor, document, words),
        _total(words("total.vat"), totals.vat_minor, document, words),
        _total(words("total.gross"), totals.gross_minor, document, words),
    ]
    if totals.prepaid_minor:
        rows.append(_total(words("total.prepaid"), -totals.prepaid_minor, document, words))
    if totals.rounding_minor:
        rows.append(_total(words("total.rounding"), totals.rounding_minor, document, words))
    last = "to_refund" if document.kind is DocumentKind.CREDIT_NOTE else "to_pay"
    rows.append(_total(words(last), totals.payable_minor, document, words, strong=True))
    return rows


def _total(label: str, amount_minor: int, document: Document, words: Words, *, strong: bool = False) -> View:
    return {"label": label, "amount": _money(amount_minor, document, words), "strong": strong}


def _payment(document: Document, *, words: Words) -> View | None:
    """The payment box of an invoice that asks for money: when, how much, how, with which reference."""
    if document.kind is not DocumentKind.INVOICE or document.totals.payable_minor <= 0:
        return None
    means = f"means_name.{document.payment_means}"
    due = typo.day(document.due_date, language=words.language) if document.due_date else ""
    rows = [
        (words("payment.due"), due),
        (words("payment.amount"), _money(document.totals.payable_minor, document, words)),
        (words("payment.means"), words(means) if words.has(means) else document.payment_means),
        (words("payment.reference"), document.number),
    ]
    bank = [("IBAN", typo.iban(document.iban)), ("BIC", document.bic)]
    if document.payment_means in ("59", "49"):
        # The notice of the debit (SEPA rulebook): creditor, mandate, and enough of the account to recognise it.
        account = document.debited_iban.replace(" ", "")
        bank = [
            (words("payment.mandate"), document.mandate_reference),
            (words("payment.creditor"), document.creditor_identifier),
            (words("payment.debited"), f"{account[:4]} •••• {account[-4:]}" if account else ""),
        ]
    return {
        "title": words("payment"),
        "rows": [[label, value] for label, value in rows if value],
        "bank": [[label, value] for label, value in bank if value],
        "terms": document.payment_terms,
    }


def _legal(document: Document, *, words: Words, annex_reference: str | None) -> list[str]:
    """The mentions the law asks for, each once (CGI ann. II art. 242 nonies A, C. com. L441-9 and L441-10)."""
    mentions: list[str] = []
    if document.kind is DocumentKind.STATEMENT:
        mentions.append(words("statement.note"))
    else:
        mentions += [_vat_mention(vat.category, vat.exemption_reason, words=words) for vat in document.vat]
        if document.vat_on_debits:
            mentions.append(words("debits"))
        mentions += [document.penalty_note, document.indemnity_note, document.discount_note]
    if annex_reference:
        mentions.append(words("annex", reference=annex_reference))
    return _unique(mentions)


def _vat_mention(category: str, reason: str, *, words: Words) -> str:
    """Why there is no VAT; a reverse charge always says the legal word."""
    if category != "AE":
        return reason
    word = words("reverse_charge")
    if not reason:
        return f"{word}."
    return reason if "autoliquidation" in reason.lower() else f"{word} – {reason}"


def _unique(mentions: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(mention for mention in mentions if mention))


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _money(amount_minor: int, document: Document, words: Words) -> str:
    return typo.money(amount_minor, currency=document.currency, language=words.language)
