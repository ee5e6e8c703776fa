"""The analyzer: names, types and rules of GoogleSQL, before DuckDB sees anything of a statement.

    text --grammar--> syntax tree --statements.analyze--> the columns of the answer, or what is wrong

    statements.py --> queries.py --> from_clause.py --> table_functions.py --> expressions.py --> paths.py
                                                                                   |
                          arguments.py, signatures.py, matching.py, coercion.py  <-+

    context.py   what every function is given         scopes.py     what a name may mean at a place
    values.py    what is known of an expression       coercion.py   which types become which

All are functions over a Context; each imports only what is to the right of it. A query inside an expression or after
FROM goes through `Context.subquery`. To add a function: a line in signatures.py, a rule in arguments.py if it has one,
and its DuckDB form in the engine. To add a clause: its node in syntax.py, its rule in queries.py.

What it takes, ZetaSQL takes, which the tests hold it to; where BigQuery's documentation is narrower than ZetaSQL, it is
as narrow as the documentation.
"""
