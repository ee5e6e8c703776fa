"""GoogleSQL without an engine: lexer, grammar, syntax tree, types, analyzer. Imports neither DuckDB nor sqlglot."""
