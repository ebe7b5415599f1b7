"""Rating a generated month of a national operator, beside what the machine allows and what others do.

`benchmarks/README.md` says what is measured and how; `ardoise bench rating` runs it.
"""
