"""What every launcher is held to: a contract (what must work) and attempts to get out (what must not)."""
