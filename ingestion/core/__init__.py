"""Values and pure functions of the engine: no models, no queries, no network, no settings."""
