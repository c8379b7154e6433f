"""Drivers who wish an account: history, cards, household. Charging never asks for one."""
