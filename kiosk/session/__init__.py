"""The pure core: sessions at EVSEs as functions of (state, event). No clock, no I/O, no await, no log."""
