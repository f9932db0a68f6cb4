"""Pictures of training runs: what is drawn, as files and in a terminal."""
