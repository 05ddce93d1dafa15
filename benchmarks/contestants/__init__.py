"""Ways to bring the same pages into the same table. Each module has `prepare(corpus) -> work`.

`prepare` may take its time and finds what an earlier run left in the table; only `work()` is measured. It returns how many
rows are stored afterwards.
"""
