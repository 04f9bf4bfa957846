"""What every explorer stands on: engine, controls, canvas, lettering, page."""
