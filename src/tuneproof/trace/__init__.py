"""From a number back to everything that it was made of."""
