"""The weekly digest: the report of one week by email."""
