"""A night of real operation with disasters, for test_long_night.py: what works, who breaks it, and what must be true at its end."""
