"""Pages as PDF by WeasyPrint: archival (PDF/A-3a), accessible (PDF/UA-1), the same bytes for the same page.

It prints the HTML that html.py makes for paper, which holds its images and fonts; nothing is fetched.
"""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xaireport.errors import RenderError
from xaireport.files import write_atomic
from xaireport.report.document.blocks import Page
from xaireport.report.plugins import Source
from xaireport.report.writers.html import render

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Date of a page that rests on no run."""


def write(page: Page, path: Path, source: Source) -> None:
    """Write a page for paper, with the numbers attached; see `xaireport.report.plugins.Format`."""
    write_pdf(render(page, source.assets, medium="paper"), path, source.attachments)


def write_pdf(page: str, path: Path, attach: Sequence[Path] = ()) -> None:
    """Write a page as PDF.

    Parameters
    ----------
    page : str
        HTML as `xaireport.report.writers.html` renders it.
    path : Path
        Where to; written under another name first, so that no half-written file is left.
    attach : sequence of Path
        Files to embed: results.json, predictions.csv.

    Raises
    ------
    RenderError
        Pango is not installed, or the page holds what cannot be printed.

    Notes
    -----
    Dates come from the page (``dcterms.created``), not from the clock.
    """
    weasyprint = _weasyprint()
    with _Unprintable() as unprintable:
        printed = _print(weasyprint, page, attach)
    if unprintable.characters:
        # PDF/A forbids glyphs that no typeface has; what stood there is named instead.
        names = {ord(character): f"[U+{ord(character):04X}]" for character in unprintable.characters}
        printed = _print(weasyprint, page.translate(names), attach)
    write_atomic(path, _accessible(printed))


class _Unprintable(logging.Handler):
    """Hears from WeasyPrint which characters no typeface of this machine has."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.characters: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith(".notdef glyph") and isinstance(record.args, tuple):
            self.characters.update(map(str, record.args[:1]))  # the character, then its code

    def __enter__(self) -> _Unprintable:
        logging.getLogger("weasyprint").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("weasyprint").removeHandler(self)


def _print(weasyprint: Any, page: str, attach: Sequence[Path]) -> bytes:
    from weasyprint.urls import FatalURLFetchingError

    html = weasyprint.HTML(string=page, url_fetcher=_fetcher())
    created = _created(html.etree_element)
    attachments = [
        weasyprint.Attachment(
            string=file.read_bytes(),
            name=file.name,
            description=f"{file.name}: the numbers behind this page",
            created=created,
            modified=created,
            relationship="Data",
        )
        for file in attach
    ]
    with _source_date(created), warnings.catch_warnings():
        # WeasyPrint leaves its own colour profile to the garbage collector.
        warnings.filterwarnings("ignore", r"unclosed file .*sRGB2014", ResourceWarning)
        try:
            printed: bytes = html.write_pdf(pdf_variant="pdf/a-3a", pdf_tags=True, attachments=attachments)
        except FatalURLFetchingError as error:
            raise RenderError(
                "a page that holds all it shows", error, "templates may not name files or sites"
            ) from None
    return printed


def _weasyprint() -> Any:
    """Import WeasyPrint, which loads Pango from the system."""
    try:
        import weasyprint
    except OSError as error:
        raise RenderError(
            "Pango, which sets the type of the PDF",
            str(error).splitlines()[0],
            "install it: apt-get install libpango-1.0-0 libpangoft2-1.0-0 (macOS: brew install pango)",
        ) from error
    return weasyprint


def _fetcher() -> Any:
    """A fetcher that knows data: addresses and refuses everything else, aloud."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    class DataOnly(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if not url.startswith("data:"):
                raise FatalURLFetchingError(f"refused to fetch {url}")
            return super().fetch(url, headers)

    return DataOnly(allowed_protocols=["data"])


def _created(root: Any) -> datetime:
    for meta in root.iter("meta"):
        if meta.get("name") == "dcterms.created":
            try:
                moment = datetime.fromisoformat(meta.get("content"))
            except ValueError as error:
                raise RenderError("an ISO date of the run", meta.get("content")) from error
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return EPOCH


@contextmanager
def _source_date(moment: datetime) -> Iterator[None]:
    """Fix the date that fontTools writes into subset fonts."""
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = str(int(moment.timestamp()))
    try:
        yield
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


UA = b"""<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that the file conforms to</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
"""
"""PDF/UA identifier, and the extension schema by which PDF/A allows it.

ISO 14289-1, 5; ISO 19005-3, 6.6.2.3.
"""


def _accessible(printed: bytes) -> bytes:
    """Say in the metadata that the file is PDF/UA-1 too; WeasyPrint can say only one of the two."""
    import pikepdf

    with pikepdf.open(io.BytesIO(printed)) as pdf:
        metadata = pdf.Root.Metadata.read_bytes()
        end = metadata.index(b"</rdf:RDF>")
        pdf.Root.Metadata.write(metadata[:end] + UA + metadata[end:])
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True, linearize=False)
    return out.getvalue()
