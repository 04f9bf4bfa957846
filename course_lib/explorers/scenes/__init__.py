"""What several explorers draw or compute."""
