"""The training engine: data, loop, schedule, precision, checkpoint."""
