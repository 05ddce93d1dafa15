"""The standalone project around the engine. Never part of the wheel; may be read as an example of one's own."""
