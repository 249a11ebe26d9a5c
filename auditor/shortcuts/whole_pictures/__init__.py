"""What tells a class by the whole picture: statistics, metadata, single odd samples."""
