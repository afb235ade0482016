"""What an experiment will cost on this machine, said before it starts."""
