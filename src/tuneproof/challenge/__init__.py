"""Challenge: stored runs answer changed inputs, so that `evaluate` can say how much a method loses."""
