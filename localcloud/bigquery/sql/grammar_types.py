"""Types as GoogleSQL spells them (S/data-types)."""

from __future__ import annotations

from localcloud.bigquery.sql.reader import RESERVED, Reader

_NESTED = ("ARRAY", "STRUCT")


class Types(Reader):
    """Steps over types."""

    def type(self) -> None:
        """A type; which ones are served is decided elsewhere."""
        if self.take("ARRAY"):
            self.expect("<")
            self.type()
            self.expect(">")
        elif self.take("STRUCT"):
            self.expect("<")
            if not self.sees(">"):
                self.several(self._field)
            self.expect(">")
        elif self.sees("RANGE", "<"):
            self.unsupported("the type RANGE")
        else:
            self.name()
            if self.take("("):
                self.several(self._length)
                self.expect(")")

    def _field(self) -> None:
        following = self.ahead(1)
        if following.kind in ("word", "quoted") and (following.word not in RESERVED or following.word in _NESTED):
            self.name()
        self.type()

    def _length(self) -> None:
        if self.next.kind != "number" and not self.sees("MAX"):
            self.unexpected()
        self.advance()
