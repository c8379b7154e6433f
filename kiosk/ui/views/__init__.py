"""View-models: everything a screen shows, as words and numbers already written in the driver's language."""
