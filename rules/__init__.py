"""The rules that ship with caffelint, one YAML file each."""
