"""What a scan reads: where inputs lie, how they are packed, and the logs in them, as bytes within limits."""
