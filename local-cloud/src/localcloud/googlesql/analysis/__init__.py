"""The analyzer: names, types and rules of GoogleSQL, before DuckDB sees anything of a statement.

    text --grammar--> syntax.py --statements, queries, tables, calls, windows, expressions--> columns, or what is wrong

    values.py   what an expression is      coercion.py     which types become which
    names.py    what a name means          signatures.py   what functions take and give; matching.py: which fits

What it takes, ZetaSQL takes, which the tests hold it to; where BigQuery's documentation is narrower than ZetaSQL, it is
as narrow as the documentation.
"""
