"""What tables are written with: the database's clock, its errors, converters of values, statements."""
