"""Cases beside a DAG: what a case file says, and whether it holds."""
