"""What stands between a DAG file and its circumstances while a probe parses it: one file per circumstance."""
