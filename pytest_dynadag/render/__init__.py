"""What people and other programs read: snapshots, and what changed in them."""
