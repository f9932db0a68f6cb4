"""What ``caffelint show`` prints: a net as Caffe builds it, a solver's schedule, a weights file."""
