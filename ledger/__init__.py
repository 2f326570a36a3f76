"""What is true: the sealed history of micro-credentials, its rules, its log and its verification."""
