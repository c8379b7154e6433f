"""The touchscreen: pure tests of choice, words and geometry, and a real window with real touches."""
