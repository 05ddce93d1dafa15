"""What pages of the console are composed of. `ingestion.admin` exports what other apps may use."""
