"""What the clean files import."""
