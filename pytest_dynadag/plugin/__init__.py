"""What connects the plugin with pytest; everything below knows nothing of pytest."""
