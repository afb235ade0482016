"""Commands that are no stages, a module each: typer's signature and one call; `cli.py` registers them."""
