"""A user's Django app, as small as one can be: what the engine's tests load into."""
