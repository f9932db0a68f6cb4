"""What every other package speaks in: sources, spans, problems and diagnostics."""
