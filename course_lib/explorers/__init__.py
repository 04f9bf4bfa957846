"""Pictures moved by sliders: one module an explorer, named for what it shows; engine runs all."""
