"""The pages that need no kernel: explorers recorded position by position, notebooks as HTML."""
