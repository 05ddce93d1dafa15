"""Ways to bring the same pages into the same table. Each module has `prepare(pages, changed) -> work`.

`prepare` may take its time; only `work()` is measured. `changed` says that the table is filled already and one record in a
hundred differs. `work` returns how many rows are stored afterwards.
"""
