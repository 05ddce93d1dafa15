"""Loading rows: SQL compiled once per model and database, constraints held, guilty rows isolated."""
