"""Does what is stored still hold? Hashes compared, cheap stages done again, predictions made again."""
