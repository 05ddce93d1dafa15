"""An app of a project whose users are its own: signed in by address, under a UUID, without a user name."""
