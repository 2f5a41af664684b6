"""What the planted files import."""
