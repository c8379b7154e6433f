"""The street outside: vehicles, meters, readers, boards, people and faults. Devices speak real bytes."""
