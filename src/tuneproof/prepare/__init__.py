"""From a declared source to rows that can be trained on: read, clean, split, and a card that accounts for each row."""
