"""Rules: loading, checking and evaluating them. Knows no Caffe, and no rule by name."""
