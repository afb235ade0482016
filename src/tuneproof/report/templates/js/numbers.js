  // Numbers as the templates write them (words.py).
  const digits = (value, count) => String(Number(value.toPrecision(count)));
  const amount = (value) => {
    const unit = [[1e9, " G"], [1e6, " M"], [1e3, " k"]].find(([size]) => value >= size);
    return unit ? digits(value / unit[0], 3) + unit[1] : digits(value, 3);
  };
  const bytes = (megabytes) => {
    const text = amount(megabytes * 1e6);
    return text.includes(" ") ? `${text}B` : `${text} B`;
  };
  const duration = (seconds) =>
    seconds < 100 ? `${digits(seconds, 3)} s` : seconds < 6000 ? `${digits(seconds / 60, 3)} min` : `${digits(seconds / 3600, 3)} h`;
  const told = {
    score: (value) => value.toFixed(3),
    trainable_parameters: amount,
    train_seconds: duration,
    peak_memory_mb: bytes,
    latency_ms: (value) => `${digits(value, 3)} ms`,
    checkpoint_mb: bytes,
  };
  const measured = (row, measure) => row[measure === "score" ? "value" : measure];
