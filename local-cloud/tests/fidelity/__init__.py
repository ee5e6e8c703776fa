"""docs/fidelity.md: what the local cloud supports, simplifies and refuses, and the test that shows it.

statements.py    an example of every kind of statement, run by test_fidelity.py
report.py        `python -m tests.fidelity.report` runs the tests of the REST services, notes which test
                 called which method, and writes the page
"""
