"""Types as GoogleSQL spells them (S/data-types)."""

from __future__ import annotations

from localcloud.googlesql.lexer import RESERVED, Reader
from localcloud.googlesql.syntax import TypeName

_NESTED = ("ARRAY", "STRUCT")


class Types(Reader):
    """Reads types."""

    def type(self) -> TypeName:
        """A type; which ones are served is decided elsewhere."""
        begin = self.next.start
        if self.take("ARRAY"):
            self.expect("<")
            element = self.type()
            self.expect(">")
            return TypeName(begin, "ARRAY", (("", element),))
        if self.take("STRUCT"):
            self.expect("<")
            fields = () if self.sees(">") else self.several(self._field)
            self.expect(">")
            return TypeName(begin, "STRUCT", fields)
        if self.sees("RANGE", "<"):
            self.unsupported("the type RANGE")
        if self.take("INTERVAL"):
            return TypeName(begin, "INTERVAL")
        name = self.name()
        lengths = self.take("(")
        if lengths:
            self.several(self._length)
            self.expect(")")
        return TypeName(begin, name.text.upper(), (), lengths)

    def _field(self) -> tuple[str, TypeName]:
        following = self.ahead(1)
        named = following.kind in ("word", "quoted") and (following.word not in RESERVED or following.word in _NESTED)
        return (self.name().text if named else ""), self.type()

    def _length(self) -> None:
        if self.next.kind != "number" and not self.sees("MAX"):
            self.unexpected()
        self.advance()
