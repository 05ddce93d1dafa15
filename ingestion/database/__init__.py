"""The database layer: its clock and errors, converters of values, statements."""
