"""The pure core: events and facts in, records and wants out. No clock, no await, no log, no random."""
